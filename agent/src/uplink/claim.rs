//! Asks a relay for a claim code, shows it, and takes the place in the store when somebody has said yes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::claims::{Place, REFUSED, claimed, is_empty, took_place};
use api::clock::Clock;
use api::door::AccountHome;
use contract::ops::claims::{ClaimShown, ClaimState, KeyToMove, MovedKey, NewPairing, PairingApproved, PairingAsked};
use contract::ops::system::{Finding, Level};
use contract::problem::{Code, Problem};
use domain::actor::Actor;
use domain::farm::{Claim, Farm};
use domain::fingerprint::fingerprint;
use domain::hex::hex;
use domain::key::{ApiKey, KeyState};
use domain::pairing::{RefusedAgent, WhyRefused};
use domain::text::Name;
use domain::time::Timestamp;
use drivers::web::WebAddress;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{By, Opener, Sealer, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::OpenSession;
use super::asking::{Refused, call, floor};
use super::identity::Identity;

/// Under which the device code is kept sealed, so that a restart does not lose a yes that was just given.
const SECRET: (&str, &str) = ("claim", "device_code");
/// The setting that holds what else belongs to it.
const WAITING: &str = "claim_waiting";
/// Keys that go along, at the most.
const KEYS: usize = 1000;

/// What is kept of a code that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    relay_url: String,
    relay_id: String,
    user_code: String,
    expires_at: Timestamp,
    interval: u32,
}

#[derive(Default)]
struct State {
    waiting: Option<Waiting>,
    problem: Option<String>,
    asking: Option<JoinHandle<()>>,
}

/// What the claim of a farm needs.
pub struct Outside {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The key for secrets.
    pub sealer: Sealer,
    /// Where the accounts are.
    pub accounts: Arc<AccountHome>,
    /// Who this agent is.
    pub identity: Arc<Identity>,
    /// False for a test farm.
    pub live: bool,
    /// The session that is open.
    pub open: watch::Receiver<Option<OpenSession>>,
}

/// The claim of this farm.
pub struct Claiming {
    outside: Outside,
    state: Mutex<State>,
}

impl std::ops::Deref for Claiming {
    type Target = Outside;
    fn deref(&self) -> &Outside {
        &self.outside
    }
}

impl Claiming {
    /// Of that agent. A code that waited when it stopped is asked for again.
    ///
    /// # Errors
    /// What the database says.
    pub fn start(outside: Outside) -> Result<Arc<Self>, StoreError> {
        let (waiting, device_code) = outside.store.read(|rows| {
            let waiting: Option<Waiting> = rows.setting(WAITING)?.flatten();
            Ok::<_, StoreError>((waiting, rows.secret(&outside.sealer, SECRET.0, SECRET.1)?))
        })?;
        let claiming = Arc::new(Self { outside, state: Mutex::default() });
        if let (Some(waiting), Some(device_code), true) = (waiting, device_code, claiming.may_ask()) {
            claiming.ask(waiting, device_code);
        }
        Ok(claiming)
    }

    /// Asks no more: the agent lets go of its database. It goes on with the code when it runs again.
    pub fn stop(&self) {
        if let Some(asking) = self.state().asking.take() {
            asking.abort();
        }
    }

