//! The floor at one moment, as the scheduler wants it.

use std::collections::BTreeMap;

use domain::attempt::{Attempt, AttemptState, Stage};
use domain::farm::{Dispatch, Farm};
use domain::file::{File, FileContent};
use domain::id::{FileId, PoolId, PrinterId};
use domain::job::{HoldReason, Job, JobState};
use domain::part::Pool;
use domain::printer::{Capability, Printer};
use domain::time::Timestamp;
use scheduler::snapshot::{Aim, JobFacts, PoolTags, PrinterFacts, Snapshot, Wait};
use store::{Rows, StoreError};

use crate::fleet::Live;

/// Names of printers, for sentences.
pub type Names = BTreeMap<PrinterId, String>;

/// Takes the snapshot.
///
/// # Errors
/// What the database says.
pub fn take(rows: Rows<'_>, live: &Live, now: Timestamp, disk_full: bool) -> Result<Snapshot, StoreError> {
    let dispatch = rows.all::<Farm>()?.first().map_or(Dispatch::Stop, |farm| farm.record.dispatch);
    let pools: BTreeMap<PoolId, PoolTags> =
        rows.all::<Pool>()?.into_iter().map(|row| (row.record.id, PoolTags(row.record.tags))).collect();
    let unknown: Vec<PrinterId> = rows
        .all_where::<Attempt>("state", &["unknown"])?
        .into_iter()
        .filter(|row| matches!(row.record.state, AttemptState::Active(Stage::Unknown(_))))
        .map(|row| row.record.printer_id)
        .collect();
    let printers = rows.all::<Printer>()?.into_iter().map(|row| printer(row.record, live, &unknown)).collect();
    let mut files: BTreeMap<FileId, (u64, FileContent)> = BTreeMap::new();
    let mut jobs = Vec::new();
    for row in rows.all_where::<Job>("phase", &["waiting"])? {
        let job = row.record;
        let file = match files.get(&job.file_id) {
            Some(file) => *file,
            None => {
                let file = rows.get::<File>(job.file_id)?.map(|file| (file.record.size_bytes, file.record.content));
                *files.entry(job.file_id).or_insert(file.unwrap_or((0, FileContent::Missing)))
            }
        };
        jobs.extend(self::job(job, file, &pools));
    }
    Ok(Snapshot { now, dispatch, disk_full, printers, jobs })
}

fn printer(printer: Printer, live: &Live, unknown: &[PrinterId]) -> PrinterFacts {
    PrinterFacts {
        id: printer.id,
        free_bytes: live.get(printer.id).and_then(|shown| shown.free_bytes),
        claimed: printer.attempt_id.is_some(),
        outcome_unknown: unknown.contains(&printer.id),
        foreign: printer.foreign.is_some(),
        fault: printer.fault.is_some(),
        tags: printer.tags,
        machine: printer.machine,
        last_loaded: Vec::new(),
        loaded: printer.loaded,
        chooses_filaments: printer.capabilities.contains(&Capability::FilamentChoice),
        admin: printer.admin,
        connection: printer.connection,
        activity: printer.activity,
        bed: printer.bed,
        config: printer.config,
        control: printer.control,
        ready_at: None,
        wear_seconds: 0,
    }
}

fn job(job: Job, (size_bytes, content): (u64, FileContent), pools: &BTreeMap<PoolId, PoolTags>) -> Option<JobFacts> {
    let wait = match job.state {
        JobState::Queued => Wait::Queued,
        JobState::Held(reason @ (HoldReason::Requested | HoldReason::SameFileFailing)) => Wait::Held(reason),
        JobState::AwaitingApproval => Wait::AwaitingApproval,
        JobState::Active(..) | JobState::Done(..) => return None,
    };
    // A pool that is gone has no printers: its job waits, and says so.
    let pool = job.target.pool_id.map(|pool| pools.get(&pool).cloned());
    let nowhere = matches!(pool, Some(None));
    let mut tags: std::collections::BTreeSet<_> = job.target.tags.into_iter().collect();
    if nowhere && let Ok(tag) = "pool-is-gone".parse() {
        tags.insert(tag);
    }
    Some(JobFacts {
        id: job.id,
        priority: job.priority,
        rank: job.rank,
        due_at: job.due_at,
        aim: Aim { printer_id: job.target.printer_id, pool: pool.flatten(), tags },
        needs: job.needs,
        size_bytes,
        wait,
        content,
    })
}
