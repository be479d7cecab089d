//! An attempt moves: its job follows it, its printer and its bed with them.

use std::collections::BTreeSet;

use contract::event::Named;
use contract::list::{Condition, MAX_LIMIT, Selection};
use contract::problem::{Code, Problem};
use contract::record::{Record, kind_row};
use domain::attempt::{Attempt, AttemptEvent, AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, Token};
use domain::bed::{Bed, BedUse};
use domain::farm::{Dispatch, Farm};
use domain::file::{File, FileContent};
use domain::id::{AttemptId, FileId, JobId, PrinterId};
use domain::job::{HoldReason, Job, JobEvent, JobState, Run, Target};
use domain::part::Pool;
use domain::printer::{Activity, Admin, Printer};
use serde_json::Value;
use store::{RawRow, Tx};

use super::service::put_printer;
use super::{everything, must};
use crate::operation::Failure;

/// Claims a printer for a job: a new attempt. Both must still be free; the caller has planned on a
/// snapshot, this decides on what is true now.
///
/// # Errors
/// A problem if the job does not wait or the printer is not free.
pub fn assign(tx: &mut Tx<'_>, job_id: JobId, printer_id: PrinterId) -> Result<Option<AttemptId>, Failure> {
    let mut job = must::<Job>(tx, job_id)?.record;
    let mut printer = must::<Printer>(tx, printer_id)?.record;
    let free = printer.attempt_id.is_none()
        && printer.admin == Admin::Enabled
        && printer.bed == Bed::Clear
        && printer.foreign.is_none()
        && tx.rows().bed_token(printer_id)?.is_some();
    let runs = must::<Farm>(tx, tx.home().farm_id)?.record.dispatch == Dispatch::Run;
    // Nothing is tried before the bytes are here; an attempt whose file is gone altogether ends with that reason.
    let elsewhere = tx.get::<File>(job.file_id)?.is_some_and(|file| file.record.content != FileContent::Here);
    if job.state != JobState::Queued || !free || !runs || elsewhere || !aimed_at(tx, &job.target, &printer)? {
        return Ok(None);
    }
    let id: AttemptId = tx.new_id();
    let token = Token::new(tx.random());
    job.attempts += 1;
    let attempt = Attempt {
        id,
        job_id,
        printer_id,
        file_id: job.file_id,
        ordinal: job.attempts,
        token,
        state: AttemptState::Active(Stage::Assigned),
        cancel_requested: false,
        detail: None,
        judgement: None,
        created_at: tx.now(),
        sent_at: None,
        started_at: None,
        ended_at: None,
    };
    job.state = job.state.after(JobEvent::Assign(Run { attempt_id: id, printer_id }))?;
    if !job.printers_tried.contains(&printer_id) {
        job.printers_tried.push(printer_id);
    }
    (printer.attempt_id, printer.job_id) = (Some(id), Some(job_id));
    tx.create(&attempt)?;
    tx.update_as(&job, &[Named::JobAssigned])?;
    put_printer(tx, printer, &[])?;
    Ok(Some(id))
}

/// Moves an attempt, and all that follows it. A move to where it is already changes nothing.
///
/// # Errors
/// `illegal_state` if the machine does not allow it.
pub fn move_attempt(tx: &mut Tx<'_>, id: AttemptId, event: AttemptEvent, detail: Option<String>) -> Result<(), Failure> {
    step(tx, id, event, detail, told)
}

/// The print of an attempt was found again after the agent or the contact was away: the same attempt
/// goes on, and `job.recovered` is all that is told.
///
/// # Errors
/// `illegal_state` if the attempt has ended.
pub fn adopt(tx: &mut Tx<'_>, id: AttemptId, paused: Option<PauseReason>) -> Result<(), Failure> {
    let event = paused.map_or(AttemptEvent::SeenPrinting, AttemptEvent::SeenPaused);
    let attempt = must::<Attempt>(tx, id)?.record;
    if attempt.state.after(event)? == attempt.state {
        let job = must::<Job>(tx, attempt.job_id)?;
        return Ok(tx.tell(Named::JobRecovered, &job.record, job.revision)?);
    }
    step(tx, id, event, None, |_, _| Some(Named::JobRecovered))
}

/// Whether the job may run there: its target may have been edited since the plan.
fn aimed_at(tx: &Tx<'_>, target: &Target, printer: &Printer) -> Result<bool, Failure> {
    let in_pool = match target.pool_id {
        None => true,
        Some(pool) => tx.get::<Pool>(pool)?.is_some_and(|pool| pool.record.tags.is_subset(&printer.tags)),
    };
    let this_one = target.printer_id.is_none_or(|only| only == printer.id);
    Ok(in_pool && this_one && target.tags.iter().all(|tag| printer.tags.contains(tag)))
}

type Told = fn(AttemptState, AttemptState) -> Option<Named>;

