//! What the farm itself does to machines, and sees of them, in words of the audit. Written in the transaction of the change.

use domain::attempt::AttemptEvent;
use domain::command::CommandState;
use domain::id::PrinterId;
use serde_json::{Value, json};
use store::{AuditEntry, StoreError, Tx};

use super::changes::Change;

/// Writes the entry of a change that is an act, or was seen of a machine.
///
/// # Errors
/// What the database says.
pub fn audit(tx: &mut Tx<'_>, printer: PrinterId, change: &Change) -> Result<(), StoreError> {
    let Some((operation, subject, said)) = words(printer, change) else { return Ok(()) };
    // What was so already is no act.
    if !tx.has_unaudited_changes() {
        return Ok(());
    }
    let asked = said.map_or(Value::Null, |detail| json!({"detail": detail}));
    write(tx, operation, subject, asked)
}

/// Writes an entry of the farm itself.
///
/// # Errors
/// What the database says.
pub fn write(tx: &mut Tx<'_>, operation: &str, subject: String, asked: Value) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at: tx.now(),
        actor: tx.actor().clone(),
        from: None,
        operation: operation.to_owned(),
        subject: Some(subject),
        request_id: None,
        asked,
    };
    tx.audit(&entry)
}

/// What was done, to which thing, and what was said; none for what only shows how a machine is.
fn words(printer: PrinterId, change: &Change) -> Option<(&'static str, String, Option<&str>)> {
    Some(match change {
        Change::Facets(_) | Change::Observe { .. } => return None,
        Change::Move { attempt, event, detail } => {
            let operation = match event {
                AttemptEvent::SendBegan => "farm.upload_begun",
                AttemptEvent::StartWritten => "farm.start_sent",
                AttemptEvent::StartRefused => "farm.start_refused",
                AttemptEvent::SeenPrinting => "farm.print_seen",
                AttemptEvent::SeenPaused(_) => "farm.pause_seen",
                AttemptEvent::Lost(_) => "farm.print_lost",
                AttemptEvent::Ended(_) => "farm.print_ended",
            };
            (operation, attempt.to_string(), detail.as_deref())
        }
        Change::Adopt { attempt, .. } => ("farm.print_adopted", attempt.to_string(), None),
        Change::BeginStart { attempt, .. } => ("farm.start_sent", attempt.to_string(), None),
        Change::StartRefused { attempt, detail } => ("farm.start_refused", attempt.to_string(), Some(detail)),
        Change::Command { id, state, detail } => {
            let sent = *state == CommandState::Dispatched;
            (if sent { "farm.command_sent" } else { "farm.command_ended" }, id.to_string(), detail.as_deref())
        }
        Change::Foreign { file } => ("farm.foreign_print_seen", printer.to_string(), file.as_deref()),
        Change::ForeignGone => ("farm.foreign_print_gone", printer.to_string(), None),
        Change::BedUsed { detail } => ("farm.bed_used", printer.to_string(), Some(detail)),
    })
}
