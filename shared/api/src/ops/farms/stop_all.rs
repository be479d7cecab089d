//! Stop everything: start nothing more, and cancel every print of ours.

use contract::list::{BulkReply, BulkResult};
use contract::operation::Asked;
use contract::ops::farms::StopAll;
use contract::problem::Problem;
use domain::farm::{Dispatch, Farm};
use domain::job::Job;

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for StopAll {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<BulkReply>, Failure> {
        by.whole_farm()?;
        let mut farm = by.find_to_change::<Farm>(at.rows(), asked.target.id)?.record;
        farm.dispatch = Dispatch::Stop;
        at.update(&farm)?;
        let mut results = Vec::new();
        for job in at.rows().all_where::<Job>("phase", &["active"])? {
            let id = job.record.id;
            // One of unknown state cannot be stopped from here; that must not keep the others running.
            let outcome = at.part(|tx| facts::ask_cancel(tx, id, None, false)).map_err(Problem::from);
            results.push(BulkResult { id: id.to_string(), ok: outcome.is_ok(), problem: outcome.err() });
        }
        Ok(BulkReply { results }.into())
    }
}
