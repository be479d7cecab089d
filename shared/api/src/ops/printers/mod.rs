//! Printers: settings, beds, service, and what is asked of them.

mod acts;
mod adding;
mod clear_bed;
mod clone_printer;
mod create_printer;
mod delete_printer;
mod edit_printer;
mod get_telemetry;
mod import_printers;
mod list_tags;
mod print_objects;
mod scan_printers;
mod service;
mod table;
mod test_connection;
mod undo_clear_bed;

use std::collections::BTreeSet;

use contract::problem::Problem;
use domain::printer::Capability;

use crate::operation::{AtHome, Failure};

/// What printers behind that driver can do.
fn capabilities(at: &AtHome<'_, '_>, driver: &str) -> Result<BTreeSet<Capability>, Failure> {
    let known = at.floor()?.capabilities(driver).map(|known| known.into_iter().collect());
    known.ok_or_else(|| {
        Problem::field("/link/driver", "invalid", "there is no such driver; GET /v1/system/drivers lists them").into()
    })
}

/// The name under which a printer's credential stands in the sealed table.
pub const CREDENTIAL: &str = "credential";
