//! What is written, as it comes out of the log; and the rules that it must hold, judged against what is
//! really true at the machines. Each rule is a function with its sentence.

use std::collections::BTreeMap;

use domain::actor::ActorKind;
use domain::attempt::{Attempt, AttemptState, CancelReason, End, FailureReason, Stage};
use domain::bed::Bed;
use domain::farm::{Dispatch, Farm};
use domain::id::{AttemptId, JobId, PrinterId};
use domain::job::Job;
use domain::kind::Kind;
use domain::printer::Printer;
use domain::state::Phase as Standing;
use domain::time::Timestamp;
use serde_json::Value;
use store::{Rows, StoredEvent};

use crate::machine::{Machine, Print, Truth};
use crate::phases::{Phase, StartCall};

/// What is known of what is written.
#[derive(Default)]
pub struct Book {
    position: u64,
    number: u64,
    revisions: BTreeMap<String, u64>,
    attempts: BTreeMap<AttemptId, Attempt>,
    pub jobs: BTreeMap<JobId, Job>,
    dispatch: Option<Dispatch>,
    /// How often a person asked for a job to be printed again.
    pub retries: BTreeMap<JobId, u32>,
}

/// The path of an attempt's copy at OctoPrint.
pub fn path_of(attempt: &Attempt) -> String {
    format!("gantry/{}.gcode", attempt.token.as_str())
}

impl Book {
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Reads what was committed, and judges it.
    pub fn read(&mut self, rows: Rows<'_>, now: Timestamp, machines: &mut [Machine]) -> Result<(), String> {
        for stored in rows.events_after(self.position, &[], None, 10_000).unwrap().events {
            self.position = stored.position;
            self.the_log_has_no_gap(&stored)?;
            self.revisions_count_up(&stored)?;
            let data = Value::Object(stored.event.data.clone());
            match stored.event.subject.kind {
                Kind::Attempt => {
                    let attempt: Attempt = serde_json::from_value(data).unwrap();
                    let by_farm = stored.event.actor.kind == ActorKind::Farm;
                    let old = self.attempts.insert(attempt.id, attempt.clone());
                    let machine = machines.iter().find(|machine| machine.id == attempt.printer_id).unwrap();
                    self.nothing_begins_against_dispatch(old.as_ref(), &attempt)?;
                    if old.is_none_or(|old| old.state != attempt.state) {
                        an_end_is_true(machine, &attempt, by_farm, now)?;
                    }
                }
                Kind::Job => {
                    let job: Job = serde_json::from_value(data).unwrap();
                    self.jobs.insert(job.id, job);
                }
                Kind::Farm => {
                    let farm: Farm = serde_json::from_value(data).unwrap();
                    self.dispatch = Some(farm.dispatch);
                }
                Kind::Printer => a_bed_is_clear_while_it_has_a_token(rows, stored.event.subject.id.parse().unwrap())?,
                Kind::Pool
                | Kind::File
                | Kind::Part
                | Kind::Store
                | Kind::User
                | Kind::Role
                | Kind::ApiKey
                | Kind::SlicerKey
                | Kind::Session
                | Kind::Sku
                | Kind::Order
                | Kind::Material
                | Kind::Spool
                | Kind::SpoolEntry
                | Kind::Slot
                | Kind::Stock
                | Kind::StockEntry
                | Kind::Webhook
                | Kind::Delivery
                | Kind::Operator
                | Kind::Device
                | Kind::Command => {}
            }
        }
        Ok(())
    }

    /// The log's numbers have no gap and no double.
    fn the_log_has_no_gap(&mut self, stored: &StoredEvent) -> Result<(), String> {
        let (number, last) = (stored.event.number, self.number);
        self.number = number;
        if number == last + 1 { Ok(()) } else { Err(format!("the log has number {number} after {last}")) }
    }

    /// A record's revisions count up by one.
    fn revisions_count_up(&mut self, stored: &StoredEvent) -> Result<(), String> {
        let subject = &stored.event.subject;
        let last = self.revisions.insert(subject.id.clone(), subject.revision).unwrap_or(0);
        if subject.revision == last || subject.revision == last + 1 {
            return Ok(());
        }
        Err(format!("{} has revision {} after {last}", subject.id, subject.revision))
    }

    /// Nothing is claimed while the farm drains, and nothing starts while it is stopped.
    fn nothing_begins_against_dispatch(&self, old: Option<&Attempt>, new: &Attempt) -> Result<(), String> {
        let dispatch = self.dispatch.unwrap();
        if old.is_none() && dispatch != Dispatch::Run {
            return Err(format!("{} was claimed while the farm is on {dispatch:?}", new.id));
        }
        let begins = new.state == AttemptState::Active(Stage::Starting) && old.is_some_and(|old| old.state != new.state);
        if begins && dispatch == Dispatch::Stop {
            return Err(format!("{} was started while the farm is stopped", new.id));
        }
        Ok(())
    }

    /// What is in flight on a printer.
    pub fn in_hand(&self, printer: PrinterId) -> Option<&Attempt> {
        let active = |attempt: &&Attempt| matches!(attempt.state, AttemptState::Active(_));
        self.attempts.values().filter(|attempt| attempt.printer_id == printer).find(active)
    }

    pub fn is_starting(&self, printer: PrinterId) -> bool {
        self.in_hand(printer).is_some_and(|attempt| attempt.state == AttemptState::Active(Stage::Starting))
    }

