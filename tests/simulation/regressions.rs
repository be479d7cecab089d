//! What the simulation once found wrong, each as a story of its own that needs no dice.

use agent::fleet::{Change, apply};
use api::facts;
use api::operation::Failure;
use domain::actor::{Actor, ActorKind};
use domain::attempt::{Attempt, AttemptEvent, AttemptState, CancelReason, End, Stage};
use domain::bed::{Bed, BedUse, ClearedBy};
use domain::farm::{Dispatch, Farm};
use domain::id::{AttemptId, Id as _, JobId, PrinterId};
use domain::job::{Job, JobState};
use domain::printer::{Connection, Printer};
use domain::time::Timestamp;
use store::{By, Db, OpenOptions, SeededEntropy, Tx};

use crate::{owner, setup};

struct Floor {
    db: Db,
    printer: PrinterId,
    job: JobId,
    attempt: AttemptId,
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn actor() -> Actor {
    Actor::new(ActorKind::Floor, "owner")
}

impl Floor {
    /// A job whose file is at its printer, and whose start may be written.
    fn sent() -> Self {
        let options = OpenOptions { path: None, now: NOW, entropy: Box::new(SeededEntropy(1)), live: false };
        let mut floor = Self {
            db: Db::open(options).unwrap(),
            printer: PrinterId::new(NOW, [1; 10]),
            job: JobId::new(NOW, [1; 10]),
            attempt: AttemptId::new(NOW, [0; 10]),
        };
        let (printer, job, farm) = (floor.printer, floor.job, floor.db.home().farm_id);
        floor.attempt = floor
            .write(|tx| {
                tx.create(&Farm {
                    id: farm,
                    name: "Farm".parse().unwrap(),
                    live: true,
                    dispatch: Dispatch::Run,
                    connection: Connection::Online,
                    quarantine_after: 3,
                    refused: None,
                    hold_file_after: 2,
                    created_at: NOW,
                })?;
                let file = owner::file(1, "G28", actor(), NOW);
                tx.create(&file)?;
                tx.create(&setup::printer(printer, 0, NOW))?;
                tx.create(&setup::job(job, file.id, 1, actor(), NOW))?;
                facts::clear(tx, printer, &BedUse::own(printer.uuid()), ClearedBy::Method)?;
                Ok(facts::assign(tx, job, printer)?.unwrap())
            })
            .unwrap();
        floor.moves(AttemptEvent::SendBegan);
        floor
    }

    fn started() -> Self {
        let mut floor = Self::sent();
        let (attempt, deadline) = (floor.attempt, NOW.plus_seconds(60));
        floor.apply(&Change::BeginStart { attempt, deadline });
        floor
    }

    fn write<T>(&mut self, write: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        self.db.write(By::new(actor(), NOW), write)
    }

    fn apply(&mut self, change: &Change) {
        let printer = self.printer;
        self.write(|tx| apply(tx, printer, change)).unwrap();
    }

    fn moves(&mut self, event: AttemptEvent) {
        let attempt = self.attempt;
        self.write(|tx| facts::move_attempt(tx, attempt, event, None)).unwrap();
    }

    fn is_refused(&mut self) {
        let change = Change::StartRefused { attempt: self.attempt, detail: "busy".to_owned() };
        self.apply(&change);
    }

    fn machine(&self) -> Printer {
        self.db.rows().get::<Printer>(self.printer).unwrap().unwrap().record
    }

    fn state(&self) -> AttemptState {
        self.db.rows().get::<Attempt>(self.attempt).unwrap().unwrap().record.state
    }

    fn job(&self) -> JobState {
        self.db.rows().get::<Job>(self.job).unwrap().unwrap().record.state
    }
}

#[test]
fn a_refused_start_gives_no_token_back_once_a_print_at_the_machine_was_seen() {
    let mut floor = Floor::started();
    floor.apply(&Change::Foreign { file: Some("theirs.gcode".to_owned()) });
    floor.is_refused();
    assert_eq!((floor.machine().bed, floor.machine().bed_token), (Bed::NeedsClear, None));
    assert_eq!(floor.job(), JobState::Queued, "another printer may take it");
}

#[test]
fn a_cancel_that_met_a_refused_start_ends_the_job() {
    let mut floor = Floor::started();
    let job = floor.job;
    floor.write(|tx| facts::ask_cancel(tx, job, None, false)).unwrap();
    floor.is_refused();
    assert_eq!(floor.state(), AttemptState::Done(End::Cancelled(CancelReason::Requested)));
    assert_eq!(floor.machine().bed, Bed::Clear, "nothing has touched it");
}

#[test]
fn a_refused_start_is_tried_again_on_the_same_token() {
    let mut floor = Floor::started();
    floor.is_refused();
    assert_eq!((floor.state(), floor.machine().bed), (AttemptState::Active(Stage::Sending), Bed::Clear));
}

#[test]
fn a_dead_print_that_comes_late_uses_the_bed_whoever_cleared_it_and_sends_the_next_job_back() {
    let mut floor = Floor::sent();
    let seen = floor.machine().bed_use;
    floor.apply(&Change::BedUsed { detail: "late".to_owned() });
    assert_eq!((floor.machine().bed, floor.machine().bed_token, floor.job()), (Bed::NeedsClear, None, JobState::Queued));
    let printer = floor.printer;
    assert!(floor.write(|tx| facts::clear(tx, printer, &seen, ClearedBy::Person)).is_err(), "a tap for what was seen before");
}

#[test]
fn a_tap_that_was_decided_before_an_undo_clears_nothing() {
    let mut floor = Floor::sent();
    let printer = floor.printer;
    floor.apply(&Change::BedUsed { detail: "late".to_owned() });
    let seen = floor.machine().bed_use;
    floor.write(|tx| facts::clear(tx, printer, &seen, ClearedBy::Person)).unwrap();
    floor.write(|tx| facts::undo_clear(tx, printer)).unwrap();
    assert!(floor.write(|tx| facts::clear(tx, printer, &seen, ClearedBy::Person)).is_err());
}

#[test]
fn nothing_is_claimed_by_a_plan_from_before_the_farm_was_set_to_drain() {
    let mut floor = Floor::sent();
    floor.moves(AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn)));
    let (job, printer, farm) = (floor.job, floor.printer, floor.db.home().farm_id);
    let claimed = floor.write(|tx| {
        let mut record = tx.get::<Farm>(farm)?.unwrap().record;
        record.dispatch = Dispatch::Drain;
        tx.update(&record)?;
        facts::assign(tx, job, printer)
    });
    assert!(matches!(claimed, Ok(None)));
}
