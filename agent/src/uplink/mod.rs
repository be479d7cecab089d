//! The line to the relay. The agent dials out and keeps one WebSocket open for as long as its farm is claimed. Here
//! are the shells around `sync::farm`, which decides what is sent and when.

mod asking;
pub mod claim;
mod contact;
pub mod content;
mod facts;
pub mod identity;
mod session;

use std::sync::Arc;
use std::time::Duration;

use api::clock::{Stopwatch, is_set};
use api::door::Door;
use api::entropy::SystemEntropy;
use api::socket::Line;
use domain::farm::Claim;
use domain::file::ContentHash;
use domain::hex::hex;
use domain::pairing::WhyRefused;
use drivers::web::{WebAddress, client, dial};
use store::Entropy;
use sync::frame::{ByeCode, LARGEST_FRAME};
use tokio::sync::{broadcast, watch};

pub use self::facts::outcomes_settled;
use self::identity::Identity;
pub use self::session::Ended;

/// The first wait after a line broke; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A line that stood for so long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(60);
/// Words about content that a slow listener may miss.
const WORDS: usize = 256;

/// What a line needs of the agent.
pub struct Uplink {
    /// The door that calls are carried out at.
    pub door: Arc<Door>,
    /// Proves who this agent is.
    pub identity: Arc<Identity>,
    /// Random, as long as this process lives: two that alternate are a clone.
    pub session_nonce: String,
    /// Content that the relay asks for.
    pub wanted: broadcast::Sender<ContentHash>,
    /// The session that is open, for fetching content.
    pub open: watch::Sender<Option<OpenSession>>,
    /// After so many days a new key is made; 0 = only when somebody asks.
    pub rekey_days: u32,
}

/// An open session: where the relay is, and what opens its door for content.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The relay.
    pub relay_url: String,
    /// The token of this session.
    pub content_token: String,
}

