//! An agent and a relay in one process. The farm is claimed for the relay's store by the same operations as any other farm, each
//! called at its own door by whom it belongs to. Nobody types a code, because both screens are here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::fleet::core::Timing;
use agent::{Agent, AssembleError};
use api::claims::{FAREWELL, relay_moved};
use api::clock::{Clock, SystemClock};
use contract::ops::claims::{BeginClaimOp, ClaimFarmOp, GetPairing};
use contract::problem::Code;
use domain::farm::Claim;
use domain::id::StoreId;
use domain::text::Name;
use relay::assemble::Relay;
use serde_json::{Value, json};

use crate::client::{Ask, Client};
use crate::failure::Failure;
use crate::table::words;

/// An agent asks every two seconds whether somebody said yes; a busy machine gets time.
const CLAIMED_WITHIN: Duration = Duration::from_secs(60);
/// How long the copy of a farm that was away may take before it is shown as it is.
const IN_STEP_WITHIN: Duration = Duration::from_secs(10);

/// Both, running. The farm stops first, as if its line broke.
pub struct Together {
    /// The agent.
    pub farm: agent::Running,
    /// The relay.
    pub relay: relay::assemble::Running,
    /// Where the relay is found.
    pub relay_url: String,
    store_name: Name,
}

impl Together {
    /// Starts both on their folders. If the relay has no store yet, its first gets that name.
    ///
    /// # Errors
    /// Why one of them cannot be started; then neither runs.
    pub async fn start(farm: &agent::config::Config, relay: &relay::config::Config, store: &str) -> Result<Self, Failure> {
        let store_name = store.parse().map_err(Failure::usage)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let relay = Relay::start(relay, Arc::clone(&clock)).await.map_err(relay_not_started)?;
        let farm = Agent::start(farm, clock, Timing::from(&farm.timing)).await.map_err(agent_not_started)?;
        // The agent dials, so it needs an address that can be dialled.
        let mut dialled = relay.address;
        if dialled.ip().is_unspecified() {
            dialled.set_ip([127, 0, 0, 1].into());
        }
        let relay_url = relay.accounts.door.url(dialled);
        let together = Self { farm, relay, relay_url, store_name };
        if together.claim().is_some_and(|claim| claim.relay_url != together.relay_url) {
            relay_moved(&together.farm.door, together.relay_url.clone()).await.map_err(Failure::fail)?;
        }
        Ok(together)
    }

    /// The relay's store, and a new link that signs its owner in at the relay, once. A relay without a store gets one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owner_link(&self) -> Result<(StoreId, String), Failure> {
        let made = self.relay.accounts.first_store(self.store_name.clone()).await.map_err(Failure::fail)?;
        Ok((made.store, format!("{}/#token={}", self.relay_url, made.one_time_token)))
    }

    /// Whether the farm belongs to this relay.
    pub fn is_claimed(&self) -> bool {
        self.claim().is_some()
    }

    /// The claim by this relay.
    fn claim(&self) -> Option<Claim> {
        self.farm.door.accounts.claim().filter(|claim| claim.relay_id == self.relay.accounts.tunnels.relay_id())
    }

    /// Whether people parted the two, or gave the farm to another relay: then it stays as they left it.
    ///
    /// # Errors
    /// What a database says.
    pub fn was_parted(&self) -> Result<bool, Failure> {
        let door = &self.farm.door;
        let farewell: Option<Option<Claim>> = door.store.read(|rows| rows.setting(FAREWELL)).map_err(Failure::fail)?;
        let farm_id = door.home().farm_id;
        let tunnel = self.relay.accounts.door.store.read(|rows| rows.tunnel(farm_id)).map_err(Failure::fail)?;
        let elsewhere = door.accounts.claim().is_some() && !self.is_claimed();
        Ok(elsewhere || farewell.flatten().is_some() || tunnel.is_some_and(|tunnel| tunnel.state.revoked))
    }

    /// The owner of the farm asks for a code, the owner of the store says yes to it. Killed anywhere in between it is done
    /// again at the next start.
    ///
    /// # Errors
    /// What one of the doors says, or that the agent did not take its place.
    pub async fn claim_for_store(&self, ca_file: Option<&Path>) -> Result<(), Failure> {
        let link = self.farm.sign_in_link().await.map_err(Failure::fail)?;
        let at_the_farm = Client::sign_in(&link, ca_file).await?;
        let asked = at_the_farm.call::<BeginClaimOp>(Ask::all().body(json!({"relay_url": self.relay_url}))).await;
        at_the_farm.sign_out().await?;
        match asked {
            Ok(shown) => {
                let owner = Client::sign_in(&self.owner_link().await?.1, ca_file).await?;
                say_yes(&owner, &shown).await?;
                owner.sign_out().await?;
            }
            // The code of before the kill has just been answered.
            Err(failure) if failure.has_code(Code::AlreadyClaimed) => return Ok(()),
            Err(failure) => return Err(failure),
        }
        let Some(mut claims) = self.farm.door.accounts.follow() else { return Ok(()) };
        let claimed = tokio::time::timeout(CLAIMED_WITHIN, claims.wait_for(Option::is_some)).await;
        claimed.map_err(|_| Failure::fail("the agent did not take its place in the store"))?.map_err(Failure::fail)?;
        Ok(())
    }

    /// Waits until the relay has what the farm has now, so that nobody who looks there first finds it empty.
    pub async fn in_step(&self) {
        let (farm, relay) = (&self.farm.door, &self.relay.accounts.door);
        let Ok(end) = farm.store.read(|rows| rows.log_end()) else { return };
        let farm_id = farm.home().farm_id;
        let mut head = relay.store.head();
        let waiting = async {
            loop {
                head.mark_unchanged();
                let Ok(tunnel) = relay.store.read(|rows| rows.tunnel(farm_id)) else { return };
                let there = |at: u64| at >= end.position;
                if tunnel.is_some_and(|tunnel| there(tunnel.state.rows.at) && there(tunnel.state.events.at)) {
                    return;
                }
                if head.changed().await.is_err() {
                    return;
                }
            }
        };
        // A large backlog goes on arriving while people work.
        drop(tokio::time::timeout(IN_STEP_WITHIN, waiting).await);
    }
}

async fn say_yes(owner: &Client, shown: &Value) -> Result<(), Failure> {
    let code = words(&shown["user_code"]);
    let asking = owner.call::<GetPairing>(Ask::of(code.clone())).await?;
    if asking["fingerprint"] != shown["fingerprint"] {
        return Err(Failure::fail("another farm asks under the code of this one"));
    }
    let yes = json!({"user_code": code, "fingerprint": shown["fingerprint"]});
    owner.call::<ClaimFarmOp>(Ask::all().body(yes)).await.map(drop)
}

fn agent_not_started(error: AssembleError) -> Failure {
    let listens = matches!(error, AssembleError::Listen(_));
    not_started(Failure::fail(format!("the agent: {error}")), listens)
}

fn relay_not_started(error: relay::assemble::AssembleError) -> Failure {
    let listens = matches!(error, relay::assemble::AssembleError::Listen(_));
    not_started(Failure::fail(format!("the relay: {error}")), listens)
}

fn not_started(failure: Failure, listens: bool) -> Failure {
    if listens {
        failure.hint("Does something run there already? --port, --relay-port and --mqtt-port say where else; 0 takes any.")
    } else {
        failure
    }
}
