//! Tell per printer why a job does not run there.

use contract::operation::Asked;
use contract::ops::jobs::{Why, WhyJob};
use contract::problem::{Code, Problem};
use domain::job::Job;
use domain::permission::Permission;
use domain::printer::Printer;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for WhyJob {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Why, Failure> {
        let job = door.store.read(|rows| by.find::<Job>(rows, asked.target.id))?.record;
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let Some(mut why) = farm.floor().why(job.id)? else {
            let word = job.state.word().name();
            let summary = format!("The job does not wait: it is {word}.");
            return Ok(Why { job_id: job.id, summary, job: Vec::new(), printers: Vec::new() });
        };
        let sees_printers = by.grants.permissions.has(Permission::PrinterView);
        why.printers.retain(|line| sees_printers && door.store.read(|rows| by.find::<Printer>(rows, line.printer_id)).is_ok());
        std::future::ready(Ok(why)).await
    }
}
