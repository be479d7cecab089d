//! Add an operator. Nobody gives what they lack.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::operators::CreateOperator;
use domain::id::OperatorId;
use domain::operator::{Operator, OperatorState, PinState};

use super::{role_or_operator, within};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateOperator {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Operator>>, Failure> {
        let body = asked.body;
        let role = role_or_operator(body.role, &body.permissions);
        let given = within(at.rows(), &by.grants, role, &body.permissions, body.tags)?;
        let id: OperatorId = at.new_id();
        let operator = Operator {
            id,
            name: body.name,
            role,
            permissions: body.permissions.into_iter().collect(),
            farms: given.farms,
            tags: given.tags,
            state: OperatorState::Active,
            pin: PinState::Unset,
            created_at: at.now(),
        };
        at.create(&operator)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
