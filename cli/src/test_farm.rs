//! `gantry test-farm`: the farm that test keys open, an agent whose printers are simulated. Run by itself it is claimed like any other farm;
//! beside a relay (`--test-farm` of `gantry up` and `gantry relay`) it is claimed for the store by the program itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::Agent;
use agent::fleet::core::Timing;
use api::clock::SystemClock;
use clap::Args;
use contract::ops::claims::BeginClaimOp;
use contract::ops::printers::ClearBedOp;
use domain::id::StoreId;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::client::{Ask, Client};
use crate::failure::Failure;
use crate::farm::every_printer;
use crate::machines::{Machines, Started, here};
use crate::output::{Output, line};
use crate::pairing;
use crate::serve::{init_logs, until_stopped};
use crate::session::Session;
use crate::table::words;
use crate::together::agent_not_started;

/// How often it is looked whether a print has ended.
const LOOK: Duration = Duration::from_secs(1);

/// Options of `gantry test-farm`.
#[derive(Args)]
pub struct TestFarm {
    /// The relay where the farm is to be claimed: shows a code for that; absent = whoever owns the farm asks for one later.
    relay_url: Option<String>,
    /// Keep the farm in this folder; absent = a new one that is removed afterwards.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The port of the farm's own page and API; 0 = any free one.
    #[arg(long, default_value_t = 7471)]
    port: u16,
    #[command(flatten)]
    printers: Printers,
}

/// The simulated printers of a test farm.
#[derive(Args, Clone, Copy)]
pub struct Printers {
    /// How many printers the test farm has.
    #[arg(long = "test-printers", default_value_t = 3, value_name = "N")]
    count: usize,
    /// How many times faster than life its printers heat and print.
    #[arg(long = "test-speed", default_value_t = 60, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// Nobody clears the beds of the test farm; otherwise they are cleared right after each print.
    #[arg(long = "test-keep-beds")]
    keep_beds: bool,
}

impl TestFarm {
    /// Runs until stopped. With --json the first line is {"agent_url", "sign_in_url"}, and with a relay {"user_code", "fingerprint"} too.
    pub async fn run(self, ca_file: Option<&Path>, out: &Output) -> Result<(), Failure> {
        init_logs("warn");
        let scratch = tempfile::tempdir().map_err(Failure::fail)?;
        let data = self.data.clone().unwrap_or_else(|| scratch.path().to_owned());
        let running = Running::start(data, self.port, self.printers, out).await?;
        let mut first = json!({"agent_url": running.farm.url()});
        let unclaimed = running.farm.door.accounts.claim().is_none();
        if let Some(relay_url) = self.relay_url.filter(|_| unclaimed) {
            let owner = Client::sign_in(&running.farm.sign_in_link().await.map_err(Failure::fail)?, ca_file).await?;
            let shown = owner.call::<BeginClaimOp>(Ask::all().body(json!({"relay_url": relay_url}))).await?;
            owner.sign_out().await?;
            for field in ["user_code", "fingerprint", "verification_uri_complete"] {
                first[field] = shown[field].clone();
            }
        }
        first["sign_in_url"] = running.farm.sign_in_link().await.map_err(Failure::fail)?.into();
        if out.json {
            line(&first.to_string())?;
        } else {
            line(&told(&first))?;
        }
        let door = std::sync::Arc::clone(&running.farm.door);
        until_stopped(running, vec![door]).await;
        Ok(())
    }
}

fn told(first: &Value) -> String {
    let (url, link) = (words(&first["agent_url"]), words(&first["sign_in_url"]));
    let mut text = format!("A test farm runs at {url}. Its page: {link}");
    if let Some(code) = first["user_code"].as_str() {
        let (words, uri) = (words(&first["fingerprint"]), words(&first["verification_uri_complete"]));
        text.push_str(&format!(
            "\nClaim it within ten minutes at {uri}\nor with: gantry farms claim {code} --fingerprint {words}"
        ));
    }
    text
}

/// A test farm that runs.
pub struct Running {
    /// Its agent.
    pub farm: agent::Running,
    _machines: Started,
    clearing: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts the agent of a test farm on its folder, with its printers.
    ///
    /// # Errors
    /// Why it cannot be started; then nothing runs.
    pub async fn start(data_dir: PathBuf, port: u16, printers: Printers, out: &Output) -> Result<Self, Failure> {
        let config = agent::config::Config {
            farm_name: "Test farm".to_owned(),
            listen: here(port),
            live: false,
            data_dir,
            ..Default::default()
        };
        let timing = Timing::from(&config.timing);
        let farm = Agent::start(&config, Arc::new(SystemClock), timing).await.map_err(agent_not_started)?;
        let session = owner(&farm, out).await?;
        let machines = Machines { letter: 'T', printers: printers.count, speed: printers.speed };
        let machines = machines.start(&session).await?;
        let clearing = (!printers.keep_beds).then(|| tokio::spawn(clear_beds(session)));
        Ok(Self { farm, _machines: machines, clearing })
    }

    /// Beside a relay: claims the farm for that store, or for the only one, unless people parted them.
    ///
    /// # Errors
    /// The relay has no such store, or several; or what one of the doors says.
    pub async fn join(
        &self,
        relay: &relay::assemble::Running,
        store: Option<StoreId>,
        ca_file: Option<&Path>,
    ) -> Result<(), Failure> {
        pairing::follow(&self.farm, relay).await?;
        if pairing::claim_by(&self.farm, relay).is_some() || pairing::was_parted(&self.farm, relay)? {
            return Ok(());
        }
        let stores = relay.accounts.stores().map_err(Failure::fail)?;
        let meant: Vec<_> = stores.into_iter().filter(|(id, _)| store.is_none_or(|store| store == *id)).collect();
        let (store, owner) = match meant.as_slice() {
            [] => {
                let hint = "`gantry relay store create NAME` makes one, also while the relay is stopped.";
                return Err(Failure::usage("the relay has no store that the test farm could belong to").hint(hint));
            }
            [only] => *only,
            [_, ..] => {
                let ids: Vec<String> = meant.iter().map(|(store, _)| store.to_string()).collect();
                let hint = format!("Say which: --test-farm {}", ids.join(" or "));
                return Err(Failure::usage("the relay has several stores").hint(hint));
            }
        };
        let made = relay.accounts.owner_of(store, owner).await.map_err(Failure::fail)?;
        let relay_url = pairing::dialled(relay);
        pairing::claim(&self.farm, &relay_url, &format!("{relay_url}/#token={}", made.one_time_token), ca_file).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(clearing) = &self.clearing {
            clearing.abort();
        }
    }
}

/// The owner at the farm's own door, which no claim takes from them.
async fn owner(farm: &agent::Running, out: &Output) -> Result<Session, Failure> {
    let link = farm.sign_in_link().await.map_err(Failure::fail)?;
    Ok(Session { client: Client::sign_in(&link, None).await?, out: *out })
}

/// Plays the person who takes finished prints off, so that whoever tries an integration out need not.
async fn clear_beds(session: Session) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Ok(printers) = every_printer(&session).await else { continue };
        for printer in printers.iter().filter(|printer| printer["display"] == "needs_clear") {
            let clear = json!({"bed_use": printer["bed_use"], "start_next": true});
            // Refused if somebody was quicker; the next look shows what is.
            drop(session.call::<ClearBedOp>(Ask::of(words(&printer["id"])).body(clear)).await);
        }
    }
}
