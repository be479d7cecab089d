//! The people and devices of the floor: what they hold at this moment, from where a PIN is taken, and how they end. Nothing of
//! it is decided at sign-in and then believed.

use std::net::IpAddr;

use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::device::{Device, DeviceState};
use domain::id::{DeviceId, OperatorId};
use domain::key::{KeyState, Session, SlicerKey};
use domain::operator::{Operator, OperatorState};
use domain::time::Timestamp;
use http::HeaderMap;
use ipnet::IpNet;
use store::{Rows, StoreError, Tx};

use crate::auth::host_is_ours;
use crate::door::Door;
use crate::facts::{end_sessions, holder_changed, revoke_slicer_key};
use crate::held::still_held;
use crate::pin_throttle::PinThrottle;
use crate::presence::Presence;

/// The networks that are a farm's own if its settings say nothing: this machine, and addresses that no internet carries.
const OWN_NETWORKS: [&str; 8] =
    ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fe80::/10", "fc00::/7"];

/// What a door keeps in mind of them.
#[derive(Debug)]
pub struct FloorPeople {
    networks: Vec<IpNet>,
    /// Slows down who guesses PINs.
    pub pins: PinThrottle,
    /// Who was heard when.
    pub presence: Presence,
}

impl Default for FloorPeople {
    fn default() -> Self {
        Self::at(own_networks())
    }
}

/// The networks that a PIN is taken from if nothing else is said.
pub fn own_networks() -> Vec<IpNet> {
    OWN_NETWORKS.iter().filter_map(|network| network.parse().ok()).collect()
}

impl FloorPeople {
    /// With PINs from those networks.
    pub fn at(networks: Vec<IpNet>) -> Self {
        Self { networks, pins: PinThrottle::default(), presence: Presence::default() }
    }

    /// Whether a call comes from the farm's own network. One that was passed on does not say from where it came: a proxy on
    /// this machine must not make the whole internet a neighbour. Nor does one to a name that is not ours.
    pub fn at_the_farm(&self, door: &Door, headers: &HeaderMap, from: Option<IpAddr>) -> bool {
        let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
        let host = headers.get(http::header::HOST);
        let ours = host.is_none_or(|host| host.to_str().is_ok_and(|host| host_is_ours(door, host)));
        let near = from.map(|from| from.to_canonical()).is_some_and(|from| self.networks.iter().any(|net| net.contains(&from)));
        near && ours && !passed_on
    }
}

/// The owner at the farm.
pub const OWNER: &str = "owner";

/// What somebody of the floor holds now; none if they are gone or paused, or if who added the device is.
///
/// # Errors
/// What the database says.
pub fn held(rows: Rows<'_>, actor: &Actor, now: Timestamp) -> Result<Option<Grants>, StoreError> {
    match (actor.kind, actor.id.as_str()) {
        (ActorKind::Floor, OWNER) => Ok(Some(Grants::owner())),
        (ActorKind::Floor, id) => {
            let Ok(id) = id.parse::<OperatorId>() else { return Ok(None) };
            let active = |operator: &Operator| operator.state == OperatorState::Active;
            Ok(rows.get::<Operator>(id)?.map(|row| row.record).filter(active).map(|operator| operator.grants()))
        }
        (ActorKind::Device, id) => {
            let Ok(id) = id.parse::<DeviceId>() else { return Ok(None) };
            let Some(device) = rows.get::<Device>(id)? else { return Ok(None) };
            still_held(rows, &device.record.grants, &device.record.sponsor, now)
        }
        (
            ActorKind::User
            | ActorKind::ApiKey
            | ActorKind::Slicer
            | ActorKind::Ai
            | ActorKind::WebhookIn
            | ActorKind::Scheduler
            | ActorKind::Farm
            | ActorKind::Relay,
            _,
        ) => Ok(None),
    }
}

