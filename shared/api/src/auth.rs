//! Who is calling: from a key or a session's cookie to a caller with grants. A session counts only for
//! calls from the page itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{ApiKeyId, SessionId, StoreId};
use domain::key::{ApiKey, Session};
use domain::limit::RateLimit;
use domain::network::Network;
use domain::time::Timestamp;
use http::HeaderMap;
use store::{CredentialKind, Rows, StoreError, credential_hash};

use crate::callers::Known;
use crate::door::Door;
use crate::held::{held_by, key_holds, record_of};
use crate::key_text;
use crate::request::Incoming;

/// Somebody who may call.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As events and audit name them.
    pub actor: Actor,
    /// What they may do, and where.
    pub grants: Grants,
    /// The store that the credential belongs to.
    pub store: StoreId,
    /// The session, if it is one.
    pub session: Option<SessionId>,
    /// When the credential ends.
    pub expires_at: Option<Timestamp>,
    /// To look again whether it still holds.
    pub credential: [u8; 32],
    /// From where.
    pub from: Option<IpAddr>,
    /// How often a key may call that has a limit of its own.
    pub limit: Option<RateLimit>,
    /// With a test key.
    pub test: bool,
}

/// The name of the session's cookie at an agent.
pub const COOKIE: &str = "gantry_session";

/// The name of the session's cookie. A browser knows no ports: agent and relay on one machine must not overwrite each
/// other's. Over TLS it lets no other host and no page without TLS set it.
pub fn cookie_name(door: &Door, https: bool) -> &'static str {
    match (door.is_relay(), https) {
        (false, false) => COOKIE,
        (false, true) => "__Host-gantry_session",
        (true, false) => "gantry_relay_session",
        (true, true) => "__Host-gantry_relay_session",
    }
}

/// The name of the cookie that tells a browser which was signed in before from one that never was.
pub fn known_cookie_name(door: &Door, https: bool) -> &'static str {
    match (door.is_relay(), https) {
        (false, false) => "gantry_known",
        (false, true) => "__Host-gantry_known",
        (true, false) => "gantry_relay_known",
        (true, true) => "__Host-gantry_relay_known",
    }
}

/// What a browser is to keep of a session.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    /// The session's token.
    pub token: String,
    /// For how long; 0 takes the cookie away.
    pub seconds: i64,
}

impl SessionCookie {
    /// The header that sets it.
    pub fn header(&self, name: &str) -> String {
        let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
        format!("{name}={}; Path=/; HttpOnly; SameSite=Strict{secure}; Max-Age={}", self.token, self.seconds)
    }
}

/// A credential that does not open the door at this moment, and whose it is if it is a key's.
#[derive(Debug)]
pub struct Refused {
    /// The key that it belongs to.
    pub key: Option<ApiKeyId>,
    /// What is told.
    pub problem: Problem,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { key: None, problem }
    }
}

/// Who is calling, if anybody says.
///
/// # Errors
/// `bad_credential` if what they say does not hold; `cross_origin` if a page of elsewhere used a session.
pub fn authenticate(door: &Door, method: &http::Method, incoming: &Incoming) -> Result<Option<Caller>, Refused> {
    let Incoming { headers, from, .. } = incoming;
    if let Some(value) = headers.get(http::header::AUTHORIZATION) {
        let key = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let key = key.filter(|key| key_text::is_api_key(key)).ok_or_else(|| Problem::new(Code::BadCredential))?;
        return judge(door, &credential_hash(key), *from).map(Some);
    }
    let Some(token) = cookie(headers, cookie_name(door, incoming.https)) else { return Ok(None) };
    same_origin(door, method, incoming)?;
    judge(door, &credential_hash(token), *from).map(Some)
}

/// The caller of a credential, as it stands now.
///
/// # Errors
/// As [`judge`].
pub fn caller(door: &Door, hash: &[u8; 32], from: Option<IpAddr>) -> Result<Caller, Problem> {
    judge(door, hash, from).map_err(|refused| refused.problem)
}

