//! The rules once more, in the plainest words and with none of the planner's code: every job asks every
//! printer. Tests hold the planner against it, the bench measures by it.

use std::collections::BTreeSet;

use domain::bed::Bed;
use domain::farm::Dispatch;
use domain::file::FileContent;
use domain::id::{JobId, PrinterId};
use domain::printer::{Activity, Admin, Config, Connection, Control, Loaded};
use domain::waiting::PrinterReason as R;
use gantry_scheduler::snapshot::{JobFacts, PrinterFacts, Snapshot, Wait};

pub fn may_go_at_all(snapshot: &Snapshot, job: &JobFacts) -> bool {
    snapshot.dispatch == Dispatch::Run && !snapshot.disk_full && job.wait == Wait::Queued && job.content == FileContent::Here
}

pub fn reasons(job: &JobFacts, printer: &PrinterFacts) -> BTreeSet<R> {
    let mut reasons = BTreeSet::new();
    let mut because = |reason: R, holds: bool| {
        if holds {
            reasons.insert(reason);
        }
    };
    because(R::Disabled, printer.admin == Admin::Disabled);
    because(R::Maintenance, printer.admin == Admin::Maintenance);
    because(R::Quarantined, printer.admin == Admin::Quarantined);
    because(R::Stale, printer.connection == Connection::Stale);
    because(R::Offline, printer.connection == Connection::Offline || printer.connection == Connection::Unknown);
    let works = [Activity::Busy, Activity::Preparing, Activity::Printing, Activity::Paused].contains(&printer.activity);
    because(R::Busy, (works && !printer.foreign) || (printer.claimed && !printer.outcome_unknown));
    because(R::ForeignPrint, printer.foreign);
    because(R::PrinterUnknown, printer.outcome_unknown);
    because(R::PrinterError, printer.fault || printer.activity == Activity::Error);
    because(R::NeedsPerson, printer.activity == Activity::Attention);
    because(R::ControlDenied, printer.control == Control::Denied);
    because(R::BedNotClear, printer.bed != Bed::Clear);
    let machine = &printer.machine;
    let is_set_up = machine.model.is_some() && machine.nozzle_mm.is_some() && machine.build_volume_mm.is_some();
    because(R::ConfigIncomplete, printer.config == Config::Incomplete || !is_set_up);

    let aim = &job.aim;
    because(R::TagMismatch, aim.printer_id.is_some_and(|id| id != printer.id));
    because(R::TagMismatch, aim.tags.iter().any(|tag| !printer.tags.contains(tag)));
    because(R::TagMismatch, aim.pool.iter().flat_map(|pool| &pool.0).any(|tag| !printer.tags.contains(tag)));
    let needs = &job.needs;
    if needs.models.is_empty() {
        because(R::ModelMismatch, aim.printer_id.is_none() && aim.pool.is_none() && aim.tags.is_empty());
    } else if let Some(model) = &machine.model {
        because(R::ModelMismatch, !needs.models.iter().any(|needed| bare(needed) == bare(model)));
    }
    if let (Some(needed), Some(has)) = (needs.nozzle_mm, machine.nozzle_mm) {
        because(R::NozzleMismatch, (needed - has).abs() > 0.0101);
    }
    if let (Some(needed), Some(has)) = (&needs.plate_type, &machine.plate_type) {
        because(R::PlateTypeMismatch, bare(needed) != bare(has));
    }
    if let (Some(needed), Some(has)) = (needs.size_mm, machine.build_volume_mm) {
        let sticks_out = |needed: f64, has: f64| needed > has + 0.0101;
        because(R::BedTooSmall, sticks_out(needed.x, has.x) || sticks_out(needed.y, has.y) || sticks_out(needed.z, has.z));
    }
    because(R::StorageFull, printer.free_bytes.is_some_and(|free| free < job.size_bytes));
    if !printer.loaded.is_empty() {
        because(R::TooFewSlots, needs.materials.len() > printer.loaded.len());
        for (need, spool) in needs.materials.iter().zip(&printer.loaded) {
            let is_other = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a.to_lowercase() != b.to_lowercase());
            if is_other(&need.material, &spool.material) {
                because(R::MaterialNotLoaded, true);
            } else if is_other(&need.colour, &spool.colour) {
                because(R::ColourMismatch, true);
            } else if let (Some(needed), Some(has)) = (need.grams, spool.grams) {
                because(R::FilamentLow, needed > has);
            }
        }
    }
    reasons
}

/// The jobs in turn, each with the best of the printers that are left.
pub fn assignments(snapshot: &Snapshot) -> Vec<(JobId, PrinterId)> {
    let mut jobs: Vec<_> = snapshot.jobs.iter().filter(|job| may_go_at_all(snapshot, job)).collect();
    jobs.sort_by_key(|job| (-i64::from(job.priority), job.due_at.is_none(), job.due_at, job.rank, job.id));
    let mut left: Vec<_> = snapshot.printers.iter().collect();
    let mut assignments = Vec::new();
    for job in jobs {
        let fits = left.iter().copied().filter(|printer| reasons(job, printer).is_empty());
        let Some(best) = fits.min_by_key(|printer| {
            let (changes, may_run_out) = effort(job, printer);
            let ready_at = printer.ready_at.filter(|ready_at| *ready_at > snapshot.now).unwrap_or(snapshot.now);
            (changes, may_run_out, ready_at, printer.wear_seconds, printer.id)
        }) else {
            continue;
        };
        left.retain(|printer| printer.id != best.id);
        assignments.push((job.id, best.id));
    }
    assignments
}

fn effort(job: &JobFacts, printer: &PrinterFacts) -> (usize, bool) {
    let unknown = Loaded { material: None, colour: None, grams: None };
    let spools = if printer.loaded.is_empty() { &printer.last_loaded } else { &printer.loaded };
    let (mut changes, mut may_run_out) = (0, false);
    for (at, need) in job.needs.materials.iter().enumerate() {
        let spool = spools.get(at).unwrap_or(&unknown);
        let holds = |need: &Option<String>, has: &Option<String>| {
            need.as_ref().is_none_or(|need| has.as_ref().is_some_and(|has| has.to_lowercase() == need.to_lowercase()))
        };
        changes += usize::from(!(holds(&need.material, &spool.material) && holds(&need.colour, &spool.colour)));
        may_run_out |= need.grams.is_some_and(|needed| spool.grams.is_none_or(|has| has < needed));
    }
    (changes, may_run_out)
}

fn bare(name: &str) -> String {
    name.to_lowercase().replace([' ', '-', '_'], "")
}
