//! Change a person, and at once what they and what they sponsor hold.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::accounts::EditUserOp;
use domain::account::User;
use domain::actor::{Actor, ActorKind};

use super::{check, given, owned_without};
use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for EditUserOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<User>>, Failure> {
        let before = by.find_to_change::<User>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &given(at.rows(), &before)?)?;
        let (body, mut user) = (asked.body, before.clone());
        user.name = body.name.unwrap_or(user.name);
        user.email = body.email.or(user.email);
        user.role = body.role.unwrap_or(user.role);
        if let Some(permissions) = body.permissions {
            user.permissions = permissions.into_iter().collect();
        }
        if let Some(farms) = body.farms {
            user.farms = farms.into();
        }
        if let Some(tags) = body.tags {
            user.tags = tags.into();
        }
        check(by, at.rows(), &user)?;
        if before.is_owner() && !user.is_owner() {
            owned_without(at.rows(), by.store, user.id)?;
        }
        at.update(&user)?;
        facts::holder_changed(at, &Actor::new(ActorKind::User, user.id))?;
        Ok(by.view(at.rows(), user.id)?.into())
    }
}
