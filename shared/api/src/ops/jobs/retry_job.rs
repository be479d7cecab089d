//! Put an ended job back into the queue.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::RetryJob;
use domain::job::{Job, JobEvent};

use super::last_rank;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for RetryJob {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let mut job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        job.state = job.state.after(JobEvent::Requeue)?;
        job.rank = last_rank(at)?;
        (job.started_at, job.ended_at, job.detail) = (None, None, None);
        at.update_as(&job, &[Named::JobRequeued])?;
        Ok(by.view(at.rows(), job.id)?.into())
    }
}
