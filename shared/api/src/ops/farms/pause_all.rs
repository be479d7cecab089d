//! Pause every print of ours.

use contract::list::{BulkReply, BulkResult};
use contract::operation::Asked;
use contract::ops::farms::PauseAll;
use domain::command::Verb;
use domain::farm::Farm;
use domain::job::Job;
use domain::state::StateWord;

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for PauseAll {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<BulkReply>, Failure> {
        by.whole_farm()?;
        by.find_to_change::<Farm>(at.rows(), asked.target.id)?;
        let mut results = Vec::new();
        for job in at.rows().all_where::<Job>("state", &[StateWord::Printing.name(), StateWord::Starting.name()])? {
            let Some(run) = job.record.state.run() else { continue };
            facts::new_command(at, Verb::Pause, run.printer_id, Some(run.attempt_id))?;
            results.push(BulkResult { id: run.printer_id.to_string(), ok: true, problem: None });
        }
        Ok(BulkReply { results }.into())
    }
}
