//! Remove a printer that has no job.

use contract::operation::{Asked, Nothing};
use contract::ops::printers::DeletePrinter;
use contract::problem::{Code, Problem};
use domain::job::Job;
use domain::printer::Printer;

use crate::facts::remove_slots;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeletePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let printer = by.find_to_change::<Printer>(at.rows(), asked.target.id)?.record;
        if let Some(job) = printer.job_id {
            return Err(Problem::new(Code::InUse).detail(format!("{job} is on the printer")).on(printer.id).into());
        }
        let aiming = |job: &Job| job.target.printer_id == Some(printer.id);
        let unfinished = at.rows().all_where::<Job>("phase", &["waiting", "active"])?;
        if let Some(job) = unfinished.iter().find(|job| aiming(&job.record)) {
            return Err(Problem::new(Code::InUse)
                .detail(format!("{} is for this printer only", job.record.id))
                .on(printer.id)
                .into());
        }
        remove_slots(at, printer.id)?;
        at.drop_bed_token(printer.id)?;
        at.forget_secrets(&printer.id.to_string())?;
        at.delete(&printer)?;
        Ok(Nothing {}.into())
    }
}
