//! Delete a part.

use contract::operation::{Asked, Nothing};
use contract::ops::parts::DeletePart;
use domain::part::Part;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeletePart {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let part = by.find_to_change::<Part>(at.rows(), asked.target.id)?.record;
        at.delete(&part)?;
        Ok(Nothing {}.into())
    }
}