/// The caller of a credential, or whose it is that does not open the door.
///
/// # Errors
/// `bad_credential` if it is unknown, paused, revoked, expired or used from a foreign network; `grants_exceeded` at a farm that it
/// does not hold on; `test_key` at a live farm; `account_copy_old` if this farm has not heard its relay for too long to know.
pub fn judge(door: &Door, hash: &[u8; 32], from: Option<IpAddr>) -> Result<Caller, Refused> {
    let (now, commits) = (door.now(), door.store.commits());
    let found = match door.callers.find(commits, hash, now) {
        Some(known) => Found::Opens(Box::new(known)),
        None => {
            let found = door.store.read(|rows| look_up(rows, hash, now)).map_err(|error| internal(&error))?;
            if let Found::Opens(known) = &found {
                door.callers.keep(commits, *hash, known);
            }
            found
        }
    };
    match found {
        Found::Nothing => Err(Problem::new(Code::BadCredential).into()),
        Found::Closed(key) => Err(Refused { key, problem: Problem::new(Code::BadCredential) }),
        Found::Opens(known) => {
            let key = key_of(&known.caller);
            here(door, &known.networks, known.caller, from).map_err(|problem| Refused { key, problem })
        }
    }
}

/// The key that calls, if it is one.
pub fn key_of(caller: &Caller) -> Option<ApiKeyId> {
    let is_key = caller.actor.kind == ActorKind::ApiKey && caller.session.is_none();
    is_key.then(|| caller.actor.id.parse().ok()).flatten()
}

/// Whether who holds a credential may come in here, from there.
fn here(door: &Door, networks: &[Network], mut caller: Caller, from: Option<IpAddr>) -> Result<Caller, Problem> {
    let now = door.now();
    // What an agent writes is written for its store: a key of another opens nothing.
    // A relay serves many; each caller then reaches the rows of their own store alone.
    let ours = door.is_relay() || caller.store == door.home().store_id;
    if !ours || !network_allowed(networks, from) {
        return Err(Problem::new(Code::BadCredential));
    }
    // What describes no single thing of a farm is not asked for its farm again: who holds nothing here stops here.
    if !door.is_relay() && !caller.grants.farms.holds(&door.home().farm_id) {
        return Err(if caller.test && door.live {
            Problem::new(Code::TestKey).detail("this farm is live")
        } else {
            Problem::new(Code::GrantsExceeded).detail("it holds on other farms, not on this one")
        });
    }
    // Only who has a key that holds is told so.
    if caller.actor.kind == ActorKind::ApiKey
        && caller.session.is_none()
        && let Some((heard, days)) = door.accounts.outdated(now)
    {
        let detail = format!("the relay was last heard at {heard}; its keys are believed for {days} days without it");
        return Err(Problem::new(Code::AccountCopyOld).detail(detail));
    }
    caller.from = from;
    Ok(caller)
}

/// What is found under a hash.
enum Found {
    Nothing,
    /// It opens nothing now.
    Closed(Option<ApiKeyId>),
    Opens(Box<Known>),
}

