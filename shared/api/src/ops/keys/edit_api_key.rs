//! Change an API key.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::keys::EditApiKeyOp;
use domain::actor::{Actor, ActorKind};
use domain::key::ApiKey;

use super::{as_networks, check_networks, held};
use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditApiKeyOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<ApiKey>>, Failure> {
        let mut key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &key.grants)?;
        key.name = asked.body.name.unwrap_or(key.name);
        if let Some(networks) = asked.body.allowed_networks {
            check_networks(&networks)?;
            key.allowed_networks = as_networks(networks);
        }
        key.expires_at = asked.body.expires_at.unwrap_or(key.expires_at);
        at.update(&key)?;
        facts::holder_changed(at, &Actor::new(ActorKind::ApiKey, key.id))?;
        Ok(by.view(at.rows(), key.id)?.into())
    }
}
