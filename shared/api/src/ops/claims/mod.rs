//! How a farm comes to belong to a store, and how it leaves.

mod at_the_farm;
mod claim_farm;
mod complete_pairing;
mod dismiss_refusal;
mod read_pairing_floor;
mod rekey_farm;
mod request_pairing;
mod unpair_farm;

use contract::operation::Asked;
use contract::ops::claims::{GetPairing, NewPairing, PairingApproved, PairingShown, PollPairingOp};
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::Actor;
use domain::fingerprint::fingerprint;
use domain::hex::unhex;
use domain::id::{FarmId, StoreId};
use domain::text::Name;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Pairing, Rows, StoreError, Tunnel, credential_hash};

use crate::auth::internal;
use crate::door::Door;
use crate::operation::{By, Failure, Read};

/// What is kept under a code.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asking {
    farm: NewPairing,
    approved: Option<Approved>,
    done: bool,
}

/// Who said yes, and what they held then.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Approved {
    store_id: StoreId,
    store_name: Name,
    by: Actor,
    grants: Grants,
    /// It takes the place of the farm of that id, whatever agent had it.
    #[serde(default)]
    replace: bool,
    /// The farm whose place it takes, if it is another than its own.
    #[serde(default)]
    becomes: Option<FarmId>,
}

impl Approved {
    fn shown(&self, last_number: u64) -> PairingApproved {
        let Self { store_id, store_name, by, becomes, .. } = self.clone();
        PairingApproved { store_id, store_name, claimed_by: by, last_number, becomes }
    }
}

impl Asking {
    fn of(pairing: &Pairing) -> Result<Self, StoreError> {
        serde_json::from_value(pairing.document.clone()).map_err(|cause| StoreError::Document { kind: "pairing", cause })
    }

    fn kept(&self, pairing: Pairing) -> Result<Pairing, StoreError> {
        let document = serde_json::to_value(self).map_err(|cause| StoreError::Document { kind: "pairing", cause })?;
        Ok(Pairing { document, ..pairing })
    }

    fn shown(&self, user_code: String, expires_at: Timestamp) -> PairingShown {
        let NewPairing { farm_id, farm_name, host, live, public_key, keys, empty, .. } = self.farm.clone();
        let fingerprint = fingerprint(&unhex(&public_key).unwrap_or_default());
        PairingShown { user_code, farm_id, farm_name, host, live, fingerprint, keys, expires_at, replaces: None, empty }
    }
}

/// Farms are claimed at a relay.
fn at_a_relay(door: &Door) -> Result<(), Problem> {
    if door.is_relay() {
        Ok(())
    } else {
        Err(Problem::new(Code::NoSuchPath).detail("this is a farm: farms are claimed at a relay"))
    }
}

/// A code as it was meant: without blanks and dashes, in capitals.
fn tidy(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(80).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// What asks under that code. Who guesses is slowed down.
fn asking(door: &Door, from: Option<std::net::IpAddr>, rows: Rows<'_>, code: &str) -> Result<(Pairing, Asking), Failure> {
    door.throttle.take(from, door.now())?;
    let pairing = rows.pairing(&tidy(code))?.filter(|pairing| pairing.expires_at > door.now());
    let pairing = pairing.ok_or_else(|| Problem::not_found(tidy(code)))?;
    door.throttle.give_back(from);
    let asking = Asking::of(&pairing)?;
    Ok((pairing, asking))
}

/// What asks with that device code.
fn of_device(rows: Rows<'_>, device_code: &str, now: Timestamp) -> Result<(Pairing, Asking), Failure> {
    let pairing = rows.pairing_of_device(&credential_hash(device_code))?.filter(|pairing| pairing.expires_at > now);
    let pairing = pairing.ok_or_else(|| Problem::new(Code::ExpiredToken))?;
    let asking = Asking::of(&pairing)?;
    Ok((pairing, asking))
}

impl Read for PollPairingOp {
    async fn read(_: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<PairingApproved, Failure> {
        at_a_relay(door)?;
        let (_, asking) = door.store.read(|rows| of_device(rows, asked.body.device_code.expose(), door.now()))?;
        let approved = asking.approved.ok_or_else(|| Problem::new(Code::AuthorizationPending))?;
        std::future::ready(Ok(approved.shown(0))).await
    }
}

impl Read for GetPairing {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<PairingShown, Failure> {
        if !door.is_relay() {
            return Err(Problem::not_found(tidy(&asked.target.0)).into());
        }
        let (pairing, asking) = door.store.read(|rows| asking(door, by.from, rows, &asked.target.0))?;
        let mut shown = asking.shown(pairing.user_code, pairing.expires_at);
        let tunnel = door.store.read(|rows| rows.tunnel(shown.farm_id))?.filter(|tunnel| tunnel.home.store_id == by.store);
        shown.replaces = tunnel.filter(|tunnel| needs_replace(tunnel, &asking)).map(|tunnel| tunnel.home.farm_id);
        std::future::ready(Ok(shown)).await
    }
}

/// Whether a farm that is known comes with another key, or was taken for a copy: then somebody must say that it takes the farm's place.
fn needs_replace(tunnel: &Tunnel, asking: &Asking) -> bool {
    tunnel.state.keys.public_key != asking.farm.public_key || (tunnel.state.refused.is_some() && !tunnel.state.revoked)
}

/// The name of a caller's store.
fn store_name(rows: Rows<'_>, store: StoreId) -> Result<Name, Failure> {
    let row = rows.get::<domain::account::Store>(store)?;
    row.map(|row| row.record.name).ok_or_else(|| internal(&"a caller's store has no record").into())
}
