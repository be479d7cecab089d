//! Change a printer's settings.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::EditPrinterOp;
use contract::problem::{Code, Problem};
use domain::printer::{Link, Printer};

use super::CREDENTIAL;
use crate::facts::put_printer;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditPrinterOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let mut printer = by.find_to_change::<Printer>(at.rows(), asked.target.id)?.record;
        let (id, body) = (printer.id, asked.body);
        if let Some(link) = body.link {
            let known = at.floor()?.capabilities(&link.driver);
            let capabilities = known
                .ok_or_else(|| Problem::field("/link/driver", "invalid", "there is no such driver; GET /v1/system/drivers lists them"))?;
            let credential_set_at = link.credential.as_ref().map_or(printer.link.credential_set_at, |_| Some(at.now()));
            let moved = Link { driver: link.driver, address: link.address, credential_set_at };
            if moved != printer.link && printer.attempt_id.is_some() {
                return Err(Problem::new(Code::InUse).detail("a job is on the printer: its address cannot change now").on(id).into());
            }
            (printer.link, printer.capabilities) = (moved, capabilities.into_iter().collect());
            if let Some(credential) = link.credential {
                let sealer = at.sealer.clone();
                at.put_secret(&sealer, &id.to_string(), CREDENTIAL, credential.expose())?;
            }
        }
        printer.name = body.name.unwrap_or(printer.name);
        printer.machine = body.machine.unwrap_or(printer.machine);
        printer.tags = body.tags.unwrap_or(printer.tags);
        printer.loaded = body.loaded.unwrap_or(printer.loaded);
        printer.external_id = body.external_id.unwrap_or(printer.external_id);
        printer.metadata = body.metadata.unwrap_or(printer.metadata);
        put_printer(at, printer, &[])?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