    /// How far it is.
    pub fn shown(&self) -> ClaimShown {
        let fingerprint = fingerprint(&self.identity.public_key());
        let connected = self.open.borrow().is_some();
        let mut shown = ClaimShown {
            state: ClaimState::Unclaimed,
            fingerprint,
            relay_url: None,
            user_code: None,
            verification_uri: None,
            verification_uri_complete: None,
            qr_svg: None,
            expires_at: None,
            store_name: None,
            claimed_at: None,
            connected,
            refused: self.refused(),
            problem: None,
        };
        let state = self.state();
        let claim = self.accounts.claim().filter(|_| state.waiting.is_none());
        if let Some(Claim { relay_url, store_name, claimed_at, .. }) = claim {
            shown.state = ClaimState::Claimed;
            shown.relay_url = Some(relay_url);
            shown.store_name = Some(store_name);
            shown.claimed_at = Some(claimed_at);
        } else if let Some(Waiting { relay_url, user_code, expires_at, .. }) = &state.waiting {
            let uri = format!("{}/claim", relay_url.trim_end_matches('/'));
            let complete = format!("{uri}?code={user_code}");
            let qr = QrCode::new(&complete).ok();
            shown.state = ClaimState::Waiting;
            shown.qr_svg = qr.map(|qr| qr.render::<svg::Color<'_>>().min_dimensions(240, 240).build());
            shown.relay_url = Some(relay_url.clone());
            shown.user_code = Some(user_code.clone());
            shown.verification_uri = Some(uri);
            shown.verification_uri_complete = Some(complete);
            shown.expires_at = Some(*expires_at);
        }
        shown.problem.clone_from(&state.problem);
        shown
    }

    /// Whether a code is to be asked for: the farm belongs to nobody, or its relay takes this agent for a copy, so that somebody must say
    /// which one is right.
    fn may_ask(&self) -> bool {
        self.accounts.claim().is_none() || self.refused().is_some()
    }

    /// Why the relay does not let this agent in.
    fn refused(&self) -> Option<RefusedAgent> {
        self.accounts.claim()?;
        self.store.read(|rows| rows.setting(REFUSED)).unwrap_or_default().flatten()
    }

    /// What the doctor says about it.
    pub fn findings(&self) -> Vec<Finding> {
        let error = |check: &str, text: String, fix: &str| Finding {
            check: check.to_owned(),
            level: Level::Error,
            text,
            fix: Some(fix.to_owned()),
        };
        let refused = self.refused().map(|refused| {
            let why = match refused.why {
                WhyRefused::SecondAgent => "another agent is this farm too, or this one was set back to an old copy of itself",
                WhyRefused::OldKey => "this agent has a key that was replaced: it is an old copy of itself",
            };
            let text = format!("the relay does not let this agent in: {why}; it starts nothing until you let it");
            error(
                "relay",
                text,
                "stop the agent that is too many; if this is the right one, let it replace the farm at the relay",
            )
        });
        let outdated = self.accounts.outdated(self.clock.now()).map(|(heard, days)| {
            let text = format!("the relay was last heard at {heard}: after {days} days its keys are not believed any more");
            error("keys of the store", text, "let the agent reach its relay; the owner of the floor still signs in")
        });
        refused.into_iter().chain(outdated).collect()
    }

    /// Asks that relay for a code.
    ///
    /// # Errors
    /// `already_claimed`, or why there is none.
    pub async fn begin(self: &Arc<Self>, relay_url: String) -> Result<ClaimShown, Problem> {
        if !self.may_ask() {
            return Err(Problem::new(Code::AlreadyClaimed));
        }
        let wrong = |detail: String| Problem::field("/relay_url", "invalid", detail);
        let address = WebAddress::read(&relay_url).map_err(|problem| wrong(problem.to_string()))?;
        let asked = self.pairing().map_err(|error| api::auth::internal(&error))?;
        let given: PairingAsked = call(&address, "/v1/pairings", &json!(asked)).await.map_err(|refused| refused.problem())?;
        let waiting = Waiting {
            relay_url: address.to_string(),
            relay_id: given.relay_id,
            user_code: given.user_code,
            expires_at: self.clock.now().plus_seconds(i64::from(given.expires_in)),
            interval: given.interval.max(1),
        };
        self.keep(Some((&waiting, &given.device_code))).await.map_err(|error| api::auth::internal(&error))?;
        self.ask(waiting, given.device_code);
        Ok(self.shown())
    }

    /// Takes the code back.
    pub fn cancel(self: &Arc<Self>) -> ClaimShown {
        let mut state = self.state();
        state.waiting = None;
        state.problem = None;
        if let Some(asking) = state.asking.take() {
            asking.abort();
        }
        drop(state);
        let claiming = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = claiming.keep(None).await {
                tracing::warn!(%error, "a claim code could not be forgotten; it ends by itself");
            }
        });
        self.shown()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the relay is told of this farm.
    fn pairing(&self) -> Result<NewPairing, StoreError> {
        let farm_id = self.store.home().farm_id;
        let (farm, keys) = self.store.read(|rows| Ok::<_, StoreError>((rows.get::<Farm>(farm_id)?, rows.all::<ApiKey>()?)))?;
        let plain = |text: &str| text.parse::<Name>().ok();
        let farm_name = farm.map(|row| row.record.name).or_else(|| plain("Farm")).ok_or(StoreError::Closed)?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(|name| plain(name.trim()));
        let public_key = hex(&self.identity.public_key());
        let own = self.accounts.claim().is_none();
        let keys = keys.into_iter().map(|row| row.record).filter(|key| own && key.state != KeyState::Revoked);
        let keys = keys.map(|key| KeyToMove { name: key.name, permissions: key.grants.permissions });
        Ok(NewPairing {
            farm_id,
            host: host.unwrap_or_else(|| farm_name.clone()),
            farm_name,
            live: self.live,
            signature: self.identity.sign(&NewPairing::signed(farm_id, &public_key)),
            public_key,
            keys: keys.take(KEYS).collect(),
            empty: own && self.store.read(is_empty)?,
        })
    }

