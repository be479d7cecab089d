//! Parts and their plates.

mod create_part;
mod delete_part;
mod edit_part;

use contract::operation::Contract;
use contract::problem::{Code, Problem};
use domain::file::File;
use domain::part::Plate;
use store::Rows;

use crate::operation::{By, Failure};

/// Plates whose files are there.
fn check_plates<C: Contract>(by: &By<C>, rows: Rows<'_>, plates: &[Plate]) -> Result<(), Failure> {
    for (i, plate) in plates.iter().enumerate() {
        by.find::<File>(rows, plate.file_id).map_err(|_| {
            let mut problem = Problem::field(format!("/plates/{i}/file_id"), "invalid", "there is no such file");
            problem.code = Code::InvalidRequest;
            Failure::from(problem)
        })?;
        if plate.items == 0 {
            return Err(Problem::field(format!("/plates/{i}/items"), "invalid", "must be at least 1").into());
        }
    }
    Ok(())
}
