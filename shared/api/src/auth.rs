//! Who is calling: from a key or a session's cookie to a caller with grants. A session counts only for
//! calls from the page itself.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{ApiKeyId, SessionId, StoreId};
use domain::key::{ApiKey, KeyState, Session};
use domain::time::Timestamp;
use http::HeaderMap;
use store::{CredentialKind, Rows, StoreError, credential_hash};

use crate::door::Door;
use crate::key_text;

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
}

/// The name of the session's cookie.
pub const COOKIE: &str = "gantry_session";

/// Who is calling, if anybody says.
///
/// # Errors
/// `bad_credential` if what they say does not hold; `cross_origin` if a page of elsewhere used a session.
pub fn authenticate(door: &Door, method: &http::Method, headers: &HeaderMap, from: Option<IpAddr>) -> Result<Option<Caller>, Problem> {
    if let Some(value) = headers.get(http::header::AUTHORIZATION) {
        let key = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let key = key.filter(|key| key_text::is_api_key(key)).ok_or_else(|| Problem::new(Code::BadCredential))?;
        return caller(door, &credential_hash(key), from).map(Some);
    }
    let Some(token) = cookie(headers) else { return Ok(None) };
    same_origin(door, method, headers)?;
    caller(door, &credential_hash(token), from).map(Some)
}

/// The caller of a credential, as it stands now.
///
/// # Errors
/// `bad_credential` if it is unknown, paused, revoked, expired or used from a foreign network.
pub fn caller(door: &Door, hash: &[u8; 32], from: Option<IpAddr>) -> Result<Caller, Problem> {
    let now = door.now();
    let refused = || Problem::new(Code::BadCredential);
    let found = door.store.read(|rows| look_up(rows, hash)).map_err(|error| internal(&error))?;
    let mut caller = found.ok_or_else(refused)?;
    let late = caller.1.expires_at.is_some_and(|end| end <= now);
    if late || !network_allowed(&caller.0, from) {
        return Err(refused());
    }
    caller.1.from = from;
    caller.1.store = door.home().store_id;
    Ok(caller.1)
}

fn look_up(rows: Rows<'_>, hash: &[u8; 32]) -> Result<Option<(Vec<String>, Caller)>, StoreError> {
    let Some(credential) = rows.credential(hash)? else { return Ok(None) };
    let caller = |actor, grants, session, expires_at, store| Caller { actor, grants, store, session, expires_at, credential: *hash, from: None };
    match credential.kind {
        CredentialKind::ApiKey => {
            let Ok(id) = credential.owner.parse::<ApiKeyId>() else { return Ok(None) };
            let Some(raw) = rows.raw(domain::kind::Kind::ApiKey, &credential.owner)? else { return Ok(None) };
            let store = raw.store_id;
            let Some(key) = rows.get::<ApiKey>(id)?.map(|row| row.record).filter(|key| key.state == KeyState::Active) else {
                return Ok(None);
            };
            let actor = Actor::new(ActorKind::ApiKey, key.id);
            Ok(Some((key.allowed_networks, caller(actor, key.grants, None, key.expires_at, store))))
        }
        CredentialKind::Session => {
            let Ok(id) = credential.owner.parse::<SessionId>() else { return Ok(None) };
            let Some(raw) = rows.raw(domain::kind::Kind::Session, &credential.owner)? else { return Ok(None) };
            let store = raw.store_id;
            let Some(session) = rows.get::<Session>(id)?.map(|row| row.record) else { return Ok(None) };
            Ok(Some((Vec::new(), caller(session.actor, session.grants, Some(id), Some(session.expires_at), store))))
        }
        // A slicer key opens the slicer doors only; a one-time token only POST /v1/sessions.
        CredentialKind::SlicerKey | CredentialKind::OneTime => Ok(None),
    }
}

fn network_allowed(networks: &[String], from: Option<IpAddr>) -> bool {
    networks.is_empty()
        || from.is_some_and(|from| {
            let from = from.to_canonical();
            networks.iter().any(|network| network.parse::<ipnet::IpNet>().is_ok_and(|network| network.contains(&from)))
        })
}

/// The session's token in the cookies.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// A session may be used only by the page itself: against forged requests (the browser says where a
/// call comes from) and against names that were bent to this address (DNS rebinding).
fn same_origin(door: &Door, method: &http::Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
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
    match (text("origin"), text("sec-fetch-site")) {
        (Some(origin), _) if origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host)) => Ok(()),
        (None, Some("same-origin")) => Ok(()),
        (Some(_) | None, _) => Err(refused("a call with a session must come from the page itself")),
    }
}

/// Whether a Host header names this door: an address, `localhost`, a `.local` name, or a configured one.
pub fn host_is_ours(door: &Door, host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".local") || name.parse::<IpAddr>().is_ok() || door.host_names.contains(&name)
}

/// The problem of an error inside: logged here, not told.
pub fn internal(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "an operation failed inside");
    Problem::new(Code::Internal)
}

/// Ten wrong sign-ins a minute from one address, then it waits.
#[derive(Debug, Default)]
pub struct SignInThrottle(Mutex<BTreeMap<IpAddr, (u32, Timestamp)>>);

const TRIES: u32 = 10;
const WINDOW_SECONDS: i64 = 60;

impl SignInThrottle {
    /// Whether that address may try.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn check(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let Some(from) = from else { return Ok(()) };
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, (_, since)| now.millis_since(*since) < WINDOW_SECONDS * 1000);
        match tries.get(&from) {
            Some((count, _)) if *count >= TRIES => Err(Problem::new(Code::RateLimited).detail("too many wrong sign-ins from this address")),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a wrong one.
    pub fn count(&self, from: Option<IpAddr>, now: Timestamp) {
        let Some(from) = from else { return };
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.entry(from).or_insert((0, now)).0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowlist_holds_for_both_ways_to_write_an_ipv4_address() {
        let networks = ["10.0.0.0/8".to_owned()];
        assert!(network_allowed(&networks, Some("10.1.2.3".parse().unwrap())));
        assert!(network_allowed(&networks, Some("::ffff:10.1.2.3".parse().unwrap())));
        assert!(!network_allowed(&networks, Some("11.1.2.3".parse().unwrap())));
        assert!(!network_allowed(&networks, None));
        assert!(!network_allowed(&["nonsense".to_owned()], Some("10.1.2.3".parse().unwrap())));
    }

    #[test]
    fn the_eleventh_wrong_sign_in_within_a_minute_waits() {
        let throttle = SignInThrottle::default();
        let (from, start) = (Some("10.0.0.1".parse().unwrap()), Timestamp::from_millis(0));
        for _ in 0..10 {
            assert!(throttle.check(from, start).is_ok());
            throttle.count(from, start);
        }
        assert!(throttle.check(from, start).is_err());
        assert!(throttle.check(Some("10.0.0.2".parse().unwrap()), start).is_ok());
        assert!(throttle.check(from, start.plus_seconds(60)).is_ok());
    }
}