    /// The keys themselves: records, and the hashes of what opens them.
    fn keys(&self) -> Result<Vec<MovedKey>, StoreError> {
        // Those of a store are known to its relay.
        if self.accounts.claim().is_some() {
            return Ok(Vec::new());
        }
        let facts = self.store.read(|rows| rows.keys_after(self.store.home().store_id, 0, KEYS))?;
        let living = facts.into_iter().filter(|fact| !fact.row.deleted && !fact.openers.is_empty());
        let moved = living.map(|fact| {
            let (ending, lasting): (Vec<Opener>, Vec<Opener>) =
                fact.openers.into_iter().partition(|opener| opener.expires_at.is_some());
            let ending = ending.iter().filter_map(|opener| Some((hex(&opener.hash), opener.expires_at?))).collect();
            MovedKey { record: fact.row.document, hashes: lasting.iter().map(|opener| hex(&opener.hash)).collect(), ending }
        });
        Ok(moved.collect())
    }

    async fn keep(&self, kept: Option<(&Waiting, &str)>) -> Result<(), StoreError> {
        let by = By::new(Actor::farm(self.store.home().farm_id), self.clock.now());
        let (waiting, device_code) = kept.map(|(waiting, code)| (waiting.clone(), code.to_owned())).unzip();
        let sealer = self.sealer.clone();
        self.store
            .write(by, move |tx| {
                tx.forget_secrets(SECRET.0)?;
                if let Some(code) = device_code {
                    tx.put_secret(&sealer, SECRET.0, SECRET.1, &code)?;
                }
                tx.put_setting(WAITING, &waiting)
            })
            .await
    }

    fn ask(self: &Arc<Self>, waiting: Waiting, device_code: String) {
        let claiming = Arc::clone(self);
        let mut state = self.state();
        state.waiting = Some(waiting.clone());
        state.problem = None;
        let asking = tokio::spawn(async move {
            let problem = claiming.until_answered(&waiting, &device_code).await.err();
            claiming.answered(problem);
            if let Err(error) = claiming.keep(None).await {
                tracing::warn!(%error, "a claim code could not be forgotten; it ends by itself");
            }
        });
        if let Some(before) = state.asking.replace(asking) {
            before.abort();
        }
    }

    fn answered(&self, problem: Option<String>) {
        let mut state = self.state();
        state.waiting = None;
        state.problem = problem;
    }

    /// Asks until somebody has said yes, or the code has ended; then takes the place.
    async fn until_answered(&self, waiting: &Waiting, device_code: &str) -> Result<(), String> {
        let address = WebAddress::read(&waiting.relay_url).map_err(|problem| problem.to_string())?;
        loop {
            tokio::time::sleep(Duration::from_secs(u64::from(waiting.interval))).await;
            let code = json!({"device_code": device_code});
            let approved = match call::<PairingApproved>(&address, "/v1/pairings/poll", &code).await {
                Ok(_) => self.take_place(&address, waiting, device_code).await,
                Err(refused) => Err(refused),
            };
            match approved {
                Ok(()) => return Ok(()),
                Err(Refused::By(problem)) if problem.code == Code::ExpiredToken => {
                    return Err("the claim code has ended".to_owned());
                }
                Err(Refused::By(problem)) if problem.code == Code::AuthorizationPending || problem.status == 429 => {}
                Err(Refused::By(problem)) if problem.status < 500 => return Err(problem.to_string()),
                // The relay may be away for a while; the code ends by itself.
                Err(Refused::By(_) | Refused::Unheard(_)) if self.clock.now() < waiting.expires_at => {}
                Err(refused) => return Err(refused.problem().to_string()),
            }
        }
    }

    async fn take_place(&self, address: &WebAddress, waiting: &Waiting, device_code: &str) -> Result<(), Refused> {
        let inside = |error: StoreError| Refused::By(Box::new(api::auth::internal(&error)));
        let keys = self.keys().map_err(inside)?;
        let place = json!({"device_code": device_code, "keys": keys});
        let approved: PairingApproved = call(address, "/v1/pairings/complete", &place).await?;
        let claim = Claim {
            relay_url: waiting.relay_url.clone(),
            relay_id: waiting.relay_id.clone(),
            store_id: approved.store_id,
            store_name: approved.store_name,
            claimed_at: self.clock.now(),
        };
        let now = self.clock.now();
        if let Some(farm) = approved.becomes {
            let rows = floor(address, device_code).await?;
            let place = Place { claim, farm, last_number: approved.last_number, rows };
            return took_place(&self.store, &self.accounts, place, now).await.map_err(|why| Refused::By(Box::new(why)));
        }
        let again = self.accounts.claim().is_some();
        claimed(&self.store, &self.accounts, claim, approved.last_number, now).await.map_err(inside)?;
        // The other agent has the same key, or the one that was refused: neither is to be of use.
        if again && let Err(error) = self.identity.make_next() {
            tracing::warn!(%error, "a new key could not be kept; the one that was copied stays");
        }
        Ok(())
    }
}
