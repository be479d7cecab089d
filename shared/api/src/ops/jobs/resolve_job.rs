//! Decide how a job of unknown state ended: a person looked at the printer.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::ResolveJobOp;
use contract::problem::{Code, Problem};
use domain::attempt::{AttemptEvent, Stage};
use domain::bed::can_see_a_bed;
use domain::job::{Job, JobState};

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for ResolveJobOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        let JobState::Active(run, Stage::Unknown(_)) = job.state else {
            let why = format!("the job is {}: only one of unknown state is resolved", job.state.word().name());
            return Err(Problem::new(Code::IllegalState).detail(why).on(job.id).into());
        };
        if !can_see_a_bed(by.actor.kind) {
            return Err(Problem::new(Code::IllegalState)
                .detail("who calls cannot see the printer: a person must decide")
                .on(job.id)
                .into());
        }
        facts::move_attempt(at, run.attempt_id, AttemptEvent::Ended(asked.body.outcome.end()), None)?;
        Ok(by.view(at.rows(), job.id)?.into())
    }
}
