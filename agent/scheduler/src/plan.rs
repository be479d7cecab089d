//! What comes out: who gets which printer, and why everything else waits. Also the two questions that
//! are asked of a whole snapshot; who plans again and again keeps a [`Planner`] instead.

use std::collections::BTreeMap;

use domain::id::{JobId, PrinterId};
use domain::waiting::{JobReason, PrinterReason};

use crate::planner::Planner;
use crate::snapshot::Snapshot;

/// A job and the printer that it shall go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The job.
    pub job: JobId,
    /// Its printer.
    pub printer: PrinterId,
}

/// Every waiting job is in one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which the jobs took their turn.
    pub assignments: Vec<Assignment>,
    /// Why the others wait.
    pub waiting: BTreeMap<JobId, WhyNot>,
}

/// Why a job waits, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhyNot {
    /// Why it runs nowhere.
    pub job: Vec<JobReason>,
    /// How many printers each reason keeps from it. A printer counts once, under the reason that is
    /// hardest to change: so `bed_not_clear: 3` are three printers that only need clearing.
    pub printers: BTreeMap<PrinterReason, u32>,
}

/// Why a job waits, in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// Why it runs nowhere.
    pub job: Vec<JobReason>,
    /// Every printer by its id with all its reasons; none = the job could go there.
    pub printers: Vec<(PrinterId, Vec<PrinterReason>)>,
}

/// Hands out the printers that can start now, job by job: higher priority first, then earlier due, then
/// lower rank, then id. Of the printers that fit a job takes the one with the fewest material changes,
/// then one known to have enough filament, then the soonest ready, then the least worn, then by id.
pub fn plan(snapshot: &Snapshot) -> Plan {
    Planner::new(snapshot).plan()
}

/// Why one job waits; nothing if the snapshot does not have it.
pub fn why(snapshot: &Snapshot, job: JobId) -> Option<Why> {
    Planner::new(snapshot).why(job)
}
