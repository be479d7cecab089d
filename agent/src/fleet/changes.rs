//! What a printer's core wants written. Each change decides anew on what it reads in its transaction:
//! the core's picture may be a moment old, the transaction's is not.

use api::facts::{self, put_printer};
use api::operation::Failure;
use contract::event::Named;
use domain::attempt::{Attempt, AttemptEvent, AttemptState, CancelReason, End, FailureReason, PauseReason, Stage};
use domain::command::CommandState;
use domain::farm::{Dispatch, Farm};
use domain::id::{AttemptId, CommandId, PrinterId};
use domain::printer::{Activity, Admin, Connection, Control, Loaded, Printer, PrinterFault};
use domain::time::Timestamp;
use store::{Act, ActState, Observed, Tx};

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// What the printer shows of itself.
    Facets(Box<Facets>),
    /// The attempt moved.
    Move {
        /// Which.
        attempt: AttemptId,
        /// How.
        event: AttemptEvent,
        /// What the printer said.
        detail: Option<String>,
    },
    /// The attempt's print was found again.
    Adopt {
        /// Which.
        attempt: AttemptId,
        /// Whether it stands still.
        paused: Option<PauseReason>,
    },
    /// The start is about to be sent: the act is written and the bed token consumed.
    BeginStart {
        /// Which.
        attempt: AttemptId,
        /// Until when telemetry must show it.
        deadline: Timestamp,
    },
    /// The printer itself refused the start.
    StartRefused {
        /// Which.
        attempt: AttemptId,
        /// What it said.
        detail: String,
    },
    /// Something of the print worth keeping.
    Observe {
        /// Which.
        attempt: AttemptId,
        /// The share that is done.
        progress: Option<f64>,
        /// The driver's own words.
        mark: Option<String>,
    },
    /// A command came further.
    Command {
        /// Which.
        id: CommandId,
        /// How far.
        state: CommandState,
        /// What was said.
        detail: Option<String>,
    },
    /// A print that is not ours was seen.
    Foreign {
        /// Its file.
        file: Option<String>,
    },
    /// That print is gone.
    ForeignGone,
    /// The bed was used since it was cleared: a print of ours that was given up shows after all, or
    /// somebody may have printed while nobody watched.
    BedUsed {
        /// What was seen, in words.
        detail: String,
    },
}

/// What a printer shows of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Facets {
    /// Whether it is heard.
    pub connection: Connection,
    /// Why not.
    pub problem: Option<String>,
    /// What it does.
    pub activity: Activity,
    /// Whether it takes orders.
    pub control: Control,
    /// Why it takes no orders.
    pub control_problem: Option<String>,
    /// What is loaded; none if it does not say.
    pub loaded: Option<Vec<Loaded>>,
    /// A fault.
    pub fault: Option<PrinterFault>,
    /// What it asks the person at the machine.
    pub prompt: Option<String>,
    /// What its firmware or server calls itself.
    pub firmware: Option<String>,
    /// Whether it had been heard before the agent started: then coming back is no news.
    pub was_online: bool,
}

/// A printer may refuse a start that often before the attempt has failed.
const REFUSALS: u32 = 3;

/// Writes a change.
///
/// # Errors
/// A problem if what is true now does not allow it; then nothing is written.
pub fn apply(tx: &mut Tx<'_>, printer: PrinterId, change: &Change) -> Result<(), Failure> {
    write(tx, printer, change)?;
    Ok(super::acts::audit(tx, printer, change)?)
}

fn write(tx: &mut Tx<'_>, printer: PrinterId, change: &Change) -> Result<(), Failure> {
    match change {
        Change::Facets(facets) => write_facets(tx, printer, facets),
        Change::Move { attempt, event, detail } => facts::move_attempt(tx, *attempt, *event, detail.clone()),
        Change::Adopt { attempt, paused } => {
            mark_seen(tx, *attempt)?;
            facts::adopt(tx, *attempt, *paused)
        }
        Change::BeginStart { attempt, deadline } => begin_start(tx, printer, *attempt, *deadline),
        Change::StartRefused { attempt, detail } => start_refused(tx, *attempt, detail),
        Change::Observe { attempt, progress, mark } => observe(tx, *attempt, *progress, mark.as_deref()),
        Change::Command { id, state, detail } => facts::command_ended(tx, *id, *state, detail.clone()),
        Change::Foreign { file } => foreign(tx, printer, file.clone()),
        Change::ForeignGone => {
            let Some(row) = tx.get::<Printer>(printer)? else { return Ok(()) };
            let mut printer = row.record;
            printer.foreign = None;
            put_printer(tx, printer, &[Named::PrinterNeedsClear])
        }
        Change::BedUsed { detail } => bed_used(tx, printer, detail),
    }
}

