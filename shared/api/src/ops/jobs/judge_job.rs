//! Say how many items of an ended print are good.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::JudgeJobOp;
use contract::problem::{Code, Problem};
use domain::attempt::{Attempt, Judgement};
use domain::job::{Job, JobState};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for JudgeJobOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Attempt>>, Failure> {
        let row = by.find_to_change::<Job>(at.rows(), asked.target.id)?;
        let (job, body) = (row.record, asked.body);
        let JobState::Done(Some(run), _) = job.state else {
            return Err(Problem::new(Code::IllegalState).detail("only a print that has ended can be judged").on(job.id).into());
        };
        if body.good.saturating_add(body.scrap) > job.items {
            let why = format!("the plate has {} items", job.items);
            return Err(Problem::field("/good", "invalid", why).into());
        }
        let mut attempt = by.find::<Attempt>(at.rows(), run.attempt_id)?.record;
        attempt.judgement =
            Some(Judgement { good: body.good, scrap: body.scrap, note: body.note, by: by.actor.clone(), at: at.now() });
        at.update(&attempt)?;
        at.tell(Named::JobJudged, &job, row.revision)?;
        Ok(by.view(at.rows(), attempt.id)?.into())
    }
}
