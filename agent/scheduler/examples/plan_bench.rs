//! How long planning takes on a large floor, beside the plain asking of every printer by every job in
//! the same run: `cargo run --release -p gantry-scheduler --example plan_bench`. Fails if a bound
//! is missed or the two disagree.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement reads the clock and tells what it saw")]

#[path = "../tests/floor/mod.rs"]
mod floor;
#[path = "../tests/naive/mod.rs"]
mod naive;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use domain::bed::Bed;
use domain::farm::Dispatch;
use domain::id::{JobId, PrinterId};
use domain::job::MaterialNeed;
use domain::printer::{Activity, Loaded, Size};
use domain::time::Timestamp;
use gantry_scheduler::plan::{plan, why};
use gantry_scheduler::planner::Planner;
use gantry_scheduler::snapshot::{JobFacts, PrinterFacts, Snapshot};

const PRINTERS: u64 = 1_000;
const JOBS: u64 = 10_000;
const FULL: Duration = Duration::from_millis(250);
const FREED: Duration = Duration::from_millis(1);

const MODELS: &[&str] = &["MK4", "MK4S", "MINI", "X1C", "P1S", "A1", "Ender 3", "Voron 2.4"];
const MATERIALS: &[&str] = &["PLA", "PETG", "ABS", "ASA", "TPU", "PA"];
const COLOURS: &[&str] = &["#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#ff8000", "#808080", "#800080"];

/// The same numbers at every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len() as u64) as usize]
    }
}

fn printer(number: u64, dice: &mut Dice) -> PrinterFacts {
    let mut printer = floor::idle_printer(number);
    printer.machine.model = Some(dice.pick(MODELS).to_owned());
    printer.machine.nozzle_mm = Some([0.4, 0.4, 0.4, 0.6][dice.roll(4) as usize]);
    printer.tags.insert(format!("rack-{}", dice.roll(20)).parse().expect("a tag"));
    let slots = if dice.roll(2) == 0 { 1 } else { 4 };
    printer.loaded = (0..slots)
        .map(|_| Loaded {
            material: Some(dice.pick(MATERIALS).to_owned()),
            colour: Some(dice.pick(COLOURS).to_owned()),
            grams: Some(dice.roll(1000) as f64),
        })
        .collect();
    printer.free_bytes = Some(dice.roll(1 << 30));
    printer.wear_seconds = dice.roll(10_000_000);
    printer
}

/// One of `plates` different plates, wanted at some time with some priority.
fn job(number: u64, plates: u64, dice: &mut Dice) -> JobFacts {
    let mut job = floor::queued_job(number);
    let mut plate = Dice(0x9e37_79b9_7f4a_7c15 ^ ((1 + dice.roll(plates)) << 20));
    job.needs.models = (0..1 + plate.roll(2)).map(|_| plate.pick(MODELS).to_owned()).collect();
    job.needs.nozzle_mm = Some(0.4);
    job.needs.size_mm = Some(Size { x: 50.0 + plate.roll(200) as f64, y: 100.0, z: plate.roll(250) as f64 });
    job.needs.materials = (0..1 + plate.roll(6) / 4)
        .map(|_| MaterialNeed {
            material: Some(plate.pick(MATERIALS).to_owned()),
            colour: (plate.roll(3) == 0).then(|| plate.pick(COLOURS).to_owned()),
            grams: Some(plate.roll(3000) as f64 / 10.0),
        })
        .collect();
    job.size_bytes = plate.roll(100 << 20);
    if plate.roll(10) == 0 {
        job.aim.tags.insert(format!("rack-{}", plate.roll(20)).parse().expect("a tag"));
    }
    job.priority = dice.roll(3) as i32;
    job.rank = dice.roll(1000) as i64;
    job.due_at = (dice.roll(2) == 0).then(|| Timestamp::from_millis(dice.roll(1_000_000_000) as i64));
    job
}

