//! Add many printers out of a table: all or none.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::printer_setup::ImportPrinters;
use contract::problem::Problem;
use domain::printer::Printer;

use super::adding::add;
use super::table::{mistake, read, refused};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for ImportPrinters {
    unprepared!();

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        (): (),
    ) -> Result<Written<Listed<View<Printer>>>, Failure> {
        let rows = read(asked.body.csv.expose()).map_err(refused)?;
        let there = at.rows().all::<Printer>()?;
        let (mut ids, mut errors) = (Vec::new(), Vec::new());
        for row in rows {
            let link = &row.printer.link;
            let same =
                |old: &&store::Row<Printer>| (&old.record.link.driver, &old.record.link.address) == (&link.driver, &link.address);
            // Only of printers that the caller may see is told that they are there.
            if let Some(old) = there.iter().find(same).filter(|old| by.find::<Printer>(at.rows(), old.record.id).is_ok()) {
                errors.push(mistake(row.line, "address", format!("the printer {} has it already", old.record.name)));
                continue;
            }
            match add(by, at, row.printer) {
                Ok(id) => ids.push(id),
                Err(Failure::Problem(problem)) => errors.push(of_row(row.line, &problem)),
                Err(failed @ Failure::Store(_)) => return Err(failed),
            }
        }
        if !errors.is_empty() {
            return Err(refused(errors).into());
        }
        let items = ids.into_iter().map(|id| by.view(at.rows(), id)).collect::<Result<_, _>>()?;
        Ok(Listed { items }.into())
    }
}

fn of_row(line: usize, problem: &Problem) -> contract::problem::FieldError {
    let wrong = problem.errors.first();
    let column = wrong.and_then(|wrong| wrong.pointer.rsplit('/').next()).unwrap_or("row");
    let detail = wrong.map(|wrong| wrong.detail.clone()).or_else(|| problem.detail.clone());
    mistake(line, column, detail.unwrap_or_else(|| problem.title.clone()))
}