fn step(tx: &mut Tx<'_>, id: AttemptId, event: AttemptEvent, detail: Option<String>, told: Told) -> Result<(), Failure> {
    let mut attempt = must::<Attempt>(tx, id)?.record;
    let old = attempt.state;
    let new = old.after(event)?;
    let says_more = detail.is_some() && detail != attempt.detail;
    if new == old && !says_more {
        return Ok(());
    }
    attempt.state = new;
    attempt.detail = detail.or(attempt.detail);
    let now = tx.now();
    if new == AttemptState::Active(Stage::Starting) {
        attempt.sent_at = attempt.sent_at.or(Some(now));
    }
    if matches!(new, AttemptState::Active(Stage::Printing | Stage::Paused(_))) {
        attempt.started_at = attempt.started_at.or(Some(now));
    }
    if let AttemptState::Done(_) = new {
        attempt.ended_at = Some(now);
        attempt.cancel_requested = false;
    }
    let failed = matches!(new, AttemptState::Done(End::Failed(_)));
    tx.update_as(&attempt, if failed { &[Named::AttemptFailed] } else { &[] })?;
    follow_job(tx, &attempt, if new == old { None } else { told(old, new) })?;
    follow_printer(tx, &attempt, old)?;
    if let AttemptState::Done(End::Failed(reason)) = new {
        hold_failing_file(tx, attempt.file_id, reason)?;
    }
    Ok(())
}

fn follow_job(tx: &mut Tx<'_>, attempt: &Attempt, told: Option<Named>) -> Result<(), Failure> {
    let mut job = must::<Job>(tx, attempt.job_id)?.record;
    job.state = job.state.after(JobEvent::Follow(attempt.state))?;
    job.started_at = job.started_at.or(attempt.started_at);
    let mut named: Vec<Named> = told.into_iter().collect();
    if let AttemptState::Done(end) = attempt.state {
        job.ended_at = attempt.ended_at;
        job.detail.clone_from(&attempt.detail);
        let wanted_back = job.cancel_requested.as_ref().is_some_and(|cancel| cancel.requeue);
        job.cancel_requested = None;
        let back = match end {
            End::Cancelled(CancelReason::ClearUndone | CancelReason::PrinterWithdrawn) => true,
            End::Cancelled(CancelReason::Requested) => wanted_back,
            End::Cancelled(CancelReason::AtPrinter | CancelReason::NotStarted) | End::Completed { .. } | End::Failed(_) => false,
        };
        if back {
            job.state = job.state.after(JobEvent::Requeue)?;
            (job.started_at, job.ended_at) = (None, None);
            named = vec![Named::JobRequeued];
        }
    }
    tx.update_as(&job, &named)?;
    Ok(())
}

/// The event that tells of a move, if one does.
const fn told(old: AttemptState, new: AttemptState) -> Option<Named> {
    match (old, new) {
        (AttemptState::Active(Stage::Unknown(_)), AttemptState::Active(Stage::Printing | Stage::Paused(_))) => {
            Some(Named::JobRecovered)
        }
        (AttemptState::Active(Stage::Paused(_)), AttemptState::Active(Stage::Printing)) => Some(Named::JobResumed),
        (_, AttemptState::Active(Stage::Printing)) => Some(Named::JobStarted),
        (_, AttemptState::Active(Stage::Paused(_))) => Some(Named::JobPaused),
        (_, AttemptState::Active(Stage::Unknown(_))) => Some(Named::JobUnknown),
        (_, AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending | Stage::Starting)) => None,
        (_, AttemptState::Done(End::Completed { .. })) => Some(Named::JobCompleted),
        (_, AttemptState::Done(End::Failed(_))) => Some(Named::JobFailed),
        (_, AttemptState::Done(End::Cancelled(_))) => Some(Named::JobCancelled),
    }
}

fn follow_printer(tx: &mut Tx<'_>, attempt: &Attempt, old: AttemptState) -> Result<(), Failure> {
    // A printer that was removed meanwhile has nothing left to follow.
    let Some(row) = tx.get::<Printer>(attempt.printer_id)? else { return Ok(()) };
    let mut printer = row.record;
    let mut named = Vec::new();
    match attempt.state {
        AttemptState::Active(Stage::Starting) => {
            may_start(tx, &printer, attempt)?;
            // The interlock: without an unconsumed token nothing is started, whoever asks.
            if !tx.consume_bed_token(printer.id, attempt.id)? {
                return Err(Problem::new(Code::BedInUse).detail("the bed is not clear").on(printer.id).into());
            }
            (printer.bed_token, printer.bed, printer.bed_use) = (None, Bed::NeedsClear, BedUse::attempt(attempt.id));
        }
        AttemptState::Active(Stage::Sending) if old.touched_the_bed() => {
            // The printer itself refused the start: nothing touched the bed.
            // Unless something else did meanwhile.
            if printer.bed_use == BedUse::attempt(attempt.id) {
                tx.return_bed_token(printer.id, attempt.id)?;
            }
            printer.bed_token = tx.rows().bed_token(printer.id)?;
            if let Some(token) = &printer.bed_token {
                printer.bed_use = token.bed_use.clone();
            }
        }
        AttemptState::Active(Stage::Unknown(_)) => printer.bed = Bed::Unknown,
        AttemptState::Active(Stage::Printing | Stage::Paused(_)) => printer.bed = Bed::NeedsClear,
        AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) => {}
        AttemptState::Done(end) => {
            if printer.attempt_id == Some(attempt.id) {
                (printer.attempt_id, printer.job_id) = (None, None);
            }
            if old.touched_the_bed() {
                (printer.bed_token, printer.bed, printer.bed_use) = (None, Bed::NeedsClear, BedUse::attempt(attempt.id));
                named.push(Named::PrinterNeedsClear);
                // Who reads that the print has ended must not read beside it that it goes on.
                if matches!(printer.activity, Activity::Preparing | Activity::Printing | Activity::Paused) {
                    printer.activity = Activity::Busy;
                }
            }
            count_failure(tx, &mut printer, end, &mut named)?;
        }
    }
    put_printer(tx, printer, &named)
}