fn floor_of(plates: u64) -> Snapshot {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    Snapshot {
        now: Timestamp::from_millis(0),
        dispatch: Dispatch::Run,
        disk_full: false,
        printers: (0..PRINTERS).map(|number| printer(number, &mut dice)).collect(),
        jobs: (0..JOBS).map(|number| job(number, plates, &mut dice)).collect(),
    }
}

fn distinct(snapshot: &Snapshot) -> usize {
    let sets = snapshot.jobs.iter().map(|job| format!("{:?} {:?} {}", job.needs, job.aim, job.size_bytes));
    sets.collect::<BTreeSet<_>>().len()
}

fn set_printing(printer: &mut PrinterFacts) {
    printer.activity = Activity::Printing;
    printer.bed = Bed::NeedsClear;
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// The median and the worst of several runs.
fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

/// Who gets what, and every reason of every printer for every job.
fn naive_plan(snapshot: &Snapshot) -> (Vec<(JobId, PrinterId)>, usize) {
    let reasons = snapshot.jobs.iter().flat_map(|job| snapshot.printers.iter().map(|printer| naive::reasons(job, printer).len()));
    (naive::assignments(snapshot), reasons.sum())
}

/// All printers free: full plan and naive scan. True if it is fast enough.
fn all_free(plates: u64) -> bool {
    let snapshot = floor_of(plates);
    let (median, worst) = median((0..7).map(|_| timed(|| plan(&snapshot)).1).collect());
    let ((assigned, _), naive) = timed(|| naive_plan(&snapshot));
    let planned: Vec<_> = plan(&snapshot).assignments.iter().map(|given| (given.job, given.printer)).collect();
    assert_eq!(planned, assigned, "planner and naive scan disagree");
    println!(
        "{JOBS} jobs, {PRINTERS} free printers, {} requirement sets: full plan {median:?} (worst of 7 {worst:?}), naive scan {naive:?} = \
         {:.0} times as long; both assign the same {}",
        distinct(&snapshot),
        naive.as_secs_f64() / median.as_secs_f64(),
        assigned.len()
    );
    median <= FULL
}

/// All printers print, then one after the other comes free, takes its job and prints again.
fn one_freed(plates: u64) -> bool {
    let mut snapshot = floor_of(plates);
    let free = snapshot.printers.clone();
    snapshot.printers.iter_mut().for_each(set_printing);
    let (mut planner, made) = timed(|| Planner::new(&snapshot));
    let mut freed = Vec::new();
    let mut assigned = 0;
    for (place, printer) in free.iter().enumerate().take(300) {
        let (given, time) = timed(|| {
            planner.change_printer(printer);
            planner.assignments()
        });
        freed.push(time);
        assigned += given.len();
        if place % 30 == 0 {
            snapshot.printers[place] = printer.clone();
            assert_eq!(plan(&snapshot).assignments, given, "the planner that followed and a new one disagree");
        }
        for given in given {
            planner.remove_job(given.job);
            snapshot.jobs.retain(|job| job.id != given.job);
        }
        set_printing(&mut snapshot.printers[place]);
        planner.change_printer(&snapshot.printers[place]);
    }
    let (median, worst) = median(freed);
    let (_, told) = timed(|| planner.plan());
    let (_, asked) = timed(|| why(&snapshot, snapshot.jobs[0].id));
    println!(
        "one freed printer of {PRINTERS} printing: {median:?} (worst of 300 {worst:?}), {assigned} assigned as a new plan would; planner made in \
         {made:?}, all reasons told again in {told:?}, why of one job from a snapshot {asked:?}"
    );
    median <= FREED
}

fn main() -> ExitCode {
    println!("bounds: full plan {FULL:?}, one freed printer {FREED:?}");
    let held = all_free(2_500) & one_freed(2_500);
    println!("held: {held}. Beyond the bounds, with nearly every job its own plate:");
    let held_beyond = all_free(1_000_000) & one_freed(1_000_000);
    println!("held: {held_beyond}");
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
