//! Jobs: what is to be printed.

mod approve_job;
mod cancel_job;
mod create_job;
mod edit_job;
mod hold_job;
mod judge_job;
mod list_job_attempts;
mod move_job;
mod needs;
mod release_job;
mod resolve_job;
mod retry_job;
mod why_job;

pub(crate) use needs::of_file as needs_of;

use contract::operation::Contract;
use domain::job::Target;
use domain::part::Pool;
use domain::printer::Printer;
use store::{Rows, Tx};

use crate::operation::{By, Failure};

/// A target whose printer and pool are there; for who holds only some tags, one within those.
fn check_target<C: Contract>(by: &By<C>, rows: Rows<'_>, target: &Target) -> Result<(), Failure> {
    if let Some(printer) = target.printer_id {
        by.find::<Printer>(rows, printer)?;
    }
    if let Some(pool) = target.pool_id {
        by.find::<Pool>(rows, pool)?;
    }
    // A printer or pool that can be reached has one of the caller's tags.
    if target.printer_id.is_none() && target.pool_id.is_none() {
        by.within_tags(target.tags.iter())?;
    }
    Ok(())
}

/// Room between neighbours in the queue, so that a job can be moved between two without touching others.
const RANK_STEP: i64 = 1 << 20;

/// The rank behind all others.
fn last_rank(tx: &Tx<'_>) -> Result<i64, Failure> {
    Ok(tx.rows().span(domain::kind::Kind::Job, "rank")?.map_or(0, |(_, last)| last + RANK_STEP))
}
