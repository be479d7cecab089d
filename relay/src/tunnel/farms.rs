//! The farms that dialled, as the rest of the relay sees them: who is there, how fresh the copies are, and live values.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::clock::Clock;
use api::entropy::SystemEntropy;
use api::forward::{Farms, Freshness};
use async_trait::async_trait;
use contract::forward::{Answered, Forwarded};
use contract::problem::{Code, Problem};
use domain::actor::{Actor, ActorKind};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::hex::hex;
use domain::id::{FarmId, PrinterId, StoreId};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use store::{By, Entropy, Store, StoreError, Tunnel, credential_hash};
use sync::frame::ByeCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot};

use super::copy;

/// What a call gets beside the time that its caller waits anyway.
const CALL: Duration = Duration::from_secs(10);
/// A farm that comes back within this was not away.
const AWAY: Duration = Duration::from_secs(15);
/// Lines that are not let in yet, at the most.
const KNOCKING: usize = 64;
/// What may wait for one session's shell.
const BACKLOG: usize = 256;
/// How long a farm has to say that it is there, when another says to be it.
const PROOF: Duration = Duration::from_secs(5);
/// Live values that a slow listener may miss.
const LIVE: usize = 1024;

/// What is asked of a session.
pub enum Asked {
    /// Carry this call, for so many milliseconds.
    Call(Box<Forwarded>, u64, oneshot::Sender<Result<Answered, Problem>>),
    /// Something waits in the mailbox.
    Mail,
    /// Ask the farm to bring content.
    Want(ContentHash),
    /// Tell when the farm says that it is there.
    Prove(oneshot::Sender<()>),
    /// End.
    Close(ByeCode),
}

struct Line {
    session_no: u64,
    asked: mpsc::Sender<Asked>,
    token: [u8; 32],
    /// Of the process at the other end.
    nonce: String,
    whole: bool,
}

struct Farm {
    home: HomeIds,
    line: Option<Line>,
    away_since: Timestamp,
    as_of: Timestamp,
}

#[derive(Default)]
struct Known {
    farms: BTreeMap<FarmId, Farm>,
    live: BTreeMap<StoreId, broadcast::Sender<(PrinterId, Telemetry)>>,
    latest: BTreeMap<PrinterId, (FarmId, Telemetry)>,
}

/// The lines of all farms.
pub struct Tunnels {
    store: Store,
    clock: Arc<dyn Clock>,
    relay_id: String,
    known: Mutex<Known>,
    knocking: Arc<Semaphore>,
}

