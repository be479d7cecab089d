//! Move a job in the queue.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::MoveJobOp;
use contract::problem::{Code, Problem};
use domain::job::Job;
use domain::state::Phase;

use super::{RANK_STEP, last_rank};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for MoveJobOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let mut job = by.find_to_change::<Job>(at.rows(), asked.target.id)?.record;
        if job.state.phase() != Phase::Waiting {
            return Err(Problem::new(Code::IllegalState).detail("only a waiting job has a place in the queue").on(job.id).into());
        }
        match asked.body.before {
            None => job.rank = last_rank(at)?,
            Some(next) if next == job.id => {
                return Err(Problem::field("/before", "invalid", "a job cannot go before itself").into());
            }
            Some(next) => {
                let next = by.find::<Job>(at.rows(), next)?.record;
                if next.state.phase() != Phase::Waiting {
                    return Err(Problem::field("/before", "invalid", "that job does not wait").into());
                }
                job.priority = next.priority;
                job.rank = rank_before(at, &job, &next)?;
            }
        }
        at.update(&job)?;
        Ok(by.view(at.rows(), job.id)?.into())
    }
}

/// A rank just before that job; if there is no room left, the whole waiting queue gets new ranks.
fn rank_before(at: &mut AtHome<'_, '_>, job: &Job, next: &Job) -> Result<i64, Failure> {
    let mut waiting: Vec<Job> = at.rows().all_where::<Job>("phase", &["waiting"])?.into_iter().map(|row| row.record).collect();
    waiting.retain(|other| other.id != job.id);
    waiting.sort_by_key(|other| (other.rank, other.id));
    let place = waiting.iter().position(|other| other.id == next.id).unwrap_or(0);
    let above = match place.checked_sub(1).and_then(|above| waiting.get(above)) {
        Some(above) => above.rank,
        None => return Ok(next.rank - RANK_STEP),
    };
    let middle = above + (next.rank - above) / 2;
    if middle > above && middle < next.rank {
        return Ok(middle);
    }
    let mut rank = 0;
    let mut mine = 0;
    for mut other in waiting {
        if other.id == next.id {
            mine = rank;
            rank += RANK_STEP;
        }
        other.rank = rank;
        rank += RANK_STEP;
        at.update(&other)?;
    }
    Ok(mine)
}
