//! How often somebody may call at this door: a key, a session, all keys and all sessions of a store together, and from an address whoever
//! shows nothing that holds. Kept in memory, in as little of it as there are callers within the last minutes, and bounded.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::response::Response;
use contract::problem::{Code, Problem};
use domain::id::{ApiKeyId, SessionId, StoreId};
use domain::limit::RateLimit;
use domain::network::Network;
use domain::time::Timestamp;
use domain::usage::Ended;
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::{Caller, authenticate, key_of};
use crate::door::Door;
use crate::request::Incoming;

const SHARDS: usize = 16;
/// Callers that one shard keeps apart. Of more addresses neighbours share a limit.
const MOST: usize = 4096;
/// What neighbours are then: a /16 of IPv4, a /32 of IPv6.
const NEIGHBOURS: (u8, u8) = (16, 32);

/// `[limits]`: how often somebody may call, in the long run and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// A key that has no limit of its own.
    pub key: RateLimit,
    /// A signed-in browser or phone.
    pub session: RateLimit,
    /// All keys of a store together, and apart from them all of its sessions: keys that flood must not keep out who pauses them.
    pub store: RateLimit,
    /// Whoever shows no key and no session, by address.
    pub address: RateLimit,
    /// Keys and sessions that do not hold, by address.
    pub failed: RateLimit,
}

impl Default for LimitSettings {
    fn default() -> Self {
        const fn limit(per_minute: u32, burst: u32) -> RateLimit {
            match RateLimit::new(per_minute, burst) {
                Some(limit) => limit,
                None => panic!("no limit"),
            }
        }
        const DEFAULT: LimitSettings = LimitSettings {
            key: limit(600, 100),
            session: limit(3000, 500),
            store: limit(6000, 1000),
            address: limit(120, 60),
            failed: limit(10, 10),
        };
        DEFAULT
    }
}

/// Who calls, as far as limits go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who {
    Key(String),
    Session(SessionId),
    KeysOf(StoreId),
    SessionsOf(StoreId),
    Address(Option<Network>),
    Failed(Option<Network>),
}

impl Who {
    /// The neighbours of an address; of whom else there are no more than there are credentials.
    fn neighbours(&self, from: Option<IpAddr>) -> Self {
        let around = from.map(|from| Network::around(from, NEIGHBOURS));
        match self {
            Self::Key(_) | Self::Session(_) | Self::KeysOf(_) | Self::SessionsOf(_) => self.clone(),
            Self::Address(_) => Self::Address(around),
            Self::Failed(_) => Self::Failed(around),
        }
    }
}

/// What somebody may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whose limit it is: the caller's own, or that of their store.
    name: &'static str,
    limit: RateLimit,
    remaining: u32,
    whole_in_seconds: u64,
}

impl Allowance {
    /// Tells it, in the header fields of draft-ietf-httpapi-ratelimit-headers.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let policy = format!("\"{}\";q={};w=60", self.name, self.limit.per_minute());
        let left = format!("\"{}\";r={};t={}", self.name, self.remaining, self.whole_in_seconds);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// A clock that is told the time and never runs back: a wall clock that is set back must not shut anybody out.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<(Option<Timestamp>, Duration)>>);

impl Told {
    fn lock(&self) -> MutexGuard<'_, (Option<Timestamp>, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, now: Timestamp) -> Duration {
        let mut told = self.lock();
        let ahead = told.0.map_or(0, |before| now.millis_since(before));
        told.1 += Duration::from_millis(u64::try_from(ahead).unwrap_or(0));
        told.0 = Some(now);
        told.1
    }
}

