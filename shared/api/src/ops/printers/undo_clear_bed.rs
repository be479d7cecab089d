//! Take back a clear within ten seconds.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::UndoClearBed;
use domain::printer::Printer;

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for UndoClearBed {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let id = by.find_to_change::<Printer>(at.rows(), asked.target.id)?.record.id;
        facts::undo_clear(at, id)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
