//! What holds for every floor. The floors are lines of the same small language, so that a failing one
//! can be read.

mod floor;
mod naive;

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{JobId, PrinterId};
use domain::waiting::PrinterReason;
use gantry_scheduler::plan::{Assignment, Plan, plan, why};
use gantry_scheduler::planner::Planner;
use gantry_scheduler::snapshot::Snapshot;
use proptest::prelude::*;
use proptest::sample::select;

const STANDS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "finished",
    "disabled",
    "quarantined",
    "maintenance",
    "offline",
    "unknown",
    "stale",
    "busy",
    "printing",
    "printing foreign",
    "foreign",
    "attention",
    "error",
    "fault",
    "needs_clear",
    "bed_unknown",
    "denied",
    "incomplete",
    "model=? offline",
    "claimed",
    "claimed outcome_unknown",
];
const OFFERS: &[&str] = &[
    "model=MK4",
    "model=m_k-4",
    "model=MINI",
    "nozzle=0.6",
    "volume=180x180x180",
    "plate=smooth",
    "tag=x",
    "tag=y",
    "PLA",
    "pla#FF0000",
    "PETG@100",
    "PLA@50",
    "PLA#00ff00@500",
    "?",
    "last=PLA",
    "last=PETG#ff0000",
    "free=10",
    "ready=5",
    "ready=-5",
    "wear=7",
    "wear=9",
];
const WAITS: &[&str] =
    &["", "", "", "", "", "", "held", "awaiting_approval", "same_file_failing", "file_missing", "file_not_here"];
const NEEDS: &[&str] = &[
    "model=MINI",
    "model=MK-4",
    "model=?",
    "nozzle=0.4",
    "nozzle=0.6",
    "size=200x200x200",
    "size=1x1x1",
    "plate=Smooth",
    "plate=satin",
    "tag=x",
    "tag=y",
    "pool=x",
    "pool=x,y",
    "pool=",
    "on=p0",
    "PLA",
    "PLA#ff0000",
    "PETG",
    "PLA@60",
    "PETG@99",
    "?",
    "bytes=11",
    "priority=1",
    "priority=-1",
    "rank=3",
    "due=4",
    "due=5",
];
const FARMS: &[&str] = &["", "", "", "", "", "", "", "", "; farm drain", "; farm disk_full"];

fn words(stand: &'static [&str], asks: &'static [&str], most: usize) -> impl Strategy<Value = String> {
    (select(stand), proptest::collection::vec(select(asks), 0..=most))
        .prop_map(|(stand, asks)| format!("{stand} {}", asks.join(" ")))
}

fn lines(printers: usize, jobs: usize) -> impl Strategy<Value = String> {
    let printers = proptest::collection::vec(words(STANDS, OFFERS, 4), 1..=printers);
    let jobs = proptest::collection::vec(words(WAITS, NEEDS, 3), 0..=jobs);
    (printers, jobs, select(FARMS)).prop_map(|(printers, jobs, farm)| {
        let printers: Vec<_> = printers.iter().enumerate().map(|(at, words)| format!("p{at} {words}")).collect();
        let jobs = jobs.iter().enumerate().map(|(at, words)| format!("; job j{at} {words}"));
        format!("{}{}{farm}", printers.join("; "), jobs.collect::<String>())
    })
}

/// Small floors find odd meetings; large ones cross the ends of the bit sets' words.
fn any_floor() -> impl Strategy<Value = String> {
    prop_oneof![3 => lines(6, 12), 1 => lines(150, 60)]
}

fn pairs(assignments: &[Assignment]) -> Vec<(JobId, PrinterId)> {
    assignments.iter().map(|given| (given.job, given.printer)).collect()
}