impl Uplink {
    /// Of that agent.
    pub fn new(door: Arc<Door>, identity: Arc<Identity>, open: watch::Sender<Option<OpenSession>>, rekey_days: u32) -> Self {
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random);
        Self { door, identity, session_nonce: hex(&random), wanted: broadcast::channel(WORDS).0, open, rekey_days }
    }

    /// Whether the key for that relay has been used for long enough.
    fn key_is_due(&self, claim: &Claim) -> bool {
        let now = self.door.now();
        let since =
            self.identity.made_at().filter(|made| is_set(*made)).map_or(claim.claimed_at, |made| made.max(claim.claimed_at));
        let days = now.millis_since(since) / (24 * 3600 * 1000);
        self.rekey_days > 0 && is_set(now) && days >= i64::from(self.rekey_days)
    }

    /// Keeps the line, for as long as the agent runs.
    pub async fn run(self: Arc<Self>) {
        let Some(mut claims) = self.door.accounts.follow() else { return };
        let mut wait = FIRST_WAIT;
        loop {
            let claim = claims.borrow_and_update().clone();
            let Some(claim) = claim else {
                tokio::select! {
                    () = self.say_farewell() => {}
                    changed = claims.changed() => if changed.is_err() { return },
                }
                continue;
            };
            if let Err(error) = facts::heard_of_relay(&self.door, false).await {
                tracing::warn!(%error, "when the relay was heard could not be written");
            }
            let began = Stopwatch::start();
            let come_again = tokio::select! {
                ended = self.hold(&claim) => self.ended(&claim, ended).await,
                _ = claims.changed() => None,
            };
            self.open.send_replace(None);
            wait = if began.elapsed() >= GOOD { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            tokio::select! {
                () = tokio::time::sleep(come_again.unwrap_or_else(|| jitter(wait))) => {}
                _ = claims.changed() => wait = FIRST_WAIT,
            }
        }
    }

    async fn hold(&self, claim: &Claim) -> Ended {
        let lost = |why: String| Ended::Lost(why);
        let address = match WebAddress::read(&claim.relay_url) {
            Ok(address) => address,
            Err(problem) => return lost(problem.to_string()),
        };
        let client = match client(&address) {
            Ok(client) => client,
            Err(problem) => return lost(problem.to_string()),
        };
        match dial(&client, address.join("/tunnel"), &[], Some("gantry-sync"), LARGEST_FRAME).await {
            Ok(socket) => session::run(self, claim, Line::new(socket)).await,
            Err(why) => lost(why),
        }
    }

    /// Tells the relay that the farm has left it, as soon as it can be reached; then never comes back.
    async fn say_farewell(&self) {
        let mut wait = FIRST_WAIT;
        while let Ok(Some(claim)) = facts::farewell(&self.door) {
            match self.hold(&claim).await {
                Ended::Bye(ByeCode::Refused | ByeCode::OldKey, _) if self.identity.try_another() => continue,
                // An agent that is not the farm to its relay has nothing more to say there.
                Ended::Revoked | Ended::Bye(ByeCode::Refused | ByeCode::OldKey | ByeCode::Clone, _) => {
                    if let Err(error) = facts::farewell_said(&self.door).await {
                        tracing::warn!(%error, "that the relay knows of the unpairing could not be written");
                    }
                }
                Ended::Lost(_) | Ended::Bye(..) | Ended::RolledBack(_) | Ended::Again => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            tokio::time::sleep(jitter(wait)).await;
        }
        std::future::pending().await
    }

    /// What follows if the relay takes this agent for another's copy.
    async fn refused(&self, code: ByeCode) {
        let why = match code {
            ByeCode::Clone => WhyRefused::SecondAgent,
            ByeCode::OldKey => WhyRefused::OldKey,
            ByeCode::Refused
            | ByeCode::Revoked
            | ByeCode::Replaced
            | ByeCode::Upgrade
            | ByeCode::Shutdown
            | ByeCode::RolledBack
            | ByeCode::TooBig
            | ByeCode::Protocol
            | ByeCode::Other => return,
        };
        tracing::error!(?why, "the relay does not let this agent in: it starts nothing until somebody has looked");
        if let Err(error) = facts::refused(&self.door, why).await {
            tracing::error!(%error, "that this agent is to start nothing could not be written");
        }
    }

    /// What follows from a line's end. Says when to come again, if the relay said so.
    async fn ended(&self, claim: &Claim, ended: Ended) -> Option<Duration> {
        match ended {
            Ended::Lost(why) => {
                tracing::warn!(relay = claim.relay_url, why, "the line to the relay is gone; the floor goes on");
                None
            }
            Ended::Again => Some(Duration::ZERO),
            Ended::Bye(ByeCode::Refused | ByeCode::OldKey, _) if self.identity.try_another() => Some(Duration::ZERO),
            Ended::Bye(code, again) => {
                self.refused(code).await;
                tracing::warn!(relay = claim.relay_url, ?code, "the relay ended the line; the floor goes on");
                again
            }
            Ended::Revoked => {
                tracing::warn!(relay = claim.relay_url, "the pairing was ended at the relay: this farm is its own home again");
                if let Err(error) = facts::set_free(&self.door).await {
                    tracing::error!(%error, "the end of the pairing could not be written");
                }
                None
            }
            Ended::RolledBack(last_number) => {
                tracing::error!(
                    "this database is older than what the relay has of it: a new log is begun and nothing is started"
                );
                if let Err(error) = facts::rolled_back(&self.door, last_number).await {
                    tracing::error!(%error, "a new log could not be begun");
                }
                None
            }
        }
    }
}

/// Somewhere in the upper half of it, so that many agents do not come back at the same moment.
fn jitter(wait: Duration) -> Duration {
    let mut random = [0; 2];
    SystemEntropy.fill(&mut random);
    wait.mul_f64(0.5 + f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX) / 2.0)
}
