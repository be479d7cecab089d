//! Approve a job that waits for a person's yes.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::ApproveJob;
use domain::job::{Job, JobEvent};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for ApproveJob {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let mut job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        job.state = job.state.after(JobEvent::Approve)?;
        at.update_as(&job, &[Named::JobReleased])?;
        Ok(by.view(at.rows(), job.id)?.into())
    }
}
