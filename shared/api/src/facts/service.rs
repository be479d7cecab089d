//! Printers in and out of service, and the one way in which a printer is written.

use contract::event::Named;
use domain::attempt::{Attempt, AttemptEvent, CancelReason, End};
use domain::id::PrinterId;
use domain::printer::{Admin, Printer};
use domain::text::Note;
use store::Tx;

use super::{move_attempt, must};
use crate::operation::Failure;

/// Writes a printer with its derived facets in line.
///
/// # Errors
/// What the database says.
pub fn put_printer(tx: &mut Tx<'_>, mut printer: Printer, named: &[Named]) -> Result<(), Failure> {
    printer.settle();
    tx.update_as(&printer, named)?;
    Ok(())
}

/// Takes a printer out of service, or puts it back. What was claimed but not started goes back to the
/// queue; a print on it goes on.
///
/// # Errors
/// `not_found`.
pub fn put_out_of_service(
    tx: &mut Tx<'_>,
    printer: PrinterId,
    admin: Admin,
    note: Option<Note>,
    named: &[Named],
) -> Result<(), Failure> {
    let mut printer = must::<Printer>(tx, printer)?.record;
    let (claimed, was) = (printer.attempt_id, printer.admin);
    (printer.admin, printer.admin_note) = (admin, note);
    // Whoever puts a printer back has looked at it, whatever it was taken out for.
    if admin == Admin::Enabled && was != Admin::Enabled {
        printer.failures_in_a_row = 0;
    }
    put_printer(tx, printer, named)?;
    let Some(claimed) = claimed.filter(|_| admin != Admin::Enabled) else { return Ok(()) };
    if must::<Attempt>(tx, claimed)?.record.state.touched_the_bed() {
        return Ok(());
    }
    move_attempt(tx, claimed, AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn)), None)
}
