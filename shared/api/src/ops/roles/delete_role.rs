//! Delete a role that nobody has.

use contract::operation::{Asked, Nothing};
use contract::ops::roles::DeleteRole;
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::account::User;
use domain::key::{ApiKey, KeyState};
use domain::role::OwnRole;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for DeleteRole {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let role = by.find_to_change::<OwnRole>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &Grants::unscoped(role.permissions))?;
        let id = role.id.to_string();
        let person = at.rows().all_where::<User>("role", &[&id])?.into_iter().map(|row| row.record.name).next();
        let keys = at.rows().all_where::<ApiKey>("role", &[&id])?;
        let key = keys.into_iter().map(|row| row.record).find(|key| key.state != KeyState::Revoked).map(|key| key.name);
        if let Some(name) = person.or(key) {
            return Err(Problem::new(Code::InUse).detail(format!("{name} has the role")).on(role.id).into());
        }
        at.delete(&role)?;
        Ok(Nothing {}.into())
    }
}
