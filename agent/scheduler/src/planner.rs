//! Decides. A planner remembers what every printer answered to every demand, so that one changed printer
//! costs its own answers only; the plan is the same as that of a planner made anew. New jobs take a new
//! planner, so that one never grows.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::farm::Dispatch;
use domain::file::FileContent;
use domain::id::{JobId, PrinterId};
use domain::job::HoldReason;
use domain::time::Timestamp;
use domain::waiting::{JobReason, PrinterReason};

use crate::bits::{self, Bits};
use crate::demand::{Ask, Offer, Words};
use crate::index::{Group, Index};
use crate::plan::{Assignment, Plan, Why, WhyNot};
use crate::snapshot::{JobFacts, PrinterFacts, Snapshot, Wait};
use crate::standing::Standing;

/// A snapshot, prepared for planning again and again while printers change.
#[derive(Debug)]
pub struct Planner {
    now: Timestamp,
    dispatch: Dispatch,
    disk_full: bool,
    words: Words,
    printers: Vec<Stand>,
    place_of: BTreeMap<PrinterId, usize>,
    standing: Standing,
    index: Index,
    queue: BTreeMap<Turn, Waiting>,
    turn_of: BTreeMap<JobId, Turn>,
}

/// When a job's turn is: the lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    priority: Reverse<i32>,
    due_at: Timestamp,
    rank: i64,
    id: JobId,
}

#[derive(Debug)]
struct Waiting {
    group: Group,
    wait: Wait,
    content: FileContent,
}

/// What decides between printers that fit alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stand {
    ready_at: Timestamp,
    wear_seconds: u64,
    id: PrinterId,
}

/// Under which reason a printer is counted: what is hardest to change comes first.
const HARDEST_FIRST: [PrinterReason; 27] = [
    PrinterReason::TagMismatch,
    PrinterReason::ConfigIncomplete,
    PrinterReason::ModelMismatch,
    PrinterReason::BedTooSmall,
    PrinterReason::NozzleMismatch,
    PrinterReason::PlateTypeMismatch,
    PrinterReason::TooFewSlots,
    PrinterReason::ProfileMissing,
    PrinterReason::Disabled,
    PrinterReason::Maintenance,
    PrinterReason::Quarantined,
    PrinterReason::ControlDenied,
    PrinterReason::Offline,
    PrinterReason::Stale,
    PrinterReason::PrinterError,
    PrinterReason::PrinterUnknown,
    PrinterReason::NeedsPerson,
    PrinterReason::MaterialNotLoaded,
    PrinterReason::ColourMismatch,
    PrinterReason::FilamentLow,
    PrinterReason::StorageFull,
    PrinterReason::ForeignPrint,
    PrinterReason::Busy,
    PrinterReason::BedNotClear,
    PrinterReason::OutsideHours,
    PrinterReason::StartStaggered,
    PrinterReason::BehindInQueue,
];