fn look_up(rows: Rows<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Found, StoreError> {
    let Some(credential) = rows.credential(hash)? else { return Ok(Found::Nothing) };
    let key = (credential.kind == CredentialKind::ApiKey).then(|| credential.owner.parse().ok()).flatten();
    if credential.expires_at.is_some_and(|end| end <= now) {
        return Ok(Found::Closed(key));
    }
    let caller = |actor, grants, session, expires_at, store| Caller {
        actor,
        grants,
        store,
        session,
        expires_at,
        credential: *hash,
        from: None,
        limit: None,
        test: false,
    };
    match credential.kind {
        CredentialKind::ApiKey => {
            let Some((store, key)) = record_of::<ApiKey>(rows, &credential.owner)? else { return Ok(Found::Nothing) };
            let Some(grants) = key_holds(rows, &key, now)? else { return Ok(Found::Closed(Some(key.id))) };
            let actor = Actor::new(ActorKind::ApiKey, key.id);
            let ends = [key.expires_at, credential.expires_at].into_iter().flatten().min();
            let caller = caller(actor, grants, None, ends, store);
            // A key that came from a key or a device ends with it, which no commit says.
            let keeps = matches!(key.sponsor.kind, ActorKind::User | ActorKind::Floor);
            let caller = Caller { limit: key.rate_limit, test: key.test, ..caller };
            Ok(Found::Opens(Box::new(Known { networks: key.allowed_networks, caller, keeps })))
        }
        CredentialKind::Session => {
            let found = record_of::<Session>(rows, &credential.owner)?.filter(|(_, session)| session.expires_at > now);
            let Some((store, session)) = found else { return Ok(Found::Nothing) };
            let Some(grants) = held_by(rows, &session.actor, now)? else { return Ok(Found::Nothing) };
            let caller = caller(session.actor, grants, Some(session.id), Some(session.expires_at), store);
            Ok(Found::Opens(Box::new(Known { networks: Vec::new(), caller, keeps: false })))
        }
        // A slicer key opens the slicer doors only; the tokens of links only POST /v1/sessions.
        CredentialKind::SlicerKey | CredentialKind::OneTime | CredentialKind::Enrolment | CredentialKind::Known => {
            Ok(Found::Nothing)
        }
    }
}

/// From an address that is not known no key comes that is bound to networks.
fn network_allowed(networks: &[Network], from: Option<IpAddr>) -> bool {
    networks.is_empty() || from.is_some_and(|from| networks.iter().any(|network| network.holds(from)))
}

/// The session's token in the cookies.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A session may be used only by the page itself: against forged requests (the browser says where a
/// call comes from) and against names that were bent to this address (DNS rebinding).
fn same_origin(door: &Door, method: &http::Method, incoming: &Incoming) -> Result<(), Problem> {
    let text = |name: &str| incoming.headers.get(name).and_then(|value| value.to_str().ok());
    let refused = |why: &str| Problem::new(Code::CrossOrigin).detail(why);
    let host = text("host").unwrap_or_default();
    if !host_is_ours(door, host) {
        return Err(refused("the Host is not an address or a configured name of this door"));
    }
    if method == http::Method::GET || method == http::Method::HEAD {
        return match text("sec-fetch-site") {
            Some("cross-site" | "same-site") => Err(refused("a page of another origin asked with a session")),
            Some(_) | None => Ok(()),
        };
    }
    // Where nothing tells of TLS there may be a proxy that has it all the same: then a page of ours may be of either scheme.
    let from_here = |origin: &str| {
        let parts = origin.split_once("://");
        parts.is_some_and(|(scheme, rest)| rest.eq_ignore_ascii_case(host) && (scheme == "https" || !incoming.https))
    };
    match (text("origin"), text("sec-fetch-site")) {
        (Some(origin), _) if from_here(origin) => Ok(()),
        (None, Some("same-origin")) => Ok(()),
        (Some(_) | None, _) => Err(refused("a call with a session must come from the page itself")),
    }
}

/// A browser signs in from the page itself: no other page may do it for somebody, under no other name.
///
/// # Errors
/// `cross_origin`.
pub fn from_own_page(door: &Door, method: &http::Method, incoming: &Incoming) -> Result<(), Problem> {
    let browser = incoming.headers.contains_key(http::header::ORIGIN) || incoming.headers.contains_key("sec-fetch-site");
    if browser { same_origin(door, method, incoming) } else { Ok(()) }
}

/// Whether a Host header names this door: an address, `localhost`, a `.local` name, or a configured one.
pub fn host_is_ours(door: &Door, host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".local")
        || name.parse::<IpAddr>().is_ok()
        || door.host_names.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

/// The problem of an error inside: logged here, not told.
pub fn internal(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "an operation failed inside");
    Problem::new(Code::Internal)
}

/// Ten wrong sign-ins a minute from one address, then it waits. A browser that was signed in before has tries of its own: who
/// guesses from behind the same address takes none of them.
#[derive(Debug, Default)]
pub struct SignInThrottle(Mutex<BTreeMap<Whose, (u32, Timestamp)>>);

/// Whose tries are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of everybody at that address, by network.
    Address(Option<IpAddr>),
    /// Of everybody who tries one account and whose browser is not known there, by the hash of its e-mail address.
    Account([u8; 32]),
    /// Of a browser that was signed in before, by the hash of what it keeps.
    Known([u8; 32]),
}

impl Whose {
    /// Of that browser if it is known, else of everybody at its address.
    pub fn of(known: Option<[u8; 32]>, address: Option<IpAddr>) -> Self {
        known.map_or_else(|| address.into(), Self::Known)
    }
}

impl From<Option<IpAddr>> for Whose {
    fn from(address: Option<IpAddr>) -> Self {
        Self::Address(address.map(network))
    }
}

const TRIES: u32 = 10;
const WINDOW_SECONDS: i64 = 60;

