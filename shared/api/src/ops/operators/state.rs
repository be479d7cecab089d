//! Pause and resume an operator.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::operators::{PauseOperator, ResumeOperator};
use domain::operator::{Operator, OperatorState};

use crate::facts::{end_sessions, holder_changed};
use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for PauseOperator {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Operator>>, Failure> {
        let mut operator = by.find_to_change::<Operator>(at.rows(), asked.target.id)?.record;
        operator.state = OperatorState::Paused;
        at.update(&operator)?;
        holder_changed(at, &floor_people::as_operator(operator.id))?;
        end_sessions(at, &floor_people::as_operator(operator.id), None)?;
        Ok(by.view(at.rows(), operator.id)?.into())
    }
}

impl Write for ResumeOperator {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Operator>>, Failure> {
        let mut operator = by.find_to_change::<Operator>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &operator.grants())?;
        operator.state = OperatorState::Active;
        at.update(&operator)?;
        holder_changed(at, &floor_people::as_operator(operator.id))?;
        Ok(by.view(at.rows(), operator.id)?.into())
    }
}