/// What must hold in the very transaction that starts: the caller planned on an older look.
fn may_start(tx: &Tx<'_>, printer: &Printer, attempt: &Attempt) -> Result<(), Failure> {
    let refused = |code, why: &str| Err(Problem::new(code).detail(why).on(printer.id).into());
    if printer.attempt_id != Some(attempt.id) {
        return refused(Code::IllegalState, "the printer is not claimed for this attempt");
    }
    if must::<Farm>(tx, tx.home().farm_id)?.record.dispatch == Dispatch::Stop {
        return refused(Code::IllegalState, "the farm starts nothing");
    }
    match &printer.bed_token {
        Some(token) if token.startable_at() > tx.now() => refused(Code::BedInUse, "the clear of the bed can still be undone"),
        Some(_) | None => Ok(()),
    }
}

fn count_failure(tx: &Tx<'_>, printer: &mut Printer, end: End, named: &mut Vec<Named>) -> Result<(), Failure> {
    match end {
        End::Completed { .. } => printer.failures_in_a_row = 0,
        End::Cancelled(_) | End::Failed(FailureReason::FileMissing | FailureReason::Judged) => {}
        End::Failed(
            FailureReason::UploadFailed
            | FailureReason::StorageFull
            | FailureReason::StartRefused
            | FailureReason::StartNotSeen
            | FailureReason::PrinterError
            | FailureReason::HostLost,
        ) => {
            printer.failures_in_a_row += 1;
            let limit = must::<Farm>(tx, tx.home().farm_id)?.record.quarantine_after;
            if limit > 0 && printer.failures_in_a_row >= limit && printer.admin == Admin::Enabled {
                printer.admin = Admin::Quarantined;
                named.push(Named::PrinterQuarantined);
            }
        }
    }
    Ok(())
}

/// Attempts of a file that are looked at: enough for any number of printers that it may fail on.
const LOOK_BACK: usize = 200;

/// The same file failing on several printers, and on none well since, is the file's fault: its waiting
/// jobs are held.
fn hold_failing_file(tx: &mut Tx<'_>, file: FileId, reason: FailureReason) -> Result<(), Failure> {
    let limit = must::<Farm>(tx, tx.home().farm_id)?.record.hold_file_after as usize;
    if limit == 0 || matches!(reason, FailureReason::FileMissing | FailureReason::Judged | FailureReason::HostLost) {
        return Ok(());
    }
    let of_file = Condition::OneOf("file_id", vec![file.to_string()]);
    let newest = Selection { limit: LOOK_BACK, ..Selection::all() }.with(of_file.clone());
    let ended = Condition::OneOf("state", vec!["failed".to_owned(), "completed".to_owned()]);
    let attempts = tx.rows().list(kind_row(Attempt::KIND), &newest.with(ended), everything(tx.home()))?.rows;
    let text = |row: &RawRow, name: &str| row.document.get(name).and_then(Value::as_str).map(str::to_owned);
    let failed = attempts.iter().take_while(|row| text(row, "state").as_deref() == Some("failed"));
    let printers: BTreeSet<Option<String>> = failed.map(|row| text(row, "printer_id")).collect();
    if printers.len() < limit {
        return Ok(());
    }
    let queued = Condition::OneOf("state", vec!["queued".to_owned()]);
    let mut waiting = Selection { limit: MAX_LIMIT, ..Selection::all() }.with(of_file).with(queued);
    loop {
        let page = tx.rows().list(kind_row(Job::KIND), &waiting, everything(tx.home()))?;
        for id in page.rows.iter().filter_map(|row| row.id.parse().ok()) {
            let mut job = must::<Job>(tx, id)?.record;
            job.state = job.state.after(JobEvent::Hold(HoldReason::SameFileFailing))?;
            tx.update_as(&job, &[Named::JobHeld])?;
        }
        waiting.cursor = page.next_cursor;
        if waiting.cursor.is_none() {
            return Ok(());
        }
    }
}
