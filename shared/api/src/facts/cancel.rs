//! A cancel: at once where nothing moves yet, by a command where the printer has to be asked.

use contract::event::Named;
use contract::problem::{Code, Problem};
use domain::attempt::{Attempt, AttemptEvent, AttemptState, CancelReason, End, Stage};
use domain::command::{Command, CommandState, Verb};
use domain::id::{AttemptId, CommandId, JobId, PrinterId};
use domain::job::{CancelRequest, Job, JobEvent, JobState};
use domain::text::Note;
use store::Tx;

use super::{move_attempt, must};
use crate::operation::Failure;

/// What became of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is done.
    AtOnce,
    /// The printer is being asked.
    Asked(CommandId),
}

/// Cancels a job.
///
/// # Errors
/// `illegal_state` if it has ended, or if nobody knows what its printer does.
pub fn ask_cancel(tx: &mut Tx<'_>, job: JobId, note: Option<Note>, requeue: bool) -> Result<Cancelled, Failure> {
    let mut job = must::<Job>(tx, job)?.record;
    let request = CancelRequest { by: tx.actor().clone(), at: tx.now(), note: note.clone(), requeue };
    match job.state {
        JobState::Queued | JobState::Held(_) | JobState::AwaitingApproval => {
            job.state = job.state.after(JobEvent::CancelWaiting)?;
            job.detail = note.map(String::from);
            job.ended_at = Some(tx.now());
            tx.update_as(&job, &[Named::JobCancelled])?;
            Ok(Cancelled::AtOnce)
        }
        JobState::Active(run, Stage::Assigned | Stage::Slicing | Stage::Sending) => {
            job.cancel_requested = Some(request);
            tx.update(&job)?;
            let end = AttemptEvent::Ended(End::Cancelled(CancelReason::Requested));
            move_attempt(tx, run.attempt_id, end, note.map(String::from))?;
            Ok(Cancelled::AtOnce)
        }
        JobState::Active(run, Stage::Starting | Stage::Printing | Stage::Paused(_)) => {
            job.cancel_requested = Some(request);
            tx.update(&job)?;
            let mut attempt = must::<Attempt>(tx, run.attempt_id)?.record;
            attempt.cancel_requested = true;
            tx.update(&attempt)?;
            // The printer is asked once at a time, however often somebody taps.
            let open = tx.rows().all_where::<Command>("state", &["accepted", "dispatched"])?;
            let same = |command: &Command| command.verb == Verb::Cancel && command.attempt_id == Some(run.attempt_id);
            if let Some(command) = open.into_iter().find(|command| same(&command.record)) {
                return Ok(Cancelled::Asked(command.record.id));
            }
            let command = new_command(tx, Verb::Cancel, run.printer_id, Some(run.attempt_id))?;
            Ok(Cancelled::Asked(command))
        }
        JobState::Active(_, Stage::Unknown(_)) => Err(Problem::new(Code::IllegalState)
            .detail("it is not known what the printer does: look at it, then resolve the job")
            .on(job.id)
            .into()),
        JobState::Done(..) => Err(Problem::new(Code::IllegalState).detail("the job has ended").on(job.id).into()),
    }
}

/// Writes a command down, before anything is touched.
///
/// # Errors
/// What the database says.
pub fn new_command(
    tx: &mut Tx<'_>,
    verb: Verb,
    printer_id: PrinterId,
    attempt_id: Option<AttemptId>,
) -> Result<CommandId, Failure> {
    written(tx, verb, printer_id, attempt_id, None)
}

/// Asks a printer to leave one thing out of its print.
///
/// # Errors
/// What the database says.
pub fn new_skip(tx: &mut Tx<'_>, printer: PrinterId, attempt: AttemptId, object: String) -> Result<CommandId, Failure> {
    written(tx, Verb::SkipObject, printer, Some(attempt), Some(object))
}

fn written(
    tx: &mut Tx<'_>,
    verb: Verb,
    printer_id: PrinterId,
    attempt_id: Option<AttemptId>,
    object: Option<String>,
) -> Result<CommandId, Failure> {
    let id = tx.new_id();
    let command = Command {
        id,
        verb,
        printer_id,
        attempt_id,
        object,
        state: CommandState::Accepted,
        detail: None,
        created_by: tx.actor().clone(),
        created_at: tx.now(),
        expires_at: tx.now().plus_seconds(verb.expires_after_seconds()),
        ended_at: None,
    };
    tx.create(&command)?;
    Ok(id)
}

/// Writes a command's outcome. A cancel that did not work is no longer asked for.
///
/// # Errors
/// `illegal_state` if the command has an outcome.
pub fn command_ended(tx: &mut Tx<'_>, id: CommandId, state: CommandState, detail: Option<String>) -> Result<(), Failure> {
    let mut command = must::<Command>(tx, id)?.record;
    command.state = command.state.to(state)?;
    command.detail = detail;
    command.ended_at = state.is_final().then(|| tx.now());
    let named: &[Named] = match state {
        CommandState::Completed => &[Named::CommandCompleted],
        CommandState::Failed | CommandState::Unknown => &[Named::CommandFailed],
        CommandState::Expired => &[Named::CommandExpired],
        CommandState::Accepted | CommandState::Dispatched => &[],
    };
    tx.update_as(&command, named)?;
    let given_up = matches!(state, CommandState::Failed | CommandState::Expired | CommandState::Unknown);
    let (true, Verb::Cancel, Some(attempt)) = (given_up, command.verb, command.attempt_id) else { return Ok(()) };
    let mut attempt = must::<Attempt>(tx, attempt)?.record;
    // A start that has not shown yet is cancelled as soon as it shows: that wish outlives its command.
    if attempt.cancel_requested && attempt.state != AttemptState::Active(Stage::Starting) {
        attempt.cancel_requested = false;
        tx.update(&attempt)?;
        let mut job = must::<Job>(tx, attempt.job_id)?.record;
        job.cancel_requested = None;
        tx.update(&job)?;
    }
    Ok(())
}
