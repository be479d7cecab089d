//! Cancel a job, on a printer or not.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::CancelJobOp;
use domain::job::Job;

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CancelJobOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let id = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record.id;
        facts::ask_cancel(at, id, asked.body.reason, asked.body.requeue)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