    /// Every attempt there was.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values()
    }

    /// Where the printer's print is, for the power cuts.
    pub fn phase(&self, machine: &Machine, start: StartCall) -> Option<Phase> {
        let attempt = self.in_hand(machine.id)?;
        let AttemptState::Active(stage) = attempt.state else { return None };
        match stage {
            Stage::Assigned => Some(Phase::Claimed),
            Stage::Slicing | Stage::Sending => Some(Phase::Sending),
            Stage::Starting => Some(match start {
                StartCall::NotMade => Phase::ActWrittenNotSent,
                StartCall::Open(_) => Phase::SentNotAnswered,
                StartCall::Answered => Phase::Starting,
            }),
            Stage::Printing if machine.of(&path_of(attempt)).any(|print| print.truth == Truth::Done) => Some(Phase::Finishing),
            Stage::Printing => Some(Phase::Printing),
            Stage::Paused(_) => Some(Phase::Paused),
            Stage::Unknown(_) => None,
        }
    }

    /// Whether a print in flight came to its end since that moment.
    pub fn ended_since(&self, machines: &[Machine], since: Timestamp) -> bool {
        machines.iter().any(|machine| {
            let Some(attempt) = self.in_hand(machine.id) else { return false };
            machine.of(&path_of(attempt)).any(|print| print.ended_at.is_some_and(|at| at > since))
        })
    }

    /// A job is printed to its end once, and once more for each time that somebody asked for it.
    pub fn no_job_is_printed_twice(&self, machines: &[Machine]) -> Result<(), String> {
        let mut done: BTreeMap<JobId, u32> = BTreeMap::new();
        for attempt in self.attempts.values() {
            let path = path_of(attempt);
            for machine in machines {
                let ended = machine.of(&path).filter(|print| print.truth == Truth::Done).count();
                *done.entry(attempt.job_id).or_default() += u32::try_from(ended).unwrap();
            }
        }
        for (job, count) in done {
            let asked = 1 + self.retries.get(&job).copied().unwrap_or(0);
            if count > asked {
                return Err(format!("{job} was printed {count} times and asked for {asked} times"));
            }
        }
        Ok(())
    }

    /// Every job that was made is there.
    pub fn no_job_is_lost(&self, rows: Rows<'_>, made: usize) -> Result<(), String> {
        let there = rows.all::<Job>().unwrap().len();
        if there == made { Ok(()) } else { Err(format!("{made} jobs were made and {there} are there")) }
    }

    /// Jobs that have not ended.
    pub fn open_jobs(&self) -> Vec<&Job> {
        self.jobs.values().filter(|job| job.state.phase() != Standing::Done).collect()
    }

    pub fn summary(&self) -> BTreeMap<String, String> {
        let attempts = self.attempts.values().filter(|attempt| matches!(attempt.state, AttemptState::Active(_)));
        attempts.map(|attempt| (attempt.id.to_string(), format!("{:?} on {}", attempt.state, attempt.printer_id))).collect()
    }
}

/// A bed is clear exactly while it has an unconsumed token.
fn a_bed_is_clear_while_it_has_a_token(rows: Rows<'_>, id: PrinterId) -> Result<(), String> {
    let Some(row) = rows.get::<Printer>(id).unwrap() else { return Ok(()) };
    let token = rows.bed_token(id).unwrap();
    if (row.record.bed == Bed::Clear) == token.is_some() && row.record.bed_token == token {
        return Ok(());
    }
    Err(format!("the bed of {id} is {:?}, its token is {token:?}, and its row has {:?}", row.record.bed, row.record.bed_token))
}

/// No end is written that is not true: completed only what came to its end, failed or cancelled only what
/// no longer prints, and nothing but completed what came to its end.
fn an_end_is_true(machine: &Machine, attempt: &Attempt, by_farm: bool, now: Timestamp) -> Result<(), String> {
    let AttemptState::Done(end) = attempt.state else { return Ok(()) };
    if !by_farm {
        return Ok(());
    }
    let path = path_of(attempt);
    // Once its start is written, a print that a person began under its token cannot be told from ours.
    let ours = |print: &&Print| print.path == path && (attempt.sent_at.is_some() || !print.by_person);
    let truths: Vec<Truth> = machine.prints.iter().filter(ours).map(|print| print.truth).collect();
    let wrong = |why: &str| Err(format!("{} ended as {end:?} at {now}, but {why}: {truths:?}", attempt.id));
    match end {
        End::Completed { .. } if !truths.contains(&Truth::Done) => wrong("it did not come to its end"),
        End::Failed(_) | End::Cancelled(_) if truths.contains(&Truth::Done) => wrong("it came to its end"),
        End::Failed(_) | End::Cancelled(_) if truths.contains(&Truth::Runs) && !machine.cancelled.contains(&path) => {
            wrong("it still prints")
        }
        End::Failed(FailureReason::PrinterError) | End::Cancelled(CancelReason::AtPrinter) if truths.is_empty() => {
            // Before a start it is the printer that was lost, or a person who took the file.
            let untouched = attempt.started_at.is_none();
            if untouched { Ok(()) } else { wrong("it never began") }
        }
        End::Completed { .. } | End::Failed(_) | End::Cancelled(_) => Ok(()),
    }
}