impl Planner {
    /// Asks every printer every demand.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut words = Words::default();
        let printers = &snapshot.printers;
        let mut index = Index::new(printers.iter().map(|printer| Offer::new(printer, &mut words)).collect());
        let waiting =
            |job: &JobFacts| Waiting { group: index.group(Ask::new(job, &mut words)), wait: job.wait, content: job.content };
        let queue: BTreeMap<_, _> = snapshot.jobs.iter().map(Turn::of).zip(snapshot.jobs.iter().map(waiting)).collect();
        Self {
            now: snapshot.now,
            dispatch: snapshot.dispatch,
            disk_full: snapshot.disk_full,
            words,
            printers: printers.iter().map(Stand::of).collect(),
            place_of: printers.iter().enumerate().map(|(place, printer)| (printer.id, place)).collect(),
            standing: Standing::new(printers),
            index,
            turn_of: queue.keys().map(|turn| (turn.id, *turn)).collect(),
            queue,
        }
    }

    /// Takes what is new of a printer; false if the planner does not know it and must be made anew.
    pub fn change_printer(&mut self, printer: &PrinterFacts) -> bool {
        let Some(place) = self.place_of.get(&printer.id).copied() else { return false };
        self.standing.change(place, printer);
        self.printers[place] = Stand::of(printer);
        self.index.change(place, Offer::new(printer, &mut self.words));
        true
    }

    /// Forgets a job that waits no more; false if there was none.
    pub fn remove_job(&mut self, job: JobId) -> bool {
        self.turn_of.remove(&job).and_then(|turn| self.queue.remove(&turn)).is_some()
    }

    /// The time and the state of the farm.
    pub fn change_farm(&mut self, now: Timestamp, dispatch: Dispatch, disk_full: bool) {
        (self.now, self.dispatch, self.disk_full) = (now, dispatch, disk_full);
    }

    /// Who gets which printer, in the order of the jobs' turns.
    pub fn assignments(&self) -> Vec<Assignment> {
        self.hand_out().0
    }

    /// Who gets which printer, and why everything else waits.
    pub fn plan(&self) -> Plan {
        let (assignments, taken) = self.hand_out();
        let mut summaries = vec![None; self.index.groups()];
        let mut waiting: BTreeMap<_, _> = self
            .queue
            .iter()
            .map(|(turn, job)| {
                let printers = summaries[job.group.0].get_or_insert_with(|| self.summary(job.group, &taken)).clone();
                (turn.id, WhyNot { job: self.job_reasons(job), printers })
            })
            .collect();
        for assignment in &assignments {
            waiting.remove(&assignment.job);
        }
        Plan { assignments, waiting }
    }

    /// Why one job waits, printer by printer; nothing if there is no such job.
    pub fn why(&self, job: JobId) -> Option<Why> {
        let waiting = self.queue.get(self.turn_of.get(&job)?)?;
        let (assignments, _) = self.hand_out();
        let taken_from_it = |printer| assignments.iter().any(|given| given.printer == printer && given.job != job);
        let reasons = |(id, place): (&PrinterId, &usize)| {
            let mut reasons = self.standing.of(*place);
            reasons.extend(self.index.reasons(waiting.group, *place));
            reasons.sort();
            if reasons.is_empty() && taken_from_it(*id) {
                reasons.push(PrinterReason::BehindInQueue);
            }
            (*id, reasons)
        };
        Some(Why { job: self.job_reasons(waiting), printers: self.place_of.iter().map(reasons).collect() })
    }

    fn hand_out(&self) -> (Vec<Assignment>, Bits) {
        let mut assignments = Vec::new();
        let mut taken = Bits::none(self.printers.len());
        let mut free = Bits::all(self.printers.len());
        free.take(self.standing.any().words());
        // Free printers only grow fewer: a group that once found none finds none later.
        let mut served_out = vec![false; self.index.groups()];
        for (turn, job) in &self.queue {
            if free.is_empty() {
                break;
            }
            if served_out[job.group.0] || !self.job_reasons(job).is_empty() {
                continue;
            }
            let Some(place) = self.best(job.group, &free) else {
                served_out[job.group.0] = true;
                continue;
            };
            free.set(place, false);
            taken.set(place, true);
            assignments.push(Assignment { job: turn.id, printer: self.printers[place].id });
        }
        (assignments, taken)
    }

    fn best(&self, group: Group, free: &Bits) -> Option<usize> {
        let open = free.words().enumerate().filter(|(_, word)| *word != 0);
        open.flat_map(|(at, word)| bits::places(at, word & !self.index.refused(group, at)))
            .min_by_key(|place| (self.index.effort(group, *place), self.printers[*place].from(self.now)))
    }

    fn job_reasons(&self, job: &Waiting) -> Vec<JobReason> {
        let (wait, is_queued) = match job.wait {
            Wait::Queued => (None, true),
            Wait::Held(HoldReason::Requested) => (Some(JobReason::Held), false),
            Wait::Held(HoldReason::SameFileFailing) => (Some(JobReason::SameFileFailing), false),
            Wait::AwaitingApproval => (Some(JobReason::AwaitingApproval), false),
        };
        let draining = match self.dispatch {
            Dispatch::Run => false,
            Dispatch::Drain | Dispatch::Stop => is_queued,
        };
        let content = match job.content {
            FileContent::Here => None,
            FileContent::OnItsWay => Some(JobReason::FileNotHere),
            FileContent::Missing => Some(JobReason::FileMissing),
            FileContent::Refused => Some(JobReason::FileRefused),
        };
        [wait, content, draining.then_some(JobReason::FarmDraining), (self.disk_full && is_queued).then_some(JobReason::DiskFull)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn summary(&self, group: Group, taken: &Bits) -> BTreeMap<PrinterReason, u32> {
        let mut left = Bits::all(self.printers.len());
        let mut count = |reason| match self.index.with(group, reason) {
            Some(printers) => left.take(printers),
            None if reason == PrinterReason::BehindInQueue => left.take(taken.words()),
            None => self.standing.with(reason).map_or(0, |printers| left.take(printers.words())),
        };
        HARDEST_FIRST.iter().map(|reason| (*reason, count(*reason))).filter(|(_, printers)| *printers > 0).collect()
    }
}

impl Turn {
    fn of(job: &JobFacts) -> Self {
        Self {
            priority: Reverse(job.priority),
            due_at: job.due_at.unwrap_or(Timestamp::from_millis(i64::MAX)),
            rank: job.rank,
            id: job.id,
        }
    }
}

impl Stand {
    fn of(printer: &PrinterFacts) -> Self {
        Self {
            ready_at: printer.ready_at.unwrap_or(Timestamp::from_millis(i64::MIN)),
            wear_seconds: printer.wear_seconds,
            id: printer.id,
        }
    }

    /// A printer that was ready before is ready now, not sooner.
    fn from(self, now: Timestamp) -> Self {
        Self { ready_at: self.ready_at.max(now), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place_in_the_summary() {
        let mut places = HARDEST_FIRST.to_vec();
        places.sort();
        assert_eq!(places, PrinterReason::ALL);
    }
}
