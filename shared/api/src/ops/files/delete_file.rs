//! Delete a file that nothing uses.

use contract::operation::{Asked, Nothing};
use contract::ops::files::DeleteFile;
use contract::problem::{Code, Problem};
use domain::attempt::Phase;
use domain::file::File;
use domain::job::Job;
use domain::part::Part;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteFile {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let file = by.find_to_change::<File>(at.rows(), asked.target.id)?.record;
        let in_use = |who: String| Problem::new(Code::InUse).detail(format!("{who} uses the file")).on(file.id);
        let jobs = at.rows().all_where::<Job>("file_id", &[&file.id.to_string()])?;
        if let Some(job) = jobs.iter().find(|job| job.record.state.phase() != Phase::Done) {
            return Err(in_use(job.record.id.to_string()).into());
        }
        let parts = at.rows().all::<Part>()?;
        if let Some(part) = parts.iter().find(|part| part.record.plates.iter().any(|plate| plate.file_id == file.id)) {
            return Err(in_use(part.record.id.to_string()).into());
        }
        // The bytes go with the agent's next tidying, when no file names them any more.
        at.delete(&file)?;
        Ok(Nothing {}.into())
    }
}
