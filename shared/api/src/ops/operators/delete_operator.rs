//! Remove an operator.

use contract::operation::{Asked, Nothing};
use contract::ops::operators::DeleteOperator;
use domain::operator::Operator;

use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteOperator {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let operator = by.find_to_change::<Operator>(at.rows(), asked.target.id)?.record;
        floor_people::remove_operator(at, &operator)?;
        Ok(Nothing {}.into())
    }
}
