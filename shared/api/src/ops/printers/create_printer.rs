//! Add a printer.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::CreatePrinter;
use domain::printer::Printer;

use super::adding::add;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreatePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let id = add(by, at, asked.body)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
