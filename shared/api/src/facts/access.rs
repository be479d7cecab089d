//! What follows when somebody holds something else than before: what leans on it follows in the same transaction, so that
//! the next call finds it, and a farm's copy of a key says it too.

use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::id::RoleId;
use domain::key::ApiKey;
use store::{StoreError, Tx};

use crate::floor_people::as_device;
use crate::held::left_of;

/// Somebody holds something else now: the keys that they sponsor follow.
///
/// # Errors
/// What the database says.
pub fn holder_changed(tx: &mut Tx<'_>, holder: &Actor) -> Result<(), StoreError> {
    let holder = holder.to_string();
    let sponsored = tx.rows().all_where::<ApiKey>("sponsor", &[&holder])?;
    sponsored.into_iter().try_for_each(|key| settle(tx, key.record))?;
    // What a device holds stands nowhere but follows from its sponsor; what it gave on is written down.
    let added = tx.rows().all_where::<Device>("sponsor", &[&holder])?;
    added.into_iter().try_for_each(|device| holder_changed(tx, &as_device(device.record.id)))
}

/// A role opens something else now: who has it follows.
///
/// # Errors
/// What the database says.
pub fn role_changed(tx: &mut Tx<'_>, role: RoleId) -> Result<(), StoreError> {
    let role = role.to_string();
    for user in tx.rows().all_where::<User>("role", &[&role])? {
        holder_changed(tx, &Actor::new(ActorKind::User, user.record.id))?;
    }
    let keys = tx.rows().all_where::<ApiKey>("role", &[&role])?;
    keys.into_iter().try_for_each(|key| settle(tx, key.record))
}

/// Writes what a key holds now, if that is something else, and what follows from it.
fn settle(tx: &mut Tx<'_>, key: ApiKey) -> Result<(), StoreError> {
    let holds = left_of(tx.rows(), &key, tx.now())?;
    if holds == key.holds {
        return Ok(());
    }
    let key = ApiKey { holds, ..key };
    tx.update(&key)?;
    holder_changed(tx, &Actor::new(ActorKind::ApiKey, key.id))
}
