//! An agent and a relay in one process, the farm claimed for the relay's store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::fleet::core::Timing;
use agent::{Agent, AssembleError};
use api::clock::{Clock, SystemClock};
use api::door::Door;
use domain::id::StoreId;
use domain::text::Name;
use relay::assemble::Relay;

use crate::failure::Failure;
use crate::pairing;

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
        pairing::follow(&farm, &relay).await?;
        let relay_url = pairing::dialled(&relay);
        Ok(Self { farm, relay, relay_url, store_name })
    }

    /// The relay's store, and a new link that signs its owner in at the relay, once. A relay without a store gets one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owner_link(&self) -> Result<(StoreId, String), Failure> {
        let made = self.relay.accounts.first_store(self.store_name.clone()).await.map_err(Failure::fail)?;
        Ok((made.store, format!("{}/#token={}", self.relay_url, made.one_time_token)))
    }

    /// The doors of both.
    pub fn doors(&self) -> Vec<Arc<Door>> {
        vec![Arc::clone(&self.farm.door), Arc::clone(&self.relay.accounts.door)]
    }

    /// Whether the farm belongs to this relay.
    pub fn is_claimed(&self) -> bool {
        pairing::claim_by(&self.farm, &self.relay).is_some()
    }

    /// Whether people parted the two: then it stays as they left it.
    ///
    /// # Errors
    /// What a database says.
    pub fn was_parted(&self) -> Result<bool, Failure> {
        pairing::was_parted(&self.farm, &self.relay)
    }

    /// The farm becomes the store's.
    ///
    /// # Errors
    /// What one of the doors says, or that the agent did not take its place.
    pub async fn claim_for_store(&self, ca_file: Option<&Path>) -> Result<(), Failure> {
        pairing::claim(&self.farm, &self.relay_url, &self.owner_link().await?.1, ca_file).await
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

/// Why an agent does not run, for who started it.
pub fn agent_not_started(error: AssembleError) -> Failure {
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