fn write_facets(tx: &mut Tx<'_>, printer: PrinterId, facets: &Facets) -> Result<(), Failure> {
    let Some(row) = tx.get::<Printer>(printer)? else { return Ok(()) };
    let mut printer = row.record;
    let mut named = Vec::new();
    match (printer.connection, facets.connection) {
        (Connection::Offline, Connection::Online) => named.push(Named::PrinterOnline),
        (Connection::Unknown, Connection::Online) if !facets.was_online => named.push(Named::PrinterOnline),
        (Connection::Online | Connection::Stale | Connection::Unknown, Connection::Offline) => named.push(Named::PrinterOffline),
        (_, Connection::Online | Connection::Stale | Connection::Offline | Connection::Unknown) => {}
    }
    match (&printer.fault, &facets.fault) {
        (None, Some(_)) => named.push(Named::PrinterError),
        (Some(_), None) => named.push(Named::PrinterErrorCleared),
        (None, None) | (Some(_), Some(_)) => {}
    }
    if (printer.control, facets.control) == (Control::Ok, Control::Denied) {
        named.push(Named::PrinterControlLost);
    }
    if printer.firmware.is_some() && facets.firmware.is_some() && printer.firmware != facets.firmware {
        named.push(Named::PrinterFirmwareChanged);
    }
    printer.connection = facets.connection;
    printer.connection_problem.clone_from(&facets.problem);
    (printer.activity, printer.control) = (facets.activity, facets.control);
    printer.control_problem.clone_from(&facets.control_problem);
    if let Some(loaded) = &facets.loaded {
        printer.loaded.clone_from(loaded);
    }
    printer.fault.clone_from(&facets.fault);
    printer.prompt.clone_from(&facets.prompt);
    printer.firmware = facets.firmware.clone().or(printer.firmware);
    put_printer(tx, printer, &named)
}

fn begin_start(tx: &mut Tx<'_>, printer: PrinterId, attempt: AttemptId, deadline: Timestamp) -> Result<(), Failure> {
    let not_now = |why: &str| -> Failure {
        contract::problem::Problem::new(contract::problem::Code::IllegalState).detail(why).on(attempt).into()
    };
    let (Some(machine), Some(row)) = (tx.get::<Printer>(printer)?, tx.get::<Attempt>(attempt)?) else {
        return Err(not_now("the printer or the attempt is gone"));
    };
    let dispatch = tx.rows().all::<Farm>()?.first().map_or(Dispatch::Stop, |farm| farm.record.dispatch);
    let startable = tx.rows().bed_token(printer)?.is_some_and(|token| token.startable_at() <= tx.now());
    let machine = machine.record;
    let free = machine.attempt_id == Some(attempt) && machine.admin == Admin::Enabled && machine.foreign.is_none();
    if !free || !startable || dispatch == Dispatch::Stop || row.record.cancel_requested {
        return Err(not_now("the start is no longer wanted, or its bed is not clear"));
    }
    let observed = tx.rows().start_act(attempt)?.map(|act| act.observed).unwrap_or_default();
    let act = Act { state: ActState::Dispatched, written_at: tx.now(), deadline, observed };
    tx.put_start_act(attempt, &act)?;
    facts::move_attempt(tx, attempt, AttemptEvent::StartWritten, None)
}

fn start_refused(tx: &mut Tx<'_>, attempt: AttemptId, detail: &str) -> Result<(), Failure> {
    let Some(mut act) = tx.rows().start_act(attempt)? else { return Ok(()) };
    act.state = ActState::Refused;
    act.observed.refusals += 1;
    tx.put_start_act(attempt, &act)?;
    facts::move_attempt(tx, attempt, AttemptEvent::StartRefused, Some(detail.to_owned()))?;
    let Some(attempt) = tx.get::<Attempt>(attempt)?.map(|row| row.record) else { return Ok(()) };
    let machine = tx.get::<Printer>(attempt.printer_id)?.map(|row| row.record);
    // What came in between counts as if it had come a moment earlier: a cancel, a print at the machine, a withdrawal.
    let may_start = machine.is_some_and(|machine| machine.admin == Admin::Enabled && machine.bed_token.is_some());
    let end = if attempt.cancel_requested {
        End::Cancelled(CancelReason::Requested)
    } else if act.observed.refusals >= REFUSALS {
        End::Failed(FailureReason::StartRefused)
    } else if !may_start {
        End::Cancelled(CancelReason::PrinterWithdrawn)
    } else {
        return Ok(());
    };
    facts::move_attempt(tx, attempt.id, AttemptEvent::Ended(end), Some(detail.to_owned()))
}

fn mark_seen(tx: &mut Tx<'_>, attempt: AttemptId) -> Result<(), Failure> {
    let Some(mut act) = tx.rows().start_act(attempt)? else { return Ok(()) };
    if act.state == ActState::Dispatched {
        act.state = ActState::Seen;
        tx.put_start_act(attempt, &act)?;
    }
    Ok(())
}

fn observe(tx: &mut Tx<'_>, attempt: AttemptId, progress: Option<f64>, mark: Option<&str>) -> Result<(), Failure> {
    let Some(act) = tx.rows().start_act(attempt)? else { return Ok(()) };
    let observed = Observed {
        progress: progress.unwrap_or(act.observed.progress),
        mark: mark.map(str::to_owned).or(act.observed.mark),
        refusals: act.observed.refusals,
    };
    let state = if progress.is_some() { ActState::Seen } else { act.state };
    tx.put_start_act(attempt, &Act { state, observed, ..act })?;
    Ok(())
}

