//! A door: what an assembly (agent or relay) hands to the pipeline.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use contract::problem::{Code, Problem};
use domain::farm::{Claim, HomeIds};
use domain::id::{PrinterId, StoreId};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use domain::webhook::WebhookUrl;
use store::{Sealer, Store};
use tokio::sync::{broadcast, watch};

use crate::address::Proxies;
use crate::audit::AuditKeeper;
use crate::auth::SignInThrottle;
use crate::blobs::Blobs;
use crate::callers::Callers;
use crate::clock::{Clock, is_set};
use crate::floor::Floor;
use crate::floor_people::FloorPeople;
use crate::forward::Farms;
use crate::keep::{Keep, Room};
use crate::limits::Limits;
use crate::usage::Usage;
use crate::ways_in::WaysIn;

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
    /// The proxies whose word on where a call comes from is believed.
    pub proxies: Proxies,
    /// How often somebody may call.
    pub limits: Limits,
    /// What keys do here.
    pub usage: Usage,
    /// Slows down who guesses.
    pub throttle: SignInThrottle,
    /// What is kept in mind of the people and devices of the floor.
    pub people: FloorPeople,
    /// Who was looked up lately.
    pub callers: Callers,
    /// Ways to sign in besides passwords and links.
    pub ways_in: WaysIn,
    /// What keeps its audit.
    pub audit: AuditKeeper,
    /// Where it listens, once it does.
    pub address: OnceLock<SocketAddr>,
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
    Farm(FarmAccounts),
}

/// For so many days a farm believes its copy of the store's keys without having heard its relay.
pub const COPY_DAYS: u32 = 30;

/// What an agent knows about where its accounts are.
#[derive(Debug)]
pub struct FarmAccounts {
    claim: watch::Sender<Option<Claim>>,
    heard_at: AtomicI64,
    copy_days: u32,
}

impl AccountHome {
    /// Of an agent.
    pub fn farm(claim: Option<Claim>) -> Self {
        Self::believing(claim, None, COPY_DAYS)
    }

    /// Of an agent that heard its relay then, and believes its copy of the store's keys for so many days without it.
    pub fn believing(claim: Option<Claim>, heard_at: Option<Timestamp>, copy_days: u32) -> Self {
        let heard_at = AtomicI64::new(heard_at.map_or(i64::MIN, Timestamp::millis));
        Self::Farm(FarmAccounts { claim: watch::channel(claim).0, heard_at, copy_days })
    }

    /// When the relay was heard last, as far as it is known.
    pub fn heard_at(&self) -> Option<Timestamp> {
        match self {
            Self::Relay => None,
            Self::Farm(farm) => {
                let millis = farm.heard_at.load(Ordering::Relaxed);
                (millis != i64::MIN).then(|| Timestamp::from_millis(millis))
            }
        }
    }

    /// The relay is heard, and that is durable.
    pub fn heard(&self, at: Timestamp) {
        match self {
            Self::Relay => {}
            Self::Farm(farm) => farm.heard_at.store(at.millis(), Ordering::Relaxed),
        }
    }

    /// Since when the relay was not heard, and for how many days that is put up with, if it is longer than that: then the copy of the
    /// store's keys is not believed. A clock that is not set counts nothing.
    pub fn outdated(&self, now: Timestamp) -> Option<(Timestamp, u32)> {
        let Self::Farm(farm) = self else { return None };
        farm.claim.borrow().as_ref()?;
        let heard = self.heard_at().filter(|heard| is_set(*heard) && is_set(now))?;
        let days = now.millis_since(heard) / (24 * 3600 * 1000);
        (days >= i64::from(farm.copy_days)).then_some((heard, farm.copy_days))
    }

    /// The claim, if the farm has been claimed.
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::Relay => None,
            Self::Farm(farm) => farm.claim.borrow().clone(),
        }
    }

    /// The farm was claimed or set free, and that is durable.
    pub fn claimed(&self, now: Option<Claim>) {
        match self {
            Self::Relay => {}
            Self::Farm(farm) => drop(farm.claim.send_replace(now)),
        }
    }

    /// The claim as it changes; none at a relay.
    pub fn follow(&self) -> Option<watch::Receiver<Option<Claim>>> {
        match self {
            Self::Relay => None,
            Self::Farm(farm) => Some(farm.claim.subscribe()),
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

    /// Where a program on this machine, or one that was told its name, calls it.
    pub fn own_url(&self) -> String {
        let mut address = self.address.get().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        self.url(address)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(heard_at: Option<Timestamp>) -> AccountHome {
        let claim = Claim {
            relay_url: "https://relay.test".to_owned(),
            relay_id: "relay_1".to_owned(),
            store_id: domain::id::Id::new(Timestamp::from_millis(1), [1; 10]),
            store_name: "Shop".parse().unwrap(),
            claimed_at: Timestamp::from_millis(1),
        };
        AccountHome::believing(Some(claim), heard_at, 30)
    }

    #[test]
    fn the_copy_of_the_stores_keys_is_believed_for_its_days_and_counts_only_with_a_clock_that_is_set() {
        const DAY: i64 = 24 * 3600;
        let heard = Timestamp::from_millis(1_900_000_000_000);
        let at = |days: i64, more: i64| heard.plus_seconds(days * DAY + more);
        let home = accounts(Some(heard));
        assert_eq!((home.outdated(at(30, -1)), home.outdated(at(30, 0))), (None, Some((heard, 30))));
        assert_eq!(home.outdated(Timestamp::from_millis(5)), None, "the clock is not set");
        home.heard(at(29, 0));
        assert_eq!(home.outdated(at(30, 0)), None);
        assert_eq!(accounts(Some(Timestamp::from_millis(5))).outdated(heard), None, "it was not set then");
        assert_eq!(accounts(None).outdated(heard), None);
        home.claimed(None);
        assert_eq!(home.outdated(at(300, 0)), None, "it has no relay");
    }
}