/// The grouped summary from the full table: each printer once, under a reason that it has.
fn counts_fit(snapshot: &Snapshot, plan: &Plan, job: JobId) -> Result<(), TestCaseError> {
    let table = why(snapshot, job).expect("it waits").printers;
    let summary = &plan.waiting[&job].printers;
    let kept_away = table.iter().filter(|(_, reasons)| !reasons.is_empty()).count();
    prop_assert_eq!(summary.values().sum::<u32>() as usize, kept_away);
    for (reason, printers) in summary {
        let with_it = table.iter().filter(|(_, reasons)| reasons.contains(reason)).count();
        prop_assert!((1..=with_it).contains(&(*printers as usize)), "{printers} {}", reason.code());
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_plan_is_the_one_that_plain_asking_gives(line in any_floor()) {
        let (snapshot, _) = floor::farm(&line);
        prop_assert_eq!(pairs(&plan(&snapshot).assignments), naive::assignments(&snapshot));
    }

    #[test]
    fn no_job_gets_two_printers_and_no_printer_two_jobs(line in any_floor()) {
        let (snapshot, _) = floor::farm(&line);
        let assignments = plan(&snapshot).assignments;
        prop_assert_eq!(assignments.iter().map(|given| given.job).collect::<BTreeSet<_>>().len(), assignments.len());
        prop_assert_eq!(assignments.iter().map(|given| given.printer).collect::<BTreeSet<_>>().len(), assignments.len());
    }

    #[test]
    fn no_job_goes_where_something_stands_in_the_way(line in any_floor()) {
        let (snapshot, _) = floor::farm(&line);
        for given in plan(&snapshot).assignments {
            let job = snapshot.jobs.iter().find(|job| job.id == given.job).unwrap();
            let printer = snapshot.printers.iter().find(|printer| printer.id == given.printer).unwrap();
            prop_assert!(naive::may_go_at_all(&snapshot, job));
            prop_assert_eq!(naive::reasons(job, printer), BTreeSet::new());
        }
    }

    #[test]
    fn every_job_has_a_printer_or_a_reason(line in any_floor()) {
        let (snapshot, _) = floor::farm(&line);
        let plan = plan(&snapshot);
        prop_assert_eq!(plan.assignments.len() + plan.waiting.len(), snapshot.jobs.len());
        for (job, why_not) in &plan.waiting {
            prop_assert!(!why_not.job.is_empty() || why_not.printers.values().sum::<u32>() as usize == snapshot.printers.len());
            counts_fit(&snapshot, &plan, *job)?;
        }
    }

    #[test]
    fn the_table_of_a_job_has_every_reason_of_every_printer(line in any_floor()) {
        let (snapshot, _) = floor::farm(&line);
        let taken: BTreeMap<_, _> = plan(&snapshot).assignments.iter().map(|given| (given.printer, given.job)).collect();
        for job in &snapshot.jobs {
            let told: BTreeMap<_, _> = why(&snapshot, job.id).unwrap().printers.into_iter().collect();
            for printer in &snapshot.printers {
                let mut expected: Vec<_> = naive::reasons(job, printer).into_iter().collect();
                if expected.is_empty() && taken.get(&printer.id).is_some_and(|other| *other != job.id) {
                    expected.push(PrinterReason::BehindInQueue);
                }
                prop_assert_eq!(&told[&printer.id], &expected);
            }
        }
    }

    #[test]
    fn the_order_of_the_lists_says_nothing(
        (line, printers, jobs) in any_floor().prop_flat_map(|line| {
            let (snapshot, _) = floor::farm(&line);
            (Just(line), Just(snapshot.printers).prop_shuffle(), Just(snapshot.jobs).prop_shuffle())
        })
    ) {
        let (snapshot, _) = floor::farm(&line);
        prop_assert_eq!(plan(&snapshot), plan(&Snapshot { printers, jobs, ..snapshot.clone() }));
    }

    #[test]
    fn a_planner_that_followed_the_changes_plans_like_a_new_one(
        line in any_floor(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), words(STANDS, OFFERS, 4)), 1..6),
    ) {
        let (mut snapshot, _) = floor::farm(&line);
        let mut planner = Planner::new(&snapshot);
        for (which, words) in changes {
            let place = which.index(snapshot.printers.len());
            let changed = floor::farm(&format!("p {words}")).0.printers.remove(0);
            let id = snapshot.printers[place].id;
            snapshot.printers[place] = gantry_scheduler::snapshot::PrinterFacts { id, ..changed };
            prop_assert!(planner.change_printer(&snapshot.printers[place]));
            for given in planner.assignments().into_iter().take(1) {
                prop_assert!(planner.remove_job(given.job));
                snapshot.jobs.retain(|job| job.id != given.job);
            }
            prop_assert_eq!(planner.plan(), plan(&snapshot));
        }
    }
}

#[test]
fn a_planner_does_not_take_a_printer_that_it_never_saw() {
    let (snapshot, _) = floor::farm("p1; job a");
    assert!(!Planner::new(&snapshot).change_printer(&floor::idle_printer(99)));
    assert!(!Planner::new(&snapshot).remove_job(floor::id(99)));
}

#[test]
fn a_planner_follows_the_farm() {
    let (snapshot, _) = floor::farm("p1; job a");
    let (drained, _) = floor::farm("p1; job a; farm drain");
    let mut planner = Planner::new(&snapshot);
    planner.change_farm(drained.now, drained.dispatch, drained.disk_full);
    assert_eq!(planner.plan(), plan(&drained));
}