impl Clock for Told {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.lock().1
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Told, StateInformationMiddleware>;

struct Bucket {
    limit: RateLimit,
    limiter: Limiter,
    /// When it is as if nobody had called: then it need not be kept.
    whole_at: Duration,
}

impl Bucket {
    fn new(limit: RateLimit, clock: &Told) -> Self {
        let each = Duration::from_secs(60) / limit.per_minute().get();
        let quota = Quota::with_period(each).unwrap_or(Quota::per_minute(limit.per_minute())).allow_burst(limit.burst());
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware();
        Self { limit, limiter, whole_at: Duration::ZERO }
    }
}

#[derive(Default)]
struct Shard {
    buckets: BTreeMap<Who, Bucket>,
    /// What is over was last looked for then: once a second, for it is a long look.
    swept_at: Duration,
}

/// The limits of a door.
pub struct Limits {
    settings: LimitSettings,
    clock: Told,
    shards: [Mutex<Shard>; SHARDS],
}

impl Limits {
    /// With these settings.
    pub fn new(settings: LimitSettings) -> Self {
        Self { settings, clock: Told::default(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Takes a call of somebody who may come in: of their own limit, then of their store's. Tells the tighter one.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn call(&self, caller: &Caller, now: Timestamp) -> (Allowance, Result<(), Problem>) {
        let (who, limit, all) = match caller.session {
            Some(session) => (Who::Session(session), self.settings.session, Who::SessionsOf(caller.store)),
            None => {
                let limit = caller.limit.unwrap_or(self.settings.key);
                (Who::Key(caller.actor.id.clone()), limit, Who::KeysOf(caller.store))
            }
        };
        let own = self.take(who, caller.from, limit, now);
        if own.1.is_err() {
            return own;
        }
        let all = self.take(all, caller.from, self.settings.store, now);
        if all.1.is_err() || all.0.remaining < own.0.remaining { all } else { own }
    }

    /// Takes a credential that did not hold. It is looked at first: who knows a right one is let in whatever others guess from there.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn failed(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        self.take(Who::Failed(from.map(Network::caller_of)), from, self.settings.failed, now).1
    }

    fn anonymous(&self, from: Option<IpAddr>, now: Timestamp) -> (Allowance, Result<(), Problem>) {
        self.take(Who::Address(from.map(Network::caller_of)), from, self.settings.address, now)
    }

    fn take(&self, who: Who, from: Option<IpAddr>, limit: RateLimit, now: Timestamp) -> (Allowance, Result<(), Problem>) {
        let ticks = self.clock.tell(now);
        let mut hasher = DefaultHasher::new();
        who.hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let Shard { buckets, swept_at } = &mut *shard;
        let name = if matches!(who, Who::KeysOf(_) | Who::SessionsOf(_)) { "store" } else { "default" };
        let mut who = who;
        if buckets.len() >= MOST && !buckets.contains_key(&who) {
            if *swept_at == Duration::ZERO || ticks >= *swept_at + Duration::from_secs(1) {
                buckets.retain(|_, bucket| bucket.whole_at > ticks);
                *swept_at = ticks.max(Duration::from_nanos(1));
            }
            if buckets.len() >= MOST {
                who = who.neighbours(from);
            }
        }
        let bucket = buckets.entry(who).or_insert_with(|| Bucket::new(limit, &self.clock));
        if bucket.limit != limit {
            *bucket = Bucket::new(limit, &self.clock);
        }
        let (remaining, wait) = match bucket.limiter.check() {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(ticks))),
        };
        let spent = limit.burst().get().saturating_sub(remaining);
        let whole_in = Duration::from_secs(60) * spent / limit.per_minute().get();
        bucket.whole_at = ticks + whole_in;
        let allowance = Allowance { name, limit, remaining, whole_in_seconds: whole_seconds(whole_in) };
        let Some(wait) = wait else { return (allowance, Ok(())) };
        let problem = Problem::wait(i64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i64::MAX));
        let whose = if name == "store" { " of the whole store" } else { "" };
        (allowance, Err(problem.detail(format!("no more than {} calls{whose} a minute", limit.per_minute()))))
    }

    /// How many are kept apart.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).buckets.len()).sum()
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// What was seen of a call at the door, whatever becomes of it.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the caller may still do.
    allowance: OnceLock<Allowance>,
    /// The key that came, from where, and whether it was let in.
    key: OnceLock<(ApiKeyId, Option<IpAddr>, bool)>,
}

impl Seen {
    fn key(&self, key: Option<ApiKeyId>, from: Option<IpAddr>, let_in: bool) {
        if let Some(key) = key {
            self.key.get_or_init(|| (key, from, let_in));
        }
    }

    /// Counts the call and tells how it stands with the limit.
    pub fn settle(&self, door: &Door, response: &mut Response) {
        if let Some((key, from, let_in)) = self.key.get().copied() {
            let ended = match response.status() {
                // Who is turned away too often is refused all the same.
                _ if !let_in => Ended::Refused,
                StatusCode::TOO_MANY_REQUESTS => Ended::Throttled,
                StatusCode::FORBIDDEN => Ended::Refused,
                status if status.is_client_error() || status.is_server_error() => Ended::Failed,
                _ => Ended::Done,
            };
            door.usage.count(key, from, door.now(), let_in && ended != Ended::Throttled, ended);
        }
        if let Some(allowance) = self.allowance.get() {
            allowance.tell(response.headers_mut());
        }
    }
}

/// Who calls, if they may at this moment.
///
/// # Errors
/// As [`authenticate`]; `rate_limited`.
pub fn admit(door: &Door, public: bool, method: &Method, incoming: &Incoming, seen: &Seen) -> Result<Option<Caller>, Problem> {
    let now = door.now();
    let caller = match authenticate(door, method, incoming) {
        // A stale cookie must not keep anybody from signing in.
        Err(_) if public => None,
        Err(refused) => {
            seen.key(refused.key, incoming.from, false);
            if refused.problem.code == Code::BadCredential {
                door.limits.failed(incoming.from, now)?;
            }
            return Err(refused.problem);
        }
        Ok(caller) => caller,
    };
    seen.key(caller.as_ref().and_then(key_of), incoming.from, true);
    let (allowance, taken) = match &caller {
        Some(caller) => door.limits.call(caller, now),
        None => door.limits.anonymous(incoming.from, now),
    };
    seen.allowance.get_or_init(|| allowance);
    taken.map(|()| caller)
}

