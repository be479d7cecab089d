//! Sessions that slide: an operator's ends when it is not used for half a day, a device's when it is not used for a year. And when
//! a device was last heard. Written at most once a minute for each, so that a busy page costs nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::actor::ActorKind;
use domain::device::Device;
use domain::id::{DeviceId, SessionId};
use domain::key::Session;
use domain::time::Timestamp;
use http::HeaderMap;
use store::{By, StoreError, Tx};

use crate::auth::{Caller, SessionCookie, cookie, cookie_name};
use crate::door::Door;
use crate::floor_people::OWNER;

const MINUTE_MILLIS: i64 = 60_000;
const DAY_SECONDS: i64 = 24 * 3600;
/// A device stays signed in for so long after it was used.
pub const DEVICE_SECONDS: i64 = 365 * DAY_SECONDS;
/// An operator stays signed in for so long after they did something.
pub const OPERATOR_SECONDS: i64 = 12 * 3600;
/// And no longer than that, whatever they do: on a tablet that many use, one day somebody else acts in their name.
pub const OPERATOR_LONGEST_SECONDS: i64 = 7 * DAY_SECONDS;

/// Who was heard when, within the last minute.
#[derive(Debug, Default)]
pub struct Presence(Mutex<BTreeMap<SessionId, Timestamp>>);

impl Presence {
    /// Whether that is to be written: it was not, for a minute.
    fn is_new(&self, session: SessionId, now: Timestamp) -> bool {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|_, at| now.millis_since(*at) < MINUTE_MILLIS);
        if heard.contains_key(&session) {
            return false;
        }
        heard.insert(session, now);
        true
    }
}

/// A session was used. Answers with the cookie to be kept for longer, if that is due.
pub async fn used(door: &Door, caller: Option<&Caller>, headers: &HeaderMap, https: bool) -> Option<String> {
    let longer = heard(door, caller?, true).await?;
    let name = cookie_name(door, https);
    let token = cookie(headers, name)?.to_owned();
    Some(SessionCookie { token, seconds: longer }.header(name))
}

/// A session is heard: it listens, which is no use of it.
pub async fn listens(door: &Door, caller: &Caller) {
    heard(door, caller, false).await;
}

/// Writes that a session was heard. For how many seconds its cookie is to be kept, if that is new.
async fn heard(door: &Door, caller: &Caller, used: bool) -> Option<i64> {
    let slides = match caller.actor.kind {
        ActorKind::Floor => caller.actor.id != OWNER && used,
        ActorKind::Device => true,
        ActorKind::User
        | ActorKind::ApiKey
        | ActorKind::Slicer
        | ActorKind::Ai
        | ActorKind::WebhookIn
        | ActorKind::Scheduler
        | ActorKind::Farm
        | ActorKind::Relay => false,
    };
    let session = caller.session.filter(|_| slides)?;
    let now = door.now();
    if !door.people.presence.is_new(session, now) {
        return None;
    }
    let written = door.store.write(By::new(caller.actor.clone(), now), move |tx| write(tx, session, used)).await;
    written.unwrap_or_else(|error| {
        // The call itself goes on: a session that ends too early is no reason to refuse it.
        tracing::warn!(%error, "that a session was used could not be written");
        None
    })
}

fn write(tx: &mut Tx<'_>, id: SessionId, used: bool) -> Result<Option<i64>, StoreError> {
    let (Some(row), now) = (tx.get::<Session>(id)?, tx.now()) else { return Ok(None) };
    let mut session = row.record;
    if session.actor.kind != ActorKind::Device {
        let end = now.plus_seconds(OPERATOR_SECONDS).min(session.created_at.plus_seconds(OPERATOR_LONGEST_SECONDS));
        slide(tx, &mut session, end)?;
        return Ok(None);
    }
    let Ok(device) = session.actor.id.parse::<DeviceId>() else { return Ok(None) };
    let Some(device) = tx.get::<Device>(device)? else { return Ok(None) };
    let device = Device { last_seen_at: Some(now), ..device.record };
    let due = used && session.expires_at < now.plus_seconds(DEVICE_SECONDS - DAY_SECONDS);
    if due {
        slide(tx, &mut session, now.plus_seconds(DEVICE_SECONDS))?;
        // Once a day it is told, so that a relay's copy is not older than that.
        tx.update(&device)?;
    } else {
        tx.note(&device)?;
    }
    Ok(due.then_some(DEVICE_SECONDS))
}

fn slide(tx: &mut Tx<'_>, session: &mut Session, end: Timestamp) -> Result<(), StoreError> {
    session.expires_at = end;
    tx.extend_credentials(&session.id.to_string(), end)?;
    tx.note(session)
}
