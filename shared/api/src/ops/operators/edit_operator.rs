//! Change an operator.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::operators::EditOperatorOp;
use domain::access::Scope;
use domain::operator::Operator;

use super::within;
use crate::facts::holder_changed;
use crate::floor_people::as_operator;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for EditOperatorOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Operator>>, Failure> {
        let mut operator = by.find_to_change::<Operator>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &operator.grants())?;
        let body = asked.body;
        operator.name = body.name.unwrap_or(operator.name);
        if body.role.is_some() || body.permissions.is_some() || body.tags.is_some() {
            let role = body.role.unwrap_or(operator.role);
            let permissions = body.permissions.unwrap_or_else(|| operator.permissions.iter().collect());
            let tags = body.tags.unwrap_or_else(|| match &operator.tags {
                Scope::All => None,
                Scope::Only(tags) => Some(tags.clone()),
            });
            let given = within(at.rows(), &by.grants, role, &permissions, tags)?;
            operator.role = role;
            operator.permissions = permissions.into_iter().collect();
            (operator.farms, operator.tags) = (given.farms, given.tags);
        }
        at.update(&operator)?;
        holder_changed(at, &as_operator(operator.id))?;
        Ok(by.view(at.rows(), operator.id)?.into())
    }
}
