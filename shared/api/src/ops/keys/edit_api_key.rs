//! Change an API key. What it may do may become more or less, but never more than the caller and its sponsor hold.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::keys::{EditApiKey, EditApiKeyOp};
use domain::access::Scope;
use domain::actor::{Actor, ActorKind};
use domain::key::ApiKey;
use store::Rows;

use super::{few_networks, grants, held};
use crate::facts;
use crate::held::left_of;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{role_is_ours, unprepared};

impl Write for EditApiKeyOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<ApiKey>>, Failure> {
        let mut key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        let mut body = asked.body;
        role_is_ours(by, at.rows(), body.role.flatten())?;
        grant_anew(at.rows(), &mut key, &mut body)?;
        held(&by.grants, &key.grants)?;
        key.name = body.name.unwrap_or(key.name);
        if let Some(networks) = body.allowed_networks {
            few_networks(&networks)?;
            key.allowed_networks = networks;
        }
        key.rate_limit = body.rate_limit.unwrap_or(key.rate_limit);
        key.expires_at = body.expires_at.unwrap_or(key.expires_at);
        key.holds = left_of(at.rows(), &key, at.now())?;
        at.update(&key)?;
        facts::holder_changed(at, &Actor::new(ActorKind::ApiKey, key.id))?;
        Ok(by.view(at.rows(), key.id)?.into())
    }
}

/// What the key was given, if any of it is asked for anew.
fn grant_anew(rows: Rows<'_>, key: &mut ApiKey, body: &mut EditApiKey) -> Result<(), Failure> {
    let (role, permissions, farms, tags) = (body.role.take(), body.permissions.take(), body.farms.take(), body.tags.take());
    if role.is_none() && permissions.is_none() && farms.is_none() && tags.is_none() {
        return Ok(());
    }
    // A key of before roles were written down holds what stands in its grants alone.
    if key.role.is_none() && key.permissions.is_empty() {
        key.permissions = key.grants.permissions;
    }
    let role = role.unwrap_or(key.role);
    let permissions = permissions.unwrap_or_else(|| key.permissions.iter().collect());
    let farms = farms.map_or_else(|| key.grants.farms.clone(), Scope::from);
    let tags = tags.map_or_else(|| key.grants.tags.clone(), Scope::from);
    key.grants = grants(rows, role, &permissions, farms, tags)?;
    (key.role, key.permissions) = (role, permissions.into_iter().collect());
    Ok(())
}
