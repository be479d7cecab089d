//! Add a printer with the settings of another.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printer_setup::ClonePrinter;
use contract::ops::printers::{GetPrinter, NewLink, NewPrinter};
use domain::printer::Printer;
use domain::text::Metadata;

use super::adding::add;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for ClonePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        // Whoever takes over settings sees them.
        let other = by.also::<GetPrinter>()?.find::<Printer>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        let link = NewLink {
            driver: other.link.driver,
            address: body.address,
            serial: body.serial,
            certificate: None,
            credential: body.credential,
        };
        let printer = NewPrinter {
            name: body.name,
            link,
            machine: other.machine,
            tags: body.tags.unwrap_or(other.tags),
            loaded: Vec::new(),
            external_id: body.external_id,
            metadata: Metadata::default(),
        };
        let id = add(by, at, printer)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