impl Tunnels {
    /// Of the relay with that database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn new(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let now = clock.now();
        let known: Option<String> = store.read(|rows| rows.setting("relay_id"))?;
        let relay_id = match known {
            Some(id) => id,
            None => {
                let mut random = [0; 16];
                SystemEntropy.fill(&mut random);
                let id = format!("relay_{}", hex(&random));
                let kept = id.clone();
                store.write(relay(now), move |tx| tx.put_setting("relay_id", &kept)).await?;
                id
            }
        };
        let farm = |tunnel: Tunnel| {
            let as_of = tunnel.state.as_of.unwrap_or(Timestamp::from_millis(0));
            (tunnel.home.farm_id, Farm { home: tunnel.home, line: None, away_since: as_of, as_of })
        };
        let tunnels = store.read(|rows| rows.tunnels())?;
        let farms = tunnels.into_iter().filter(|tunnel| !tunnel.state.revoked).map(farm).collect();
        Ok(Self {
            store,
            clock,
            relay_id,
            known: Mutex::new(Known { farms, ..Known::default() }),
            knocking: Arc::new(Semaphore::new(KNOCKING)),
        })
    }

    /// This relay's name, which farms sign: a signature is of no use at another.
    pub fn relay_id(&self) -> &str {
        &self.relay_id
    }

    /// The farm whose session has that token.
    pub fn farm_of_token(&self, token: &str) -> Option<HomeIds> {
        let hash = credential_hash(token);
        let known = self.known();
        let farm = known.farms.values().find(|farm| farm.line.as_ref().is_some_and(|line| line.token == hash));
        farm.map(|farm| farm.home)
    }

    /// Whether a farm has a line.
    pub fn is_connected(&self, home: HomeIds) -> bool {
        self.known().farms.get(&home.farm_id).is_some_and(|farm| farm.home == home && farm.line.is_some())
    }

    /// How many lines stand.
    pub fn lines(&self) -> usize {
        self.known().farms.values().filter(|farm| farm.line.is_some()).count()
    }

    /// The relay stops: every line ends, and its farm comes again by itself.
    pub fn stopped(&self) {
        for line in self.known().farms.values().filter_map(|farm| farm.line.as_ref()) {
            drop(line.asked.try_send(Asked::Close(ByeCode::Shutdown)));
        }
    }

    /// Farms that do not come back after this relay started are told to be away.
    pub fn started(self: &Arc<Self>) {
        let farms: Vec<HomeIds> = self.known().farms.values().map(|farm| farm.home).collect();
        farms.into_iter().for_each(|home| self.tell_when_away(home));
    }

    /// A place among those that knock; none if there are too many.
    pub(super) fn knock(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.knocking).try_acquire_owned().ok()
    }

    /// Whether another process than that one is at the farm's line and answers. A line whose farm was cut off or has died does not; one
    /// whose place another took counts no more.
    pub(super) async fn is_elsewhere(&self, home: HomeIds, nonce: &str, newest: u64) -> bool {
        let line = {
            let known = self.known();
            let line = known.farms.get(&home.farm_id).and_then(|farm| farm.line.as_ref());
            line.filter(|line| line.nonce != nonce && line.session_no == newest).map(|line| line.asked.clone())
        };
        let Some(line) = line else { return false };
        let (tell, told) = oneshot::channel();
        let proven = async { line.send(Asked::Prove(tell)).await.is_ok() && told.await.is_ok() };
        tokio::time::timeout(PROOF, proven).await.unwrap_or(false)
    }

    /// A session is open: it takes the place of one before.
    pub(super) fn opened(
        self: &Arc<Self>,
        home: HomeIds,
        session_no: u64,
        token: &str,
        nonce: String,
        whole: bool,
    ) -> mpsc::Receiver<Asked> {
        let (asked, asks) = mpsc::channel(BACKLOG);
        let now = self.clock.now();
        let line = Line { session_no, asked, token: credential_hash(token), nonce, whole };
        let mut known = self.known();
        let farm = known.farms.entry(home.farm_id).or_insert(Farm {
            home,
            line: None,
            away_since: now,
            as_of: Timestamp::from_millis(0),
        });
        farm.home = home;
        if let Some(before) = farm.line.replace(line) {
            drop(before.asked.try_send(Asked::Close(ByeCode::Replaced)));
        }
        drop(known);
        let tunnels = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = copy::tell_connected(&tunnels.store, home, true, now).await {
                tracing::warn!(%error, "that a farm is there could not be told");
            }
        });
        asks
    }

    /// A session ended.
    pub(super) fn closed(self: &Arc<Self>, home: HomeIds, session_no: u64) {
        let now = self.clock.now();
        let mut known = self.known();
        let Some(farm) = known.farms.get_mut(&home.farm_id) else { return };
        if farm.line.as_ref().is_none_or(|line| line.session_no != session_no) {
            return;
        }
        if farm.line.take().is_some_and(|line| line.whole) {
            farm.as_of = now;
        }
        farm.away_since = now;
        drop(known);
        self.unwatched(home.farm_id);
        self.tell_when_away(home);
    }

    /// The copy of a farm's rows is whole, or is not.
    pub(super) fn whole(&self, home: HomeIds, session_no: u64, whole: bool) {
        let now = self.clock.now();
        if let Some(farm) = self.known().farms.get_mut(&home.farm_id)
            && let Some(line) = farm.line.as_mut().filter(|line| line.session_no == session_no)
        {
            if line.whole || whole {
                farm.as_of = now;
            }
            line.whole = whole;
        }
    }

    /// A printer of a store shows this.
    pub(super) fn shown(&self, home: HomeIds, printer: PrinterId, telemetry: Telemetry) {
        let mut known = self.known();
        known.latest.insert(printer, (home.farm_id, telemetry.clone()));
        if let Some(live) = known.live.get(&home.store_id) {
            // Nobody listens any more: that is fine.
            drop(live.send((printer, telemetry)));
        }
    }

    /// What a farm's printers showed is no longer how they are now.
    pub(super) fn unwatched(&self, farm: FarmId) {
        self.known().latest.retain(|_, (of, _)| *of != farm);
    }

    /// Whether somebody looks at a store's live values.
    pub(super) fn watched(&self, store: StoreId) -> bool {
        self.known().live.get(&store).is_some_and(|live| live.receiver_count() > 0)
    }

    fn tell_when_away(self: &Arc<Self>, home: HomeIds) {
        let tunnels = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(AWAY).await;
            if tunnels.is_connected(home) {
                return;
            }
            if let Err(error) = copy::tell_connected(&tunnels.store, home, false, tunnels.clock.now()).await {
                tracing::warn!(%error, "that a farm is away could not be told");
            }
        });
    }

    fn ask(&self, home: HomeIds, asked: Asked) {
        if let Some(line) = self.line(home) {
            // A session that does not keep up will read its database anyway.
            drop(line.try_send(asked));
        }
    }

    fn line(&self, home: HomeIds) -> Option<mpsc::Sender<Asked>> {
        let known = self.known();
        let farm = known.farms.get(&home.farm_id).filter(|farm| farm.home == home)?;
        farm.line.as_ref().map(|line| line.asked.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The relay writes this.
pub(super) fn relay(now: Timestamp) -> By {
    By::new(Actor::new(ActorKind::Relay, "relay"), now)
}

#[async_trait]
impl Farms for Tunnels {
    async fn call(&self, home: HomeIds, call: Forwarded) -> Result<Answered, Problem> {
        let offline = || Problem::new(Code::FarmOffline);
        let line = self.line(home).ok_or_else(offline)?;
        let time = CALL + Duration::from_secs(call.wait_seconds);
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Call(Box::new(call), u64::try_from(time.as_millis()).unwrap_or(u64::MAX), reply);
        line.try_send(asked).map_err(|_| offline())?;
        answer.await.unwrap_or_else(|_| Err(Problem::new(Code::NoAnswer)))
    }

    fn mail(&self, farm: FarmId) {
        let home = self.known().farms.get(&farm).map(|farm| farm.home);
        if let Some(home) = home {
            self.ask(home, Asked::Mail);
        }
    }

    fn belongs(&self, home: HomeIds) -> bool {
        self.known().farms.get(&home.farm_id).is_some_and(|farm| farm.home == home)
    }

    fn revoked(&self, home: HomeIds) {
        self.ask(home, Asked::Close(ByeCode::Revoked));
        self.known().farms.retain(|_, farm| farm.home != home);
    }

    fn want_content(&self, home: HomeIds, sha256: ContentHash) -> Result<(), Problem> {
        let line = self.line(home).ok_or_else(|| Problem::new(Code::FarmOffline))?;
        // A session that does not keep up is asked again.
        drop(line.try_send(Asked::Want(sha256)));
        Ok(())
    }

    fn freshness(&self, store: StoreId) -> Option<Freshness> {
        let now = self.clock.now();
        let known = self.known();
        let farms = known.farms.values().filter(|farm| farm.home.store_id == store);
        let each = farms.map(|farm| match &farm.line {
            Some(line) => Freshness { as_of: if line.whole { now } else { farm.as_of }, away_since: None },
            None => Freshness { as_of: farm.as_of, away_since: Some(farm.away_since) },
        });
        each.reduce(|a, b| Freshness {
            as_of: a.as_of.min(b.as_of),
            away_since: a.away_since.into_iter().chain(b.away_since).min(),
        })
    }

    fn telemetry(&self, printer: PrinterId) -> Option<Telemetry> {
        self.known().latest.get(&printer).map(|(_, telemetry)| telemetry.clone())
    }

    fn follow_telemetry(&self, store: StoreId) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        self.known().live.entry(store).or_insert_with(|| broadcast::channel(LIVE).0).subscribe()
    }
}
