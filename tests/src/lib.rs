//! What the stories stand on: a farm that is a real process ([`farm`]), a live reader of its stream ([`stream`]), a line to a printer
//! that can lose what a test wants lost ([`proxy`]), printers of either kind ([`counterpart`], [`prusalink`]), a driver alone ([`driven`]), the smallest floor of these
//! ([`floor`]), a relay that is a process ([`relay`]) behind a line that keeps what passes ([`wire`]), who calls either
//! ([`caller`]), who takes its webhooks ([`hook`]) or hears its MQTT ([`mqtt`]), and the stories that are told of both kinds ([`whole_way`], [`kill_table`]).
//! Waits for what happens, never for time alone; knows nothing of the agent's insides.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

pub mod caller;
pub mod counterpart;
pub mod driven;
pub mod farm;
pub mod floor;
pub mod hook;
pub mod kill_table;
pub mod mqtt;
pub mod proxy;
pub mod prusalink;
pub mod relay;
pub mod stream;
pub mod uploads;
pub mod whole_way;
pub mod wire;

use std::time::Duration;

/// How long a story waits for anything that it names.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a story asks again where nobody tells it: no oftener than a key may by itself.
pub const ASK_EACH: Duration = Duration::from_millis(100);

/// Limits that no story meets: it asks far oftener than a caller would, from one address and with one key. What limits do has
/// tests of its own.
pub const ROOMY: &str = "
[limits]
key = {per_minute = 60000, burst = 10000}
session = {per_minute = 60000, burst = 10000}
store = {per_minute = 60000, burst = 10000}
address = {per_minute = 60000, burst = 10000}
failed = {per_minute = 60000, burst = 10000}
";

/// [`ROOMY`], where a story holds the door in its own process.
///
/// # Panics
/// Never.
pub fn roomy() -> api::limits::LimitSettings {
    #[derive(serde::Deserialize)]
    struct Settings {
        limits: api::limits::LimitSettings,
    }
    toml::from_str::<Settings>(ROOMY).unwrap().limits
}

/// How often each kill is tried: once, or ten times in the full run.
pub fn rounds() -> usize {
    if std::env::var_os("GANTRY_FULL").is_some() { 10 } else { 1 }
}

/// Waits until it holds, for something that tells nobody when it does.
///
/// # Panics
/// When it does not hold in time.
pub async fn until_it_holds(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(ASK_EACH);
    let looking = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "waited in vain: {what}");
}