/// Somebody started a print at the machine. What was claimed and not started yet goes back to the
/// queue; if the print at the machine is that very file, its job is cancelled, so that it is not
/// printed twice.
fn foreign(tx: &mut Tx<'_>, printer: PrinterId, file: Option<String>) -> Result<(), Failure> {
    let Some(row) = tx.get::<Printer>(printer)? else { return Ok(()) };
    let mut machine = row.record;
    if machine.foreign.is_some() {
        return Ok(());
    }
    let claimed = machine.attempt_id;
    let named = facts::foreign_print_seen(tx, &mut machine, file.clone())?;
    put_printer(tx, machine, &named)?;
    let Some(attempt) = not_started(tx, claimed)? else { return Ok(()) };
    let same = file.is_some_and(|file| file.contains(attempt.token.as_str()));
    let (reason, detail) = if same {
        (CancelReason::AtPrinter, "somebody started the job's file at the machine")
    } else {
        (CancelReason::PrinterWithdrawn, "somebody started another print at the machine")
    };
    facts::move_attempt(tx, attempt.id, AttemptEvent::Ended(End::Cancelled(reason)), Some(detail.to_owned()))
}

/// The bed is used, whoever said meanwhile that it is clear. What was claimed for it goes back to the queue.
fn bed_used(tx: &mut Tx<'_>, printer: PrinterId, detail: &str) -> Result<(), Failure> {
    let Some(row) = tx.get::<Printer>(printer)? else { return Ok(()) };
    let mut machine = row.record;
    let claimed = machine.attempt_id;
    facts::use_bed_again(tx, &mut machine)?;
    put_printer(tx, machine, &[Named::PrinterNeedsClear])?;
    let Some(attempt) = not_started(tx, claimed)? else { return Ok(()) };
    let event = AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn));
    facts::move_attempt(tx, attempt.id, event, Some(detail.to_owned()))
}

/// The attempt, if nothing of it has touched the printer yet.
fn not_started(tx: &Tx<'_>, claimed: Option<AttemptId>) -> Result<Option<Attempt>, Failure> {
    let Some(claimed) = claimed else { return Ok(None) };
    let attempt = tx.get::<Attempt>(claimed)?.map(|row| row.record);
    Ok(attempt.filter(|attempt| matches!(attempt.state, AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending))))
}

#[cfg(test)]
mod tests {
    use domain::actor::Actor;
    use serde_json::json;
    use store::{By, OpenOptions, SeededEntropy, Store};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[tokio::test]
    async fn control_that_is_lost_after_a_firmware_update_is_told_once_each_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { path: None, now: NOW, entropy: Box::new(SeededEntropy(1)), live: true };
        let store = Store::open(&folder.path().join("gantry.db"), options).unwrap();
        let by = || By::new(Actor::farm(store.home().farm_id), NOW);
        let printer: Printer = serde_json::from_value(json!({
            "id": "prn_00000000000000000000000000000001", "name": "P", "link": {"driver": "d", "address": "a"},
            "connection": "online", "activity": "idle", "bed": "needs_clear", "admin": "enabled", "config": "incomplete",
            "control": "ok", "display": "idle", "bed_use": "use_1", "firmware": "1.0", "created_at": NOW,
        }))
        .unwrap();
        let (id, created) = (printer.id, printer.clone());
        store.write(by(), move |tx| tx.create(&created).map(drop)).await.unwrap();
        let shows = async |control: Control, firmware: &str| {
            let facets = Facets {
                connection: Connection::Online,
                problem: None,
                activity: Activity::Idle,
                control,
                control_problem: None,
                loaded: None,
                fault: None,
                prompt: None,
                firmware: Some(firmware.to_owned()),
                was_online: true,
            };
            let change = Change::Facets(Box::new(facets));
            store.write(by(), move |tx| apply(tx, id, &change)).await.map_err(|_| ()).unwrap();
            let events = store.read(|rows| rows.events_after(0, &[], None, 50)).unwrap().events;
            let display = store.read(|rows| rows.all::<Printer>()).unwrap().remove(0).record.display;
            (events.iter().skip(1).map(|stored| stored.event.event_type.to_string()).collect::<Vec<_>>(), display)
        };
        let lost = ["printer.control_lost", "printer.firmware_changed"];
        let (events, display) = shows(Control::Denied, "2.0").await;
        assert_eq!((events, display), (lost.map(str::to_owned).to_vec(), domain::printer::Display::ControlDenied));
        let (events, _) = shows(Control::Denied, "2.0").await;
        assert_eq!(events, lost, "what stays is no news");
        let (events, display) = shows(Control::Ok, "2.0").await;
        assert_eq!(events.last().map(String::as_str), Some("printer.updated"));
        assert_eq!(display, domain::printer::Display::NeedsClear);
    }
}
