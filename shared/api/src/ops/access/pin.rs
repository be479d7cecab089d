//! Sign in as an operator by PIN. A PIN is short: it is taken only on the farm's own network, guessing at it is slowed down, and after
//! ten wrong ones it opens nothing but at a browser that the operator used before. That browser has ten of its own.

use contract::event::Named;
use contract::problem::{Code, Problem};
use domain::actor::Actor;
use domain::hex::hex;
use domain::id::OperatorId;
use domain::operator::{Operator, OperatorState, PinState};
use domain::secret::Secret;
use store::{AuditEntry, By as Stamp, StoreError, Tx};

use super::create_session::known_as;
use crate::door::Door;
use crate::operation::{By, Failure};
use crate::ops::operators::PIN;
use crate::password;
use crate::pin_throttle::PinThrottle;

/// So many wrong PINs in all.
const MOST: u32 = 10;

/// Whether the PIN is right. If so, the tries that it took are given back by [`right`].
///
/// # Errors
/// `untrusted_place`, `rate_limited`, `pin_locked` or `bad_credential`.
pub(super) async fn check<C>(by: &By<C>, door: &Door, id: OperatorId, pin: &Secret<String>) -> Result<(), Failure> {
    if door.farm.is_none() {
        return Err(Problem::field("/pin", "invalid", "operators sign in at their farm").into());
    }
    if !by.browser.at_the_farm {
        return Err(Problem::new(Code::UntrustedPlace).into());
    }
    let known = door.store.read(|rows| known_as(rows, by.browser.known, &id.to_string(), door.now()))?;
    let counted = PinThrottle::counted(id, known, by.from);
    door.people.pins.take(&counted, door.now())?;
    let operator = door.store.read(|rows| rows.get::<Operator>(id))?.map(|row| row.record);
    let operator = operator.filter(|operator| operator.state == OperatorState::Active && operator.pin != PinState::Unset);
    let Some(operator) = operator else {
        // As slow as a wrong PIN.
        password::fits(pin.expose().clone(), None).await;
        return Err(wrong().into());
    };
    let locked = || Problem::new(Code::PinLocked).on(id);
    if known.is_none() && operator.pin == PinState::Locked {
        return Err(locked().into());
    }
    let who = who(id, known);
    let stamp = || Stamp::new(Actor::farm(door.home().farm_id), door.now());
    let taken = door.store.write(stamp(), move |tx| tx.take_pin_try(&who, MOST)).await?;
    let hash = door.store.read(|rows| rows.secret(&door.sealer, &id.to_string(), PIN))?;
    if taken.is_some() && password::fits(pin.expose().clone(), hash).await {
        door.people.pins.right(&counted, door.now());
        return Ok(());
    }
    if taken.is_none_or(|nth| nth >= MOST) {
        let (from, request) = (by.from.map(|from| from.to_string()), by.request_id.clone());
        door.store.write(stamp(), move |tx| spent(tx, id, known, from, request)).await?;
        return Err(locked().into());
    }
    Err(wrong().into())
}

/// It was right: what was wrong before is forgotten, and at a browser of theirs a locked PIN is locked no more.
pub(super) fn right(tx: &mut Tx<'_>, operator: &Operator, known: Option<[u8; 32]>) -> Result<(), StoreError> {
    tx.forget_pin_tries(&who(operator.id, known))?;
    if operator.pin == PinState::Locked {
        tx.forget_pin_tries(&operator.id.to_string())?;
        tx.update(&Operator { pin: PinState::Set, ..operator.clone() })?;
    }
    Ok(())
}

/// The last try was taken: the PIN is locked, or the browser is known no more.
fn spent(
    tx: &mut Tx<'_>,
    id: OperatorId,
    known: Option<[u8; 32]>,
    from: Option<String>,
    request: String,
) -> Result<(), StoreError> {
    if let Some(known) = known {
        tx.forget_credential(&known)?;
        return tx.forget_pin_tries(&who(id, Some(known)));
    }
    let Some(operator) = tx.get::<Operator>(id)?.map(|row| row.record).filter(|operator| operator.pin == PinState::Set) else {
        return Ok(());
    };
    tx.update_as(&Operator { pin: PinState::Locked, ..operator }, &[Named::OperatorPinLocked])?;
    let entry = AuditEntry {
        at: tx.now(),
        actor: tx.actor().clone(),
        from,
        operation: "lock_operator_pin".to_owned(),
        subject: Some(id.to_string()),
        request_id: Some(request),
        asked: serde_json::Value::Null,
    };
    tx.audit(&entry)
}

fn who(id: OperatorId, known: Option<[u8; 32]>) -> String {
    known.map_or_else(|| id.to_string(), |known| hex(&known))
}

fn wrong() -> Problem {
    Problem::new(Code::BadCredential).detail("the PIN is not right")
}