#[cfg(test)]
mod tests {
    use domain::access::Grants;
    use domain::actor::{Actor, ActorKind};
    use domain::id::Id;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn at(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn the_defaults_are_those_of_the_pages() {
        let settings = LimitSettings::default();
        let numbers = [settings.key, settings.session, settings.store, settings.address, settings.failed];
        let numbers = numbers.map(|limit| (limit.per_minute().get(), limit.burst().get()));
        assert_eq!(numbers, [(600, 100), (3000, 500), (6000, 1000), (120, 60), (10, 10)]);
    }

    #[test]
    fn a_guesser_waits_six_seconds_for_each_try_after_ten_and_nobody_else_does() {
        let limits = Limits::new(LimitSettings::default());
        for _ in 0..10 {
            assert!(limits.failed(at("10.0.0.1"), START).is_ok());
        }
        let refused = limits.failed(at("::ffff:10.0.0.1"), START).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_seconds), (Code::RateLimited, Some(6)));
        assert!(limits.failed(at("10.0.0.2"), START).is_ok());
        assert!(limits.failed(None, START).is_ok());
        assert!(limits.failed(at("10.0.0.1"), START.plus_seconds(5)).is_err());
        assert!(limits.failed(at("10.0.0.1"), START.plus_seconds(6)).is_ok());
        assert!(limits.failed(at("10.0.0.1"), START.plus_seconds(6)).is_err());
    }

    fn caller(store: u8, key: u8, session: bool) -> Caller {
        Caller {
            actor: Actor::new(ActorKind::ApiKey, format!("key_{store}_{key}")),
            grants: Grants::owner(),
            store: StoreId::new(START, [store; 10]),
            session: session.then(|| SessionId::new(START, [key; 10])),
            expires_at: None,
            credential: [0; 32],
            from: at("10.0.0.1"),
            limit: None,
            test: false,
        }
    }

    #[test]
    fn a_store_that_floods_waits_as_a_whole_and_neither_its_people_nor_another_store_do() {
        let limits = Limits::new(LimitSettings::default());
        for n in 0..1000_u32 {
            let call = limits.call(&caller(1, u8::try_from(n % 20).unwrap(), false), START);
            assert!(call.1.is_ok(), "{n}");
        }
        let (allowance, refused) = limits.call(&caller(1, 21, false), START);
        assert_eq!((allowance.name, allowance.remaining, allowance.whole_in_seconds), ("store", 0, 10));
        assert_eq!(refused.unwrap_err().retry_after_seconds, Some(1));
        assert!(limits.call(&caller(1, 1, true), START).1.is_ok(), "a person of it who pauses its keys");
        let (allowance, taken) = limits.call(&caller(2, 1, false), START);
        assert!(taken.is_ok());
        assert_eq!((allowance.name, allowance.remaining), ("default", 99));
        assert!(limits.call(&caller(1, 21, false), START.plus_seconds(1)).1.is_ok());
    }

    #[test]
    fn the_tighter_of_two_limits_is_told() {
        let limits = Limits::new(LimitSettings { store: RateLimit::new(60, 3).unwrap(), ..LimitSettings::default() });
        assert_eq!(limits.call(&caller(1, 1, false), START).0.name, "store");
        let limits = Limits::new(LimitSettings { key: RateLimit::new(60, 3).unwrap(), ..LimitSettings::default() });
        assert_eq!(limits.call(&caller(1, 1, false), START).0.name, "default");
    }

    #[test]
    fn a_network_of_ipv6_that_one_caller_has_is_one_caller() {
        let limits = Limits::new(LimitSettings::default());
        for n in 0..10 {
            assert!(limits.failed(at(&format!("2001:db8::{n}")), START).is_ok());
        }
        assert!(limits.failed(at("2001:db8::ffff"), START).is_err());
        assert!(limits.failed(at("2001:db8:0:1::1"), START).is_ok());
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let limits = Limits::new(LimitSettings::default());
        for _ in 0..10 {
            assert!(limits.failed(at("10.0.0.1"), START).is_ok());
        }
        let back = START.plus_seconds(-3600);
        assert!(limits.failed(at("10.0.0.1"), back).is_err());
        assert!(limits.failed(at("10.0.0.1"), back.plus_seconds(6)).is_ok());
    }

    #[test]
    fn a_flood_from_everywhere_takes_bounded_memory_and_what_is_over_is_forgotten() {
        let limits = Limits::new(LimitSettings::default());
        for n in 0..200_000_u32 {
            drop(limits.failed(Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes())), START));
        }
        assert!(limits.len() <= SHARDS * (MOST + 256), "{}", limits.len());
        assert!(limits.failed(at("198.51.100.1"), START).is_ok(), "who is no neighbour of theirs has a limit of their own");
        for n in 0..1000_u32 {
            drop(limits.failed(Some(IpAddr::from((0xc000_0000 + n * 77).to_be_bytes())), START.plus_seconds(600)));
        }
        assert!(limits.len() <= 1000, "{}", limits.len());
    }
}
