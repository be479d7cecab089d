//! Delete a file that nothing uses.

use contract::list::{Condition, Selection};
use contract::operation::{Asked, Nothing};
use contract::ops::files::DeleteFile;
use contract::problem::{Code, Problem};
use contract::record::{Record, kind_row};
use domain::file::File;
use domain::job::Job;
use domain::part::Part;

use crate::facts::everything;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteFile {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let file = by.find_to_change::<File>(at.rows(), asked.target.id)?.record;
        let in_use = |who: String| Problem::new(Code::InUse).detail(format!("{who} uses the file")).on(file.id);
        let unfinished = Condition::OneOf("phase", vec!["waiting".to_owned(), "active".to_owned()]);
        let of_file = Condition::OneOf("file_id", vec![file.id.to_string()]);
        let one = Selection { limit: 1, ..Selection::all() }.with(of_file).with(unfinished);
        if let Some(job) = at.rows().list(kind_row(Job::KIND), &one, everything(at.home()))?.rows.first() {
            return Err(in_use(job.id.clone()).into());
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
