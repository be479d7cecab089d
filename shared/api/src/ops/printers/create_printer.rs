//! Add a printer. Nobody has seen its bed yet, so it needs a clear.

use std::collections::BTreeSet;

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::CreatePrinter;
use contract::problem::Problem;
use domain::bed::{Bed, BedUse};
use domain::id::{Id, PrinterId};
use domain::printer::{Activity, Admin, Config, Connection, Control, Display, Link, Printer};

use super::CREDENTIAL;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreatePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let body = asked.body;
        let known = at.floor()?.capabilities(&body.link.driver);
        let capabilities =
            known.ok_or_else(|| Problem::field("/link/driver", "invalid", "there is no such driver; GET /v1/system/drivers lists them"))?;
        let id: PrinterId = at.new_id();
        let mut printer = Printer {
            id,
            name: body.name,
            link: Link {
                driver: body.link.driver,
                address: body.link.address,
                credential_set_at: body.link.credential.as_ref().map(|_| at.now()),
            },
            machine: body.machine,
            tags: body.tags,
            loaded: body.loaded,
            capabilities: capabilities.into_iter().collect::<BTreeSet<_>>(),
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
            connection_problem: None,
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
        Ok(by.view(at.rows(), id)?.into())
    }
}
