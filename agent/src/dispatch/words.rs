//! Why a job waits, in words: one sentence that sums it up, and one per reason.

use std::collections::BTreeMap;

use contract::ops::jobs::{WaitingSummary, Why, WhyCode, WhyPrinter};
use domain::id::JobId;
use domain::waiting::{JobReason, PrinterReason};
use scheduler::plan::WhyNot;

use super::Names;

/// The grouped summary of a waiting job.
pub fn words(why: &WhyNot) -> WaitingSummary {
    let printers: BTreeMap<String, u32> = why.printers.iter().map(|(reason, count)| (reason.code().to_owned(), *count)).collect();
    WaitingSummary { job: why.job.clone(), printers, summary: sum_up(&why.job, &why.printers) }
}

/// The whole table of a job.
pub fn why_words(job: JobId, why: scheduler::plan::Why, names: &Names) -> Why {
    let mut counts: BTreeMap<PrinterReason, u32> = BTreeMap::new();
    for (_, reasons) in &why.printers {
        if let Some(first) = reasons.first() {
            *counts.entry(*first).or_default() += 1;
        }
    }
    let summary = sum_up(&why.job, &counts);
    let line = |(printer_id, reasons): (_, Vec<PrinterReason>)| WhyPrinter {
        name: names.get(&printer_id).cloned().unwrap_or_default(),
        printer_id,
        reasons: reasons.into_iter().map(WhyCode::from).collect(),
    };
    Why {
        job_id: job,
        summary,
        job: why.job.into_iter().map(WhyCode::from).collect(),
        printers: why.printers.into_iter().map(line).collect(),
    }
}

fn sum_up(job: &[JobReason], printers: &BTreeMap<PrinterReason, u32>) -> String {
    if let Some(reason) = job.first() {
        return reason.sentence().to_owned();
    }
    // What a person can do something about comes first, then what only takes time.
    let rank = |reason: &PrinterReason| match reason {
        PrinterReason::BedNotClear => 0,
        PrinterReason::NeedsPerson | PrinterReason::PrinterError | PrinterReason::PrinterUnknown => 1,
        PrinterReason::MaterialNotLoaded | PrinterReason::ColourMismatch | PrinterReason::FilamentLow => 2,
        PrinterReason::Busy | PrinterReason::BehindInQueue => 3,
        PrinterReason::Offline | PrinterReason::Stale | PrinterReason::ForeignPrint | PrinterReason::StartStaggered => 4,
        PrinterReason::Disabled
        | PrinterReason::Quarantined
        | PrinterReason::Maintenance
        | PrinterReason::ControlDenied
        | PrinterReason::ConfigIncomplete
        | PrinterReason::StorageFull
        | PrinterReason::OutsideHours
        | PrinterReason::ProfileMissing => 5,
        PrinterReason::ModelMismatch
        | PrinterReason::NozzleMismatch
        | PrinterReason::PlateTypeMismatch
        | PrinterReason::BedTooSmall
        | PrinterReason::TagMismatch
        | PrinterReason::TooFewSlots => 6,
    };
    let Some((reason, count)) = printers.iter().min_by_key(|(reason, _)| rank(reason)) else {
        return "There are no printers yet.".to_owned();
    };
    let many =
        |one: &str, several: &str| if *count == 1 { format!("1 printer {one}") } else { format!("{count} printers {several}") };
    let said = |one: &str, several: &str| many(one, several) + ".";
    if *reason == PrinterReason::BedNotClear {
        said("needs clearing", "need clearing")
    } else if matches!(reason, PrinterReason::Busy | PrinterReason::BehindInQueue) {
        said("is busy", "are busy")
    } else if *reason == PrinterReason::Offline {
        said("cannot be reached", "cannot be reached")
    } else if *reason == PrinterReason::ConfigIncomplete {
        said("is not set up", "are not set up")
    } else {
        format!("{} ({count})", reason.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beds_to_clear_come_before_printers_that_never_fit() {
        let printers = BTreeMap::from([(PrinterReason::ModelMismatch, 9), (PrinterReason::BedNotClear, 3)]);
        assert_eq!(sum_up(&[], &printers), "3 printers need clearing.");
    }

    #[test]
    fn what_holds_the_job_itself_comes_first() {
        let printers = BTreeMap::from([(PrinterReason::BedNotClear, 3)]);
        assert_eq!(sum_up(&[JobReason::Held], &printers), "The job is held.");
    }
}
