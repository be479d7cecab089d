//! A door: what an assembly (agent or relay) hands to the pipeline.

use std::net::SocketAddr;
use std::sync::Arc;

use contract::problem::{Code, Problem};
use domain::farm::{Claim, HomeIds};
use domain::id::{PrinterId, StoreId};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use domain::webhook::WebhookUrl;
use store::{Sealer, Store};
use tokio::sync::{broadcast, watch};

use crate::auth::SignInThrottle;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::floor::Floor;
use crate::floor_people::FloorPeople;
use crate::forward::Farms;
use crate::keep::{Keep, Room};

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
    /// How much content is kept for the farms, if this is the relay.
    pub keep: Keep,
    /// Where account facts are written.
    pub accounts: Arc<AccountHome>,
    /// `agent` or `relay`.
    pub served_by: &'static str,
    /// False for a simulated farm.
    pub live: bool,
    /// Names besides addresses and `*.local` under which the page may be called.
    pub host_names: Vec<String>,
    /// Whether it speaks TLS itself.
    pub https: bool,
    /// Slows down who guesses.
    pub throttle: SignInThrottle,
    /// What is kept in mind of the people and devices of the floor.
    pub people: FloorPeople,
    /// Where webhooks may go, if they are sent from here at all.
    pub webhook_urls: Option<Arc<dyn WebhookUrls>>,
}

/// Judges the addresses of webhooks before they are written down. Whoever sends them judges again.
pub trait WebhookUrls: Send + Sync {
    /// Whether events may be sent there.
    ///
    /// # Errors
    /// Why not, in words for who asked.
    fn judge(&self, url: &WebhookUrl) -> Result<(), String>;
}

/// Where the account facts of a door are written.
#[derive(Debug, Default)]
pub enum AccountHome {
    /// Here: a relay, the home of every store's accounts and of no farm.
    #[default]
    Relay,
    /// Here, until the farm is claimed; then at the relay that claimed it.
    Farm(watch::Sender<Option<Claim>>),
}

impl AccountHome {
    /// Of an agent.
    pub fn farm(claim: Option<Claim>) -> Self {
        Self::Farm(watch::channel(claim).0)
    }

    /// The claim, if the farm has been claimed.
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::Relay => None,
            Self::Farm(claim) => claim.borrow().clone(),
        }
    }

    /// The farm was claimed or set free, and that is durable.
    pub fn claimed(&self, now: Option<Claim>) {
        match self {
            Self::Relay => {}
            Self::Farm(claim) => drop(claim.send_replace(now)),
        }
    }

    /// The claim as it changes; none at a relay.
    pub fn follow(&self) -> Option<watch::Receiver<Option<Claim>>> {
        match self {
            Self::Relay => None,
            Self::Farm(claim) => Some(claim.subscribe()),
        }
    }
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
    /// Where people find it when it listens there. A certificate is made out to a name: the first configured one.
    pub fn url(&self, address: SocketAddr) -> String {
        match (self.https, self.host_names.first()) {
            (true, Some(name)) if address.port() == 443 => format!("https://{name}"),
            (true, Some(name)) => format!("https://{name}:{}", address.port()),
            (true, None) => format!("https://{address}"),
            (false, _) => format!("http://{address}"),
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether this is a relay's door: the home of every store's accounts, and of no farm.
    pub fn is_relay(&self) -> bool {
        matches!(*self.accounts, AccountHome::Relay)
    }

    /// For account facts that no farm has, not even one that was never claimed.
    ///
    /// # Errors
    /// `relay_only` at an agent.
    pub fn relay_only(&self, why: &str) -> Result<(), Problem> {
        if self.is_relay() { Ok(()) } else { Err(Problem::new(Code::RelayOnly).detail(why)) }
    }

    /// What a printer shows right now; none if nothing was heard.
    pub fn telemetry(&self, printer: PrinterId) -> Option<Telemetry> {
        match &self.farm {
            Some(farm) => farm.floor().telemetry(printer),
            None => self.farms.telemetry(printer),
        }
    }

    /// Live values of a store's printers as they come. At a relay they are sent for as long as somebody listens.
    pub fn follow_telemetry(&self, store: StoreId) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        match &self.farm {
            Some(farm) => farm.floor().follow_telemetry(),
            None => self.farms.follow_telemetry(store),
        }
    }

    /// How much content may still come for that store.
    ///
    /// # Errors
    /// `disk_full` or `content_limit` if none.
    pub fn room(&self, store: StoreId) -> Result<Room, Problem> {
        let disk = Room { bytes: self.disk_room()?, beyond: Code::DiskFull };
        if self.is_relay() { self.keep.room(&self.store, store, disk) } else { Ok(disk) }
    }

    /// Bytes left on the disk above the reserve.
    ///
    /// # Errors
    /// `disk_full` if none.
    pub fn disk_room(&self) -> Result<u64, Problem> {
        let room = match (&self.farm, &self.keep.disk) {
            (Some(farm), _) => farm.floor().disk_room(),
            (None, Some(disk)) => disk.room(),
            (None, None) => Some(u64::MAX),
        };
        room.ok_or_else(|| Problem::new(Code::DiskFull))
    }

    /// The store and the farm.
    pub fn home(&self) -> HomeIds {
        self.store.home()
    }
}