impl SignInThrottle {
    /// Takes a try, before it is known whether it is right: many at once are as many.
    ///
    /// # Errors
    /// `rate_limited` if that address has none left.
    pub fn take(&self, whose: impl Into<Whose>, now: Timestamp) -> Result<(), Problem> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, (_, since)| now.millis_since(*since) < WINDOW_SECONDS * 1000);
        let (count, since) = tries.entry(whose.into()).or_insert((0, now));
        if *count >= TRIES {
            let left = WINDOW_SECONDS * 1000 - now.millis_since(*since);
            return Err(Problem::wait(left).detail("too many wrong sign-ins"));
        }
        *count += 1;
        Ok(())
    }

    /// Gives a try back: it was right.
    pub fn give_back(&self, whose: impl Into<Whose>) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = tries.get_mut(&whose.into()) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Who has one IPv6 address has 2^64 of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("GANTRY_FULL").is_some() { 200_000 } else { 2_000 }))]

        #[test]
        fn a_session_is_found_in_its_own_cookie_and_in_no_other(before in like_cookies(), after in like_cookies(), own in any::<bool>()) {
            let mut headers = HeaderMap::new();
            let parts = [before.as_slice(), if own { b";gantry_session=TOKEN;" } else { b";" }, &after];
            let Ok(value) = HeaderValue::from_bytes(&parts.concat()) else { return Ok(()) };
            headers.append(http::header::COOKIE, value);
            // Bytes that are no text hide the whole line.
            let expected = (own && headers[http::header::COOKIE].to_str().is_ok()).then_some("TOKEN");
            prop_assert_eq!(cookie(&headers, COOKIE), expected);
        }
    }

    /// Other cookies, some with names that are nearly the session's.
    fn like_cookies() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "a=b",
            ";",
            "; ",
            "=",
            "xgantry_session=TOKEN",
            "gantry_session ",
            "gantry_session2=TOKEN",
            "\"",
            "gantry_relay_session=TOKEN",
        ];
        let piece = prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec());
        prop::collection::vec(prop_oneof![piece, prop::collection::vec(any::<u8>(), 0..3)], 0..8)
            .prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn an_allowlist_holds_for_both_ways_to_write_an_ipv4_address() {
        let networks = ["10.0.0.0/8".parse().unwrap()];
        assert!(network_allowed(&networks, Some("10.1.2.3".parse().unwrap())));
        assert!(network_allowed(&networks, Some("::ffff:10.1.2.3".parse().unwrap())));
        assert!(!network_allowed(&networks, Some("11.1.2.3".parse().unwrap())));
        assert!(!network_allowed(&networks, None));
        assert!(network_allowed(&[], None));
    }

    fn at(address: &str) -> Whose {
        Whose::of(None, Some(address.parse().unwrap()))
    }

    #[test]
    fn the_eleventh_wrong_sign_in_within_a_minute_waits() {
        let throttle = SignInThrottle::default();
        let start = Timestamp::from_millis(0);
        for _ in 0..10 {
            assert!(throttle.take(at("10.0.0.1"), start).is_ok());
        }
        assert!(throttle.take(at("10.0.0.1"), start).is_err());
        assert!(throttle.take(at("::ffff:10.0.0.1"), start).is_err());
        assert!(throttle.take(at("10.0.0.2"), start).is_ok());
        assert!(throttle.take(at("127.0.0.1"), start).is_ok());
        assert!(throttle.take(Whose::of(None, None), start).is_ok());
        assert!(throttle.take(at("10.0.0.1"), start.plus_seconds(60)).is_ok());
    }

    #[test]
    fn a_browser_that_was_signed_in_before_has_tries_of_its_own() {
        let throttle = SignInThrottle::default();
        let start = Timestamp::from_millis(0);
        let known = Whose::of(Some([7; 32]), Some("10.0.0.1".parse().unwrap()));
        while throttle.take(at("10.0.0.1"), start).is_ok() {}
        for _ in 0..10 {
            assert!(throttle.take(known, start).is_ok());
        }
        assert!(throttle.take(known, start).is_err());
    }

    #[test]
    fn right_sign_ins_are_not_counted_and_a_network_of_ipv6_is_one_address() {
        let throttle = SignInThrottle::default();
        let start = Timestamp::from_millis(0);
        for _ in 0..30 {
            assert!(throttle.take(at("2001:db8::1"), start).is_ok());
            throttle.give_back(at("2001:db8::1"));
        }
        for n in 0..10 {
            assert!(throttle.take(at(&format!("2001:db8::{n}")), start).is_ok());
        }
        assert!(throttle.take(at("2001:db8::ffff"), start).is_err());
    }
}
