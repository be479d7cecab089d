//! Pause, resume and cancel: a command is written down, then the printer is asked.

use contract::list::View;
use contract::operation::{Asked, Contract};
use contract::ops::printers::{CancelPrinter, PausePrinter, ResumePrinter};
use contract::problem::{Code, Problem};
use domain::attempt::{Attempt, AttemptState, Stage};
use domain::command::{Command, Verb};
use domain::id::{CommandId, PrinterId};
use domain::printer::Printer;

use crate::facts::{self, Cancelled};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

/// The print of ours on a printer.
pub(super) fn running<C: Contract>(by: &By<C>, at: &AtHome<'_, '_>, printer: PrinterId) -> Result<Attempt, Failure> {
    let printer = by.find_to_change::<Printer>(at.rows(), printer)?.record;
    let none = || Problem::new(Code::IllegalState).detail("no print of ours is on the printer").on(printer.id);
    let attempt = printer.attempt_id.ok_or_else(none)?;
    Ok(by.find::<Attempt>(at.rows(), attempt)?.record)
}

pub(super) fn asked_of<C: Contract>(
    by: &By<C>,
    at: &AtHome<'_, '_>,
    command: CommandId,
) -> Result<Written<View<Command>>, Failure> {
    let mut written = Written::from(by.view(at.rows(), command)?);
    written.follow = Some(command);
    Ok(written)
}

pub(super) fn illegal(attempt: &Attempt, what: &str) -> Failure {
    Problem::new(Code::IllegalState)
        .detail(format!("a print in state {} cannot be {what}", attempt.state.word()))
        .on(attempt.printer_id)
        .into()
}

impl Write for PausePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Command>>, Failure> {
        let attempt = running(by, at, asked.target.id)?;
        if !matches!(attempt.state, AttemptState::Active(Stage::Printing | Stage::Starting)) {
            return Err(illegal(&attempt, "paused"));
        }
        let command = facts::new_command(at, Verb::Pause, attempt.printer_id, Some(attempt.id))?;
        asked_of(by, at, command)
    }
}

impl Write for ResumePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Command>>, Failure> {
        let attempt = running(by, at, asked.target.id)?;
        if !matches!(attempt.state, AttemptState::Active(Stage::Paused(_))) {
            return Err(illegal(&attempt, "resumed"));
        }
        let command = facts::new_command(at, Verb::Resume, attempt.printer_id, Some(attempt.id))?;
        asked_of(by, at, command)
    }
}

impl Write for CancelPrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Command>>, Failure> {
        let attempt = running(by, at, asked.target.id)?;
        match facts::ask_cancel(at, attempt.job_id, asked.body.note, false)? {
            Cancelled::Asked(command) => asked_of(by, at, command),
            // Nothing moves yet: the command is done as it is made.
            Cancelled::AtOnce => {
                let command = facts::new_command(at, Verb::Cancel, attempt.printer_id, Some(attempt.id))?;
                facts::command_ended(at, command, domain::command::CommandState::Dispatched, None)?;
                facts::command_ended(at, command, domain::command::CommandState::Completed, None)?;
                asked_of(by, at, command)
            }
        }
    }
}
