//! The bed: cleared by who sees it, for the use that they saw; taken back within ten seconds.

use contract::event::Named;
use contract::problem::{Code, Problem};
use domain::attempt::{Attempt, AttemptEvent, AttemptState, CancelReason, End, Stage};
use domain::bed::{Bed, BedToken, BedUse, ClearedBy};
use domain::id::PrinterId;
use domain::printer::{Activity, Connection, ForeignPrint, Printer};
use store::Tx;

use super::move_attempt;
use super::must;
use super::service::put_printer;
use crate::operation::Failure;

/// Says that a bed is clear. Saying it twice changes nothing.
///
/// # Errors
/// `bed_use_outdated` if the bed was used again since it was looked at; `bed_in_use` while a print is on it.
pub fn clear(tx: &mut Tx<'_>, printer: PrinterId, seen: &BedUse, by: ClearedBy) -> Result<(), Failure> {
    let mut printer = must::<Printer>(tx, printer)?.record;
    if printer.bed_use != *seen {
        return Err(Problem::new(Code::BedUseOutdated)
            .detail("the bed was used again since it was looked at")
            .on(printer.id)
            .into());
    }
    if let Some(id) = printer.attempt_id {
        let state = must::<Attempt>(tx, id)?.record.state;
        let why = match state {
            AttemptState::Active(Stage::Unknown(_)) => {
                Some("it is not known what became of the print on it: resolve its job first")
            }
            AttemptState::Active(Stage::Starting | Stage::Printing | Stage::Paused(_)) => Some("a print is on the bed"),
            AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) | AttemptState::Done(_) => None,
        };
        if let Some(why) = why {
            return Err(Problem::new(Code::BedInUse).detail(why).on(printer.id).into());
        }
    }
    let moving = match printer.activity {
        // Whoever it belongs to; of a printer that is not heard this may be long over.
        Activity::Printing | Activity::Paused => printer.foreign.is_some() || printer.connection == Connection::Online,
        Activity::Preparing => printer.foreign.is_some(),
        Activity::Idle | Activity::Busy | Activity::Finished | Activity::Attention | Activity::Error => false,
    };
    if moving {
        return Err(Problem::new(Code::BedInUse)
            .detail("the printer prints: what it prints is on the bed")
            .on(printer.id)
            .into());
    }
    if printer.bed_token.is_some() {
        return Ok(());
    }
    let token = BedToken { bed_use: printer.bed_use.clone(), by, actor: tx.actor().clone(), given_at: tx.now() };
    tx.give_bed_token(printer.id, &token)?;
    printer.bed_token = Some(token);
    put_printer(tx, printer, &[Named::PrinterBedCleared])
}

/// Takes a clear back. A job that was claimed for it goes back to the queue.
///
/// # Errors
/// `undo_too_late` after ten seconds, or when a start has consumed it.
pub fn undo_clear(tx: &mut Tx<'_>, printer: PrinterId) -> Result<(), Failure> {
    let mut printer = must::<Printer>(tx, printer)?.record;
    if !printer.bed_token.as_ref().is_some_and(|token| token.may_be_undone(tx.now())) {
        return Err(Problem::new(Code::UndoTooLate).on(printer.id).into());
    }
    // A tap that was decided before the undo no longer counts.
    use_bed_again(tx, &mut printer)?;
    let claimed = printer.attempt_id;
    put_printer(tx, printer, &[Named::PrinterNeedsClear])?;
    match claimed {
        Some(attempt) => move_attempt(tx, attempt, AttemptEvent::Ended(End::Cancelled(CancelReason::ClearUndone)), None),
        None => Ok(()),
    }
}

/// Takes away whatever was said of the bed: it has a use of its own from here on, and a clear must name that.
///
/// # Errors
/// What the database says.
pub fn use_bed_again(tx: &mut Tx<'_>, printer: &mut Printer) -> Result<(), Failure> {
    tx.drop_bed_token(printer.id)?;
    let bed_use = BedUse::own(domain::id::Id::uuid(tx.new_id::<domain::id::EventId>()));
    (printer.bed_token, printer.bed, printer.bed_use) = (None, Bed::NeedsClear, bed_use);
    Ok(())
}

/// A print that somebody started at the machine: shown, its bed used, and what was claimed goes back.
///
/// # Errors
/// What the database says.
pub fn foreign_print_seen(tx: &mut Tx<'_>, printer: &mut Printer, file: Option<String>) -> Result<Vec<Named>, Failure> {
    use_bed_again(tx, printer)?;
    printer.foreign = Some(ForeignPrint { file, since: tx.now() });
    Ok(vec![Named::PrinterForeignPrint])
}
