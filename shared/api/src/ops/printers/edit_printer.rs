//! Change a printer's settings.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::EditPrinterOp;
use contract::patch::patched;
use contract::problem::{Code, Problem};
use domain::printer::{Link, Printer};

use super::{CREDENTIAL, capabilities};
use crate::facts::put_printer;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditPrinterOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let mut printer = by.find_to_change::<Printer>(at.rows(), asked.target.id)?.record;
        let (id, body) = (printer.id, asked.body);
        if let Some(link) = body.link {
            let credential_set_at = link.credential.as_ref().map_or(printer.link.credential_set_at, |_| Some(at.now()));
            let old = printer.link;
            let (driver, address) = (link.driver.unwrap_or(old.driver.clone()), link.address.unwrap_or(old.address.clone()));
            printer.capabilities = capabilities(at, &driver)?;
            let serial = link.serial.unwrap_or_else(|| old.serial.clone());
            let renumbered = matches!((&old.serial, &serial), (Some(one), Some(other)) if one != other);
            if renumbered && !link.board_changed {
                let why = "it is another serial number: say with board_changed that it is still the same machine, whose board was \
                           changed; another machine is added as a printer of its own";
                return Err(Problem::field("/link/serial", "unconfirmed", why).into());
            }
            let certificate = link.certificate.unwrap_or_else(|| old.certificate.clone());
            // Whoever may change an address must not learn the printer's key by naming a host of their own. A serial number
            // and a certificate guard the key likewise: to name one where none was narrows, to change it does not.
            let other_machine = old.serial.is_some() && serial != old.serial;
            let elsewhere = (&driver, &address) != (&old.driver, &old.address) || other_machine;
            let other_certificate = old.certificate.is_some() && certificate != old.certificate;
            if (elsewhere || other_certificate) && link.credential.is_none() && old.credential_set_at.is_some() {
                let why = "another address, serial number or certificate needs the credential again: it is not sent to another \
                           machine by itself";
                return Err(Problem::field("/link/credential", "missing", why).into());
            }
            // A credential or a certificate may be mended while a job is on the printer: without them the job may be stuck.
            if elsewhere && printer.attempt_id.is_some() {
                return Err(Problem::new(Code::InUse)
                    .detail("a job is on the printer: its address and serial number cannot change now")
                    .on(id)
                    .into());
            }
            let credential_lost = old.credential_lost && link.credential.is_none();
            printer.link = Link { driver, address, serial, certificate, credential_set_at, credential_lost };
            if let Some(credential) = link.credential {
                let sealer = at.sealer.clone();
                at.put_secret(&sealer, &id.to_string(), CREDENTIAL, credential.expose())?;
            }
        }
        printer.name = body.name.unwrap_or(printer.name);
        printer.machine = patched(printer.machine, body.machine, "/machine")?;
        if let Some(tags) = body.tags {
            by.within_tags(tags.iter())?;
            printer.tags = tags;
        }
        printer.loaded = body.loaded.unwrap_or(printer.loaded);
        printer.external_id = body.external_id.unwrap_or(printer.external_id);
        printer.metadata = patched(printer.metadata, body.metadata, "/metadata")?;
        put_printer(at, printer, &[])?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
