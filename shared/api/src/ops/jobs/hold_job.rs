//! Hold a waiting job.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::HoldJob;
use domain::job::{HoldReason, Job, JobEvent};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for HoldJob {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let mut job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        let held = job.state.after(JobEvent::Hold(HoldReason::Requested))?;
        if held != job.state {
            job.state = held;
            at.update_as(&job, &[Named::JobHeld])?;
        }
        Ok(by.view(at.rows(), job.id)?.into())
    }
}
