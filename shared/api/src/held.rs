//! What somebody holds right now. A person holds what their role and single permissions open; a key what it was given,
//! as far as its role and whoever sponsors it still hold it.

use contract::record::Record;
use domain::access::{Grants, Scope};
use domain::account::{User, UserState};
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::farm::Farm;
use domain::id::StoreId;
use domain::key::{ApiKey, KeyState};
use domain::permission::PermissionSet;
use domain::role::{OwnRole, RoleRef};
use domain::time::Timestamp;
use store::{Rows, StoreError};

use crate::floor_people;

/// The record of that id, and its store.
pub(crate) fn record_of<R: Record>(rows: Rows<'_>, id: &str) -> Result<Option<(StoreId, R)>, StoreError> {
    let Some(raw) = rows.raw(R::KIND, id)? else { return Ok(None) };
    let record = serde_json::from_value(serde_json::Value::Object(raw.document));
    record.map(|record| Some((raw.store_id, record))).map_err(|cause| StoreError::Document { kind: R::KIND.word(), cause })
}

/// What a role opens now; nothing if it is gone.
///
/// # Errors
/// What the database says.
pub fn opened_by(rows: Rows<'_>, role: Option<RoleRef>) -> Result<PermissionSet, StoreError> {
    match role {
        None => Ok(PermissionSet::EMPTY),
        Some(RoleRef::BuiltIn(role)) => Ok(role.permissions()),
        Some(RoleRef::Own(id)) => Ok(rows.get::<OwnRole>(id)?.map_or(PermissionSet::EMPTY, |row| row.record.permissions)),
    }
}

/// What somebody holds now. None if they hold nothing any more: a person who left or is suspended, a key that is
/// paused, revoked or expired, or that came from one.
///
/// # Errors
/// What the database says.
pub fn held_by(rows: Rows<'_>, actor: &Actor, now: Timestamp) -> Result<Option<Grants>, StoreError> {
    match actor.kind {
        ActorKind::User => match record_of::<User>(rows, &actor.id)? {
            Some((_, user)) if user.state == UserState::Active => Ok(Some(user.grants(opened_by(rows, user.role)?))),
            Some(_) | None => Ok(None),
        },
        ActorKind::ApiKey => match record_of::<ApiKey>(rows, &actor.id)? {
            Some((_, key)) => key_holds(rows, &key, now),
            None => Ok(None),
        },
        ActorKind::Floor | ActorKind::Device => floor_people::held(rows, actor, now),
        // The agent and the relay themselves, who write only what they were told to.
        ActorKind::Farm | ActorKind::Relay => Ok(Some(Grants::owner())),
        ActorKind::Slicer | ActorKind::Ai | ActorKind::WebhookIn | ActorKind::Scheduler => Ok(None),
    }
}

/// What a key holds now.
///
/// # Errors
/// What the database says.
pub fn key_holds(rows: Rows<'_>, key: &ApiKey, now: Timestamp) -> Result<Option<Grants>, StoreError> {
    // What stands in `holds` follows every change but the passing of time, so that is all that is looked for here.
    let mut opens = opens(key, now);
    let mut sponsor = key.sponsor.clone();
    while opens && matches!(sponsor.kind, ActorKind::ApiKey | ActorKind::Device) {
        if sponsor.kind == ActorKind::Device {
            let Some((_, above)) = record_of::<Device>(rows, &sponsor.id)? else { return Ok(None) };
            sponsor = above.sponsor;
        } else {
            let Some((_, above)) = record_of::<ApiKey>(rows, &sponsor.id)? else { return Ok(None) };
            opens = self::opens(&above, now);
            sponsor = above.sponsor;
        }
    }
    match key.holds.clone().filter(|_| opens) {
        Some(grants) if key.test => at_test_farms(rows, grants).map(Some),
        holds => Ok(holds),
    }
}

/// What a test key makes of what it was given: test farms only, and nothing of the account. Looked up each time, so that a farm that comes
/// or leaves counts at once.
fn at_test_farms(rows: Rows<'_>, grants: Grants) -> Result<Grants, StoreError> {
    let farms = rows.all_where::<Farm>("live", &["false"])?.into_iter().map(|row| row.record.id).collect();
    let permissions = grants.permissions.and(PermissionSet::of_test_keys());
    Ok(Grants { permissions, farms: grants.farms.and(&Scope::Only(farms)), ..grants })
}

fn opens(key: &ApiKey, now: Timestamp) -> bool {
    key.state == KeyState::Active && key.expires_at.is_none_or(|end| end > now)
}

/// What of the grants their sponsor still holds; none if nothing of theirs opens a door.
///
/// # Errors
/// What the database says.
pub fn still_held(rows: Rows<'_>, grants: &Grants, sponsor: &Actor, now: Timestamp) -> Result<Option<Grants>, StoreError> {
    Ok(held_by(rows, sponsor, now)?.map(|theirs| grants.and(&theirs)))
}

/// What of what a key was given its role and its sponsor still hold.
pub(crate) fn left_of(rows: Rows<'_>, key: &ApiKey, now: Timestamp) -> Result<Option<Grants>, StoreError> {
    let mut grants = key.grants.clone();
    if key.role.is_some() {
        grants.permissions = grants.permissions.and(opened_by(rows, key.role)?.or(key.permissions));
    }
    still_held(rows, &grants, &key.sponsor, now)
}
