//! Change a job that is not on a printer.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::EditJobOp;
use contract::patch::patched;
use contract::problem::{Code, Problem};
use domain::job::Job;
use domain::state::Phase;

use super::check_target;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditJobOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let mut job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        let planned_on = body.target.is_some() || body.needs.is_some() || body.priority.is_some();
        if planned_on && job.state.phase() != Phase::Waiting {
            let why = format!("a job in state {} keeps its target, needs and priority", job.state.word().name());
            return Err(Problem::new(Code::IllegalState).detail(why).on(job.id).into());
        }
        let target = patched(job.target.clone(), body.target, "/target")?;
        if target != job.target {
            check_target(by, at.rows(), &target)?;
            job.target = target;
        }
        job.name = body.name.unwrap_or(job.name);
        job.needs = patched(job.needs, body.needs, "/needs")?;
        job.priority = body.priority.unwrap_or(job.priority);
        job.due_at = body.due_at.unwrap_or(job.due_at);
        job.external_id = body.external_id.unwrap_or(job.external_id);
        job.metadata = patched(job.metadata, body.metadata, "/metadata")?;
        at.update(&job)?;
        Ok(by.view(at.rows(), job.id)?.into())
    }
}
