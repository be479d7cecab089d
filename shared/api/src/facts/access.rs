//! What follows when somebody holds something else than before, or leaves: what leans on it follows in the same transaction,
//! so that the next call finds it, and a farm's copy of a key says it too.

use contract::event::Named;
use domain::access::Grants;
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::id::{RoleId, SessionId};
use domain::key::{ApiKey, KeyState, Session, SlicerKey};
use domain::webhook::Webhook;
use store::{Rows, StoreError, Tx};

use crate::floor_people::{self, as_device};
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

/// What hangs on somebody's rights and has not ended.
#[derive(Debug, Clone, Default)]
pub struct Sponsored {
    /// Keys.
    pub keys: Vec<ApiKey>,
    /// Webhooks.
    pub webhooks: Vec<Webhook>,
}

impl Sponsored {
    /// By that actor.
    ///
    /// # Errors
    /// What the database says.
    pub fn by(rows: Rows<'_>, sponsor: &Actor) -> Result<Self, StoreError> {
        let sponsor = sponsor.to_string();
        let keys = rows.all_where::<ApiKey>("sponsor", &[&sponsor])?.into_iter().map(|row| row.record);
        let webhooks = rows.all_where::<Webhook>("sponsor", &[&sponsor])?.into_iter().map(|row| row.record);
        Ok(Self { keys: keys.filter(|key| key.state != KeyState::Revoked).collect(), webhooks: webhooks.collect() })
    }
}

/// Somebody else sponsors a key from now on. That never adds rights: it keeps at most what its sponsor of before held.
///
/// # Errors
/// What the database says.
pub fn hand_over_key(tx: &mut Tx<'_>, mut key: ApiKey, to: &Actor, at_most: &Grants) -> Result<(), StoreError> {
    key.grants = key.grants.and(at_most);
    key.sponsor = to.clone();
    key.holds = left_of(tx.rows(), &key, tx.now())?;
    tx.update(&key)?;
    holder_changed(tx, &Actor::new(ActorKind::ApiKey, key.id))
}

/// Somebody else sponsors a webhook from now on; the same holds for it.
///
/// # Errors
/// What the database says.
pub fn hand_over_webhook(tx: &mut Tx<'_>, mut webhook: Webhook, to: &Actor, at_most: &Grants) -> Result<(), StoreError> {
    webhook.grants = webhook.grants.and(at_most);
    webhook.sponsor = to.clone();
    tx.update(&webhook).map(drop)
}

/// A key opens nothing any more, nor does what it sponsors.
///
/// # Errors
/// What the database says.
pub fn revoke_key(tx: &mut Tx<'_>, mut key: ApiKey) -> Result<(), StoreError> {
    key.state = KeyState::Revoked;
    tx.forget_credentials(&key.id.to_string())?;
    tx.update_as(&key, &[Named::ApiKeyRevoked])?;
    let actor = Actor::new(ActorKind::ApiKey, key.id);
    // A relay asks the farms to end what stands on their floors.
    if tx.is_for_accounts() { holder_changed(tx, &actor) } else { floor_people::left(tx, &actor) }
}

/// A slicer key opens nothing any more.
///
/// # Errors
/// What the database says.
pub fn revoke_slicer_key(tx: &mut Tx<'_>, key: SlicerKey) -> Result<(), StoreError> {
    tx.forget_credentials(&key.id.to_string())?;
    tx.update(&SlicerKey { state: KeyState::Revoked, ..key }).map(drop)
}

/// Somebody is signed in nowhere any more, but for that session.
///
/// # Errors
/// What the database says.
pub fn end_sessions(tx: &mut Tx<'_>, of: &Actor, but: Option<SessionId>) -> Result<(), StoreError> {
    for session in tx.rows().all_where::<Session>("actor", &[&of.to_string()])? {
        if Some(session.record.id) != but {
            tx.forget_credentials(&session.record.id.to_string())?;
            tx.delete(&session.record)?;
        }
    }
    Ok(())
}
