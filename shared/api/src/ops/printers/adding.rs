//! How a printer comes to be, whoever asks for it. Nobody has seen its bed yet, so it needs a clear.

use contract::operation::Contract;
use contract::ops::printers::NewPrinter;
use domain::bed::{Bed, BedUse};
use domain::id::{Id, PrinterId};
use domain::printer::{Activity, Admin, Config, Connection, Control, Display, Link, Printer};

use super::{CREDENTIAL, capabilities};
use crate::operation::{AtHome, By, Failure};

/// Adds the printer, and seals its credential.
///
/// # Errors
/// There is no such driver, or the caller may not use these tags.
pub fn add<C: Contract>(by: &By<C>, at: &mut AtHome<'_, '_>, body: NewPrinter) -> Result<PrinterId, Failure> {
    by.within_tags(body.tags.iter())?;
    let capabilities = capabilities(at, &body.link.driver)?;
    let id: PrinterId = at.new_id();
    let mut printer = Printer {
        id,
        name: body.name,
        link: Link {
            driver: body.link.driver,
            address: body.link.address,
            serial: body.link.serial,
            certificate: body.link.certificate,
            credential_set_at: body.link.credential.as_ref().map(|_| at.now()),
            credential_lost: false,
        },
        machine: body.machine,
        tags: body.tags,
        loaded: body.loaded,
        capabilities,
        connection: Connection::Unknown,
        activity: Activity::Idle,
        bed: Bed::NeedsClear,
        admin: Admin::Enabled,
        admin_note: None,
        config: Config::Incomplete,
        control: Control::Ok,
        display: Display::Unknown,
        bed_use: BedUse::own(id.uuid()),
        bed_token: None,
        attempt_id: None,
        job_id: None,
        foreign: None,
        fault: None,
        prompt: None,
        connection_problem: None,
        control_problem: None,
        failures_in_a_row: 0,
        firmware: None,
        external_id: body.external_id,
        metadata: body.metadata,
        created_at: at.now(),
    };
    printer.settle();
    at.create(&printer)?;
    if let Some(credential) = body.link.credential {
        let sealer = at.sealer.clone();
        at.put_secret(&sealer, &id.to_string(), CREDENTIAL, credential.expose())?;
    }
    Ok(id)
}
