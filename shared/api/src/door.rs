//! A door: what an assembly (agent or relay) hands to the pipeline.

use std::sync::Arc;

use domain::farm::HomeIds;
use domain::time::Timestamp;
use store::{Sealer, Store};

use crate::auth::SignInThrottle;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::floor::Floor;
use crate::forward::Farms;

/// What an assembly hands to the pipeline.
pub struct Door {
    /// Its database.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its key for secrets.
    pub sealer: Sealer,
    /// Its content.
    pub blobs: Blobs,
    /// The floor, if this is the agent: the right to write farm facts.
    pub farm: Option<FarmHome>,
    /// The farms, if this is the relay: where calls about their facts go.
    pub farms: Arc<dyn Farms>,
    /// Whether account facts are written here.
    pub account_home: bool,
    /// `agent` or `relay`.
    pub served_by: &'static str,
    /// False for a simulated farm.
    pub live: bool,
    /// Names besides addresses and `*.local` under which the page may be called.
    pub host_names: Vec<String>,
    /// Slows down who guesses.
    pub throttle: SignInThrottle,
}

/// The right to write farm facts. Only who has a floor can make one, and only the agent has one.
#[derive(Clone)]
pub struct FarmHome(Arc<dyn Floor>);

impl FarmHome {
    /// From the floor.
    pub fn new(floor: Arc<dyn Floor>) -> Self {
        Self(floor)
    }

    /// The floor.
    pub fn floor(&self) -> &dyn Floor {
        self.0.as_ref()
    }
}

impl Door {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether this is a relay's door: the home of every store's accounts, and of no farm.
    pub const fn is_relay(&self) -> bool {
        self.account_home && self.farm.is_none()
    }

    /// The store and the farm.
    pub fn home(&self) -> HomeIds {
        self.store.home()
    }
}
