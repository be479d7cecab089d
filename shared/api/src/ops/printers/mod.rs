//! Printers: settings, beds, service, and what is asked of them.

mod acts;
mod clear_bed;
mod create_printer;
mod delete_printer;
mod edit_printer;
mod get_telemetry;
mod list_tags;
mod service;
mod test_connection;
mod undo_clear_bed;

/// The name under which a printer's credential stands in the sealed table.
pub const CREDENTIAL: &str = "credential";
