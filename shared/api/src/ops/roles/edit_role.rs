//! Change a role, and at once what everybody holds by it.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::roles::EditRoleOp;
use domain::access::Grants;
use domain::role::OwnRole;

use super::permissions;
use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for EditRoleOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<OwnRole>>, Failure> {
        let mut role = by.find_to_change::<OwnRole>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &Grants::unscoped(role.permissions))?;
        role.name = asked.body.name.unwrap_or(role.name);
        if let Some(wanted) = asked.body.permissions {
            role.permissions = permissions(&wanted)?;
            held(&by.grants, &Grants::unscoped(role.permissions))?;
        }
        at.update(&role)?;
        facts::role_changed(at, role.id)?;
        Ok(by.view(at.rows(), role.id)?.into())
    }
}
