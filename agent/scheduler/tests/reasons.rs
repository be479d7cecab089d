//! What the scheduler says, in the words of the floor: a farm in one line, the plan in one line.

mod floor;

use std::collections::BTreeSet;

use domain::waiting::{JobReason, PrinterReason};
use gantry_scheduler::plan::{plan, why};

/// Every job in the order of its name: where it goes, or its own reasons and then each printer with its reasons.
fn told(farm: &str) -> String {
    let (snapshot, names) = floor::farm(farm);
    let plan = plan(&snapshot);
    let name_of = |id| names.printers.iter().find(|(_, printer)| **printer == id).expect("it has a name").0.as_str();
    let told = names.jobs.iter().map(|(name, id)| {
        if let Some(given) = plan.assignments.iter().find(|given| given.job == *id) {
            return format!("{name} -> {}", name_of(given.printer));
        }
        let why = why(&snapshot, *id).expect("it is on the floor");
        assert_eq!(why.job, plan.waiting[id].job);
        let own = why.job.iter().map(|reason| reason.code().to_owned());
        let printers = why.printers.iter().map(|(printer, reasons)| {
            [name_of(*printer)].into_iter().chain(reasons.iter().map(|reason| reason.code())).collect::<Vec<_>>().join(" ")
        });
        format!("{name} waits: {}", own.chain(printers).collect::<Vec<_>>().join(", "))
    });
    told.collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(farm: &str, expected: &str) {
    assert_eq!(told(farm), expected, "{farm}");
}

/// The grouped summary of the job `a`.
#[track_caller]
fn check_summary(farm: &str, expected: &str) {
    let (snapshot, names) = floor::farm(farm);
    let summary = plan(&snapshot).waiting[&names.jobs["a"]].printers.clone();
    let words: Vec<_> = summary.iter().map(|(reason, printers)| format!("{printers} {}", reason.code())).collect();
    assert_eq!(words.join(", "), expected, "{farm}");
}

#[test]
fn a_job_goes_to_a_printer_that_is_idle_and_clear() {
    check("p1; job a", "a -> p1");
    check("p1 finished; job a", "a -> p1");
}

/// One line for each reason; the test below holds the list complete.
const PRINTERS: &[(&str, &str)] = &[
    ("p1 disabled; job a", "a waits: p1 disabled"),
    ("p1 quarantined; job a", "a waits: p1 quarantined"),
    ("p1 maintenance; job a", "a waits: p1 maintenance"),
    ("p1 offline; job a", "a waits: p1 offline"),
    ("p1 unknown; job a", "a waits: p1 offline"),
    ("p1 stale; job a", "a waits: p1 stale"),
    ("p1 paused; job a", "a waits: p1 busy"),
    ("p1 preparing; job a", "a waits: p1 busy"),
    ("p1 printing; job a", "a waits: p1 busy"),
    ("p1 busy; job a", "a waits: p1 busy"),
    ("p1 claimed; job a", "a waits: p1 busy"),
    ("p1 printing foreign; job a", "a waits: p1 foreign_print"),
    ("p1 foreign; job a", "a waits: p1 foreign_print"),
    ("p1 error; job a", "a waits: p1 printer_error"),
    ("p1 fault; job a", "a waits: p1 printer_error"),
    ("p1 claimed outcome_unknown; job a", "a waits: p1 printer_unknown"),
    ("p1 denied; job a", "a waits: p1 control_denied"),
    ("p1 incomplete; job a", "a waits: p1 config_incomplete"),
    ("p1 model=?; job a", "a waits: p1 config_incomplete"),
    ("p1 needs_clear; job a", "a waits: p1 bed_not_clear"),
    ("p1 bed_unknown; job a", "a waits: p1 bed_not_clear"),
    ("p1 attention; job a", "a waits: p1 needs_person"),
    ("p1 model=MK4; job a model=MINI", "a waits: p1 model_mismatch"),
    ("p1; job a model=?", "a waits: p1 model_mismatch"),
    ("p1 nozzle=0.4; job a nozzle=0.6", "a waits: p1 nozzle_mismatch"),
    ("p1 plate=smooth; job a plate=textured", "a waits: p1 plate_type_mismatch"),
    ("p1 volume=250x210x220; job a size=250x210x221", "a waits: p1 bed_too_small"),
    ("p1 tag=rack-a; job a tag=rack-b", "a waits: p1 tag_mismatch"),
    ("p1 tag=rack-a; job a pool=rack-b", "a waits: p1 tag_mismatch"),
    ("p1 disabled; p2; job a on=p1", "a waits: p1 disabled, p2 tag_mismatch"),
    ("p1 PLA; job a PETG", "a waits: p1 material_not_loaded"),
    ("p1 PLA PETG; job a PETG PLA", "a waits: p1 material_not_loaded"),
    ("p1 PLA#ff0000; job a PLA#00ff00", "a waits: p1 colour_mismatch"),
    ("p1 PLA@99; job a PLA@100", "a waits: p1 filament_low"),
    ("p1 PLA; job a PLA PLA", "a waits: p1 too_few_slots"),
    ("p1 free=999; job a bytes=1000", "a waits: p1 storage_full"),
    ("p1; job a; job b", "a -> p1; b waits: p1 behind_in_queue"),
];

const JOBS: &[(&str, &str)] = &[
    ("p1; job a held", "a waits: held, p1"),
    ("p1; job a awaiting_approval", "a waits: awaiting_approval, p1"),
    ("p1; job a same_file_failing", "a waits: same_file_failing, p1"),
    ("p1; job a file_not_here", "a waits: file_not_here, p1"),
    ("p1; job a file_missing", "a waits: file_missing, p1"),
    ("p1; job a file_refused", "a waits: file_refused, p1"),
    ("p1; farm drain; job a", "a waits: farm_draining, p1"),
    ("p1; farm stop; job a", "a waits: farm_draining, p1"),
    ("p1; farm disk_full; job a", "a waits: disk_full, p1"),
];

#[test]
fn each_thing_in_the_way_is_told_by_its_own_code() {
    for (farm, expected) in PRINTERS.iter().chain(JOBS) {
        check(farm, expected);
    }
}

#[test]
fn every_code_that_is_reached_today_has_its_line() {
    let told: Vec<String> = PRINTERS.iter().chain(JOBS).map(|(farm, _)| told(farm)).collect();
    let words: BTreeSet<&str> = told.iter().flat_map(|line| line.split([' ', ',', ';'])).collect();
    for reason in PrinterReason::ALL.iter().filter(|reason| reason.waits_for().is_empty()) {
        assert!(words.contains(reason.code()), "{} is never reached", reason.code());
    }
    for reason in JobReason::ALL.iter().filter(|reason| reason.waits_for().is_empty()) {
        assert!(words.contains(reason.code()), "{} is never reached", reason.code());
    }
}

#[test]
fn all_reasons_of_a_printer_are_told_not_the_first_one() {
    check("p1 disabled offline needs_clear PLA; job a PETG", "a waits: p1 disabled offline bed_not_clear material_not_loaded");
    check("p1 PLA PETG@5; job a ABS PETG@9 PLA", "a waits: p1 material_not_loaded filament_low too_few_slots");
}

#[test]
fn a_held_job_tells_what_it_would_meet_if_it_were_released() {
    check("p1 needs_clear; job a held", "a waits: held, p1 bed_not_clear");
    check("p1; farm drain; job a held file_missing", "a waits: held, file_missing, p1");
}

#[test]
fn a_held_job_keeps_no_printer_from_others() {
    check("p1; job a held priority=9; job b", "a waits: held, p1 behind_in_queue; b -> p1");
}

#[test]
fn the_spelling_of_a_model_a_material_and_a_colour_does_not_matter() {
    check("p1 model=Prusa_MK4-S; job a model=prusamk4s", "a -> p1");
    check("p1 plate=Textured-PEI; job a plate=textured_pei", "a -> p1");
    check("p1 PLA#ff8000; job a pla#FF8000ff", "a -> p1");
}

#[test]
fn a_hair_of_difference_in_a_nozzle_or_a_size_does_not_matter() {
    check("p1 nozzle=0.4; job a nozzle=0.409", "a -> p1");
    check("p1 nozzle=0.4; job a nozzle=0.42", "a waits: p1 nozzle_mismatch");
    check("p1 volume=250x210x220; job a size=250.004x210x220", "a -> p1");
}

#[test]
fn what_is_not_known_is_not_checked() {
    check("p1; job a PETG#ff0000@900 PLA", "a -> p1");
    check("p1 ?; job a PETG#ff0000@900", "a -> p1");
    check("p1 PETG; job a PETG#ff0000@900", "a -> p1");
    check("p1 PETG#ff0000@1; job a PETG", "a -> p1");
    check("p1; job a bytes=1000 plate=smooth size=10x10x10 nozzle=0.4", "a -> p1");
}

#[test]
fn a_file_that_names_no_model_runs_only_where_somebody_aimed_it() {
    check("p1; job a model=? on=p1", "a -> p1");
    check("p1 tag=x; job a model=? tag=x", "a -> p1");
    check("p1 tag=x; p2; job a model=? pool=x", "a -> p1");
    check("p1; job a model=? pool=", "a -> p1");
}

#[test]
fn a_job_with_several_tags_needs_a_printer_with_all_of_them() {
    check("p1 tag=x; p2 tag=x tag=y; job a tag=x tag=y", "a -> p2");
    check("p1 tag=x; p2 tag=x tag=y; job a pool=x tag=y", "a -> p2");
}

#[test]
fn priority_goes_before_due_time_and_due_time_before_rank() {
    check("p1; job a; job b priority=1", "a waits: p1 behind_in_queue; b -> p1");
    check("p1; job a due=5; job b priority=1", "a waits: p1 behind_in_queue; b -> p1");
    check("p1; job a due=9; job b due=5", "a waits: p1 behind_in_queue; b -> p1");
    check("p1; job a; job b due=5", "a waits: p1 behind_in_queue; b -> p1");
    check("p1; job a rank=2; job b rank=1", "a waits: p1 behind_in_queue; b -> p1");
    check("p1; job a rank=1; job b rank=2 due=5", "a waits: p1 behind_in_queue; b -> p1");
}

#[test]
fn a_job_takes_the_printer_where_no_filament_must_be_changed() {
    check("p1; p2 PLA; job a PLA", "a -> p2");
    check("p1 last=PETG; p2 last=PLA; job a PLA", "a -> p2");
    check("p1 PLA ?; p2 PLA PETG; job a PLA PETG", "a -> p2");
}

#[test]
fn then_the_one_that_is_known_to_have_enough_then_the_soonest_then_the_least_worn() {
    check("p1 PLA; p2 PLA@100; job a PLA@50", "a -> p2");
    check("p1 PLA ready=99; p2 PLA; job a PLA", "a -> p2");
    check("p1 wear=9; p2 wear=3; job a", "a -> p2");
    check("p1 wear=3 ready=-5; p2 wear=9 ready=-9; job a", "a -> p1");
    check("p1; p2; job a", "a -> p1");
}

#[test]
fn a_printer_counts_once_in_the_summary_under_what_is_hardest_to_change() {
    check_summary("p1 needs_clear; p2 needs_clear; p3 needs_clear busy; job a", "1 busy, 2 bed_not_clear");
    check_summary("p1 needs_clear; p2 needs_clear model=MINI offline; job a", "1 bed_not_clear, 1 model_mismatch");
    check_summary("p1; p2 offline; job a; job b priority=1", "1 offline, 1 behind_in_queue");
}

#[test]
fn a_printer_whose_start_says_where_each_filament_comes_from_takes_them_from_any_position() {
    check("p1 chooses PETG PLA; job a PLA", "a -> p1");
    check("p1 chooses PLA; job a PLA PLA", "a -> p1");
    check("p1 chooses PETG PLA; job a ABS", "a waits: p1 material_not_loaded");
    check("p1 chooses; job a ABS", "a -> p1");
}