/// The actor of an operator.
pub fn as_operator(id: OperatorId) -> Actor {
    Actor::new(ActorKind::Floor, id)
}

/// The actor of a device.
pub fn as_device(id: DeviceId) -> Actor {
    Actor::new(ActorKind::Device, id)
}

/// What follows from the end of a session: a device is nothing but its session.
///
/// # Errors
/// What the database says.
pub fn session_ended(tx: &mut Tx<'_>, session: &Session) -> Result<(), StoreError> {
    let device = (session.actor.kind == ActorKind::Device).then(|| session.actor.id.parse::<DeviceId>().ok()).flatten();
    let device = device.map(|id| tx.get::<Device>(id)).transpose()?.flatten();
    device.map_or(Ok(()), |device| remove_device(tx, &device.record))
}

/// Removes a device with all that opens it, and the devices that were added with it.
///
/// # Errors
/// What the database says.
pub fn remove_device(tx: &mut Tx<'_>, device: &Device) -> Result<(), StoreError> {
    let actor = as_device(device.id);
    end_sessions(tx, &actor, None)?;
    tx.forget_credentials(&device.id.to_string())?;
    tx.delete(device)?;
    left(tx, &actor)
}

/// Removes an operator with all that opens them, and the devices that they added.
///
/// # Errors
/// What the database says.
pub fn remove_operator(tx: &mut Tx<'_>, operator: &Operator) -> Result<(), StoreError> {
    let (actor, id) = (as_operator(operator.id), operator.id.to_string());
    end_sessions(tx, &actor, None)?;
    tx.forget_credentials(&id)?;
    tx.forget_secrets(&id)?;
    tx.forget_pin_tries(&id)?;
    tx.delete(operator)?;
    left(tx, &actor)
}

/// Somebody is gone: the devices that they added go too, their slicer keys end, and the API keys that they made open nothing.
///
/// # Errors
/// What the database says.
pub fn left(tx: &mut Tx<'_>, sponsor: &Actor) -> Result<(), StoreError> {
    let made = tx.rows().all_where::<SlicerKey>("sponsor", &[&sponsor.to_string()])?.into_iter().map(|row| row.record);
    made.filter(|key| key.state != KeyState::Revoked).try_for_each(|key| revoke_slicer_key(tx, key))?;
    let added = tx.rows().all_where::<Device>("sponsor", &[&sponsor.to_string()])?;
    added.iter().try_for_each(|device| remove_device(tx, &device.record))?;
    holder_changed(tx, sponsor)
}

/// The farm leaves its store: the devices and slicer keys that the store's people and keys added end. Operators belong to the floor.
///
/// # Errors
/// What the database says.
pub fn leave_store(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let of_the_store = |sponsor: &Actor| matches!(sponsor.kind, ActorKind::User | ActorKind::ApiKey | ActorKind::Ai);
    for key in tx.rows().all::<SlicerKey>()? {
        if of_the_store(&key.record.sponsor) && key.record.state != KeyState::Revoked {
            revoke_slicer_key(tx, key.record)?;
        }
    }
    for device in tx.rows().all::<Device>()? {
        if of_the_store(&device.record.sponsor) && tx.get::<Device>(device.record.id)?.is_some() {
            remove_device(tx, &device.record)?;
        }
    }
    Ok(())
}

/// Ends the sessions whose time ran out, and the devices whose link nobody opened.
///
/// # Errors
/// What the database says.
pub fn tidy(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    for session in tx.rows().all::<Session>()? {
        if session.record.expires_at <= now && tx.get::<Session>(session.record.id)?.is_some() {
            tx.delete(&session.record)?;
            session_ended(tx, &session.record)?;
        }
    }
    for device in tx.rows().all_where::<Device>("state", &["invited"])? {
        let late = device.record.link_ends_at.is_some_and(|end| end <= now);
        if late && device.record.state == DeviceState::Invited {
            remove_device(tx, &device.record)?;
        }
    }
    Ok(())
}
