//! The rules of the floor: what follows when an attempt moves, a bed is cleared, a job is cancelled.

use api::facts::{self, Cancelled};
use contract::event::Named;
use domain::attempt::{Attempt, AttemptEvent, CancelReason, End, FailureReason, PauseReason, UnknownReason};
use domain::bed::{Bed, BedUse, ClearedBy};
use domain::command::{Command, CommandState, Verb};
use domain::farm::{Dispatch, Farm as FarmRecord};
use domain::id::{AttemptId, CommandId, JobId, PrinterId};
use domain::job::{Job, JobState};
use domain::print_object::PrintObject;
use domain::printer::{Activity, Admin, Connection, Printer};
use domain::state::Phase;
use gantry_api as api;
use serde_json::json;

use crate::farm::Farm;

struct Floor {
    farm: Farm,
    printer: PrinterId,
    job: JobId,
    attempt: AttemptId,
}

/// A job that has just been assigned to a clear printer.
async fn assigned() -> Floor {
    let farm = Farm::new().await;
    let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
    let attempt = farm.assign(job, printer).await;
    Floor { farm, printer, job, attempt }
}

/// The stages that an attempt goes through, as far as that one.
async fn at(stage: &str) -> Floor {
    let floor = assigned().await;
    let steps: &[AttemptEvent] = match stage {
        "assigned" => &[],
        "sending" => &[AttemptEvent::SendBegan],
        "starting" => &[AttemptEvent::SendBegan, AttemptEvent::StartWritten],
        "printing" => &[AttemptEvent::SendBegan, AttemptEvent::StartWritten, AttemptEvent::SeenPrinting],
        "paused" => &[AttemptEvent::SendBegan, AttemptEvent::StartWritten, AttemptEvent::SeenPaused(PauseReason::User)],
        "unknown" => &[AttemptEvent::SendBegan, AttemptEvent::StartWritten, AttemptEvent::Lost(UnknownReason::ContactLost)],
        other => panic!("{other}"),
    };
    for step in steps {
        floor.moves(*step).await.unwrap();
    }
    assert_eq!(floor.attempt().state.word(), stage);
    floor
}

impl Floor {
    async fn moves(&self, event: AttemptEvent) -> Result<(), contract::problem::Problem> {
        self.moves_saying(event, None).await
    }

    async fn moves_saying(&self, event: AttemptEvent, detail: Option<&str>) -> Result<(), contract::problem::Problem> {
        let (attempt, detail) = (self.attempt, detail.map(str::to_owned));
        self.farm.try_write(move |tx| facts::move_attempt(tx, attempt, event, detail)).await
    }

    async fn ends(&self, end: End) {
        self.moves(AttemptEvent::Ended(end)).await.unwrap();
    }

    fn attempt(&self) -> Attempt {
        self.farm.record(self.attempt)
    }
    fn job(&self) -> Job {
        self.farm.record(self.job)
    }
    fn printer(&self) -> Printer {
        self.farm.record(self.printer)
    }

    async fn clear(&self, bed_use: BedUse, by: ClearedBy) -> Result<(), contract::problem::Problem> {
        let printer = self.printer;
        self.farm.try_write(move |tx| facts::clear(tx, printer, &bed_use, by)).await
    }

    async fn change(&self, change: impl FnOnce(&mut Printer) + Send + 'static) {
        let printer = self.printer;
        self.farm
            .write(move |tx| {
                let mut printer = tx.get::<Printer>(printer)?.unwrap().record;
                change(&mut printer);
                facts::put_printer(tx, printer, &[])
            })
            .await;
    }

    async fn cancel(&self, requeue: bool) -> Result<Cancelled, contract::problem::Problem> {
        let job = self.job;
        self.farm.try_write(move |tx| facts::ask_cancel(tx, job, None, requeue)).await
    }

    async fn command_ends(&self, command: CommandId, state: CommandState) {
        self.farm.write(move |tx| facts::command_ended(tx, command, state, None)).await;
    }

    fn told(&self, named: Named) -> usize {
        self.farm.event_words().iter().filter(|word| *word == named.word()).count()
    }
}

async fn dispatch(farm: &Farm, dispatch: Dispatch) {
    let id = farm.door.home().farm_id;
    farm.write(move |tx| {
        let mut record = tx.get::<FarmRecord>(id)?.unwrap().record;
        record.dispatch = dispatch;
        Ok(tx.update(&record).map(|_| ())?)
    })
    .await;
}

const FAILED: End = End::Failed(FailureReason::PrinterError);

#[tokio::test]
async fn only_a_free_clear_enabled_printer_and_a_queued_job_are_assigned() {
    let farm = Farm::new().await;
    let job = farm.job(json!({})).await;
    let unclear = farm.printer(json!({})).await;
    assert!(farm.write(move |tx| facts::assign(tx, job, unclear)).await.is_none());
    let printer = farm.ready_printer().await;
    let held = farm.job(json!({"held": true})).await;
    assert!(farm.write(move |tx| facts::assign(tx, held, printer)).await.is_none());
    farm.post(&format!("/v1/printers/{printer}/disable"), json!({})).await.expect(200);
    assert!(farm.write(move |tx| facts::assign(tx, job, printer)).await.is_none());
    farm.post(&format!("/v1/printers/{printer}/enable"), json!({})).await.expect(200);
    let attempt = farm.assign(job, printer).await;
    let other = farm.job(json!({})).await;
    assert!(farm.write(move |tx| facts::assign(tx, other, printer)).await.is_none(), "it is claimed");
    assert_eq!(farm.record::<Printer>(printer).attempt_id, Some(attempt));
    assert_eq!(farm.record::<Job>(job).printers_tried, [printer]);
}

#[tokio::test]
async fn a_job_whose_target_was_edited_since_the_plan_does_not_run_where_it_was_planned() {
    let farm = Farm::new().await;
    let (printer, other) = (farm.ready_printer().await, farm.printer(json!({})).await);
    let pool = farm.post("/v1/pools", json!({"name": "A", "tags": ["rack-a"]})).await.expect(201)["id"].clone();
    let job = farm.job(json!({})).await;
    for target in [json!({"printer_id": other}), json!({"tags": ["rack-a"]}), json!({"pool_id": pool})] {
        farm.patch(&format!("/v1/jobs/{job}"), json!({"target": null})).await.expect(200);
        farm.patch(&format!("/v1/jobs/{job}"), json!({"target": target})).await.expect(200);
        assert!(farm.write(move |tx| facts::assign(tx, job, printer)).await.is_none(), "{target}");
    }
    farm.patch(&format!("/v1/printers/{printer}"), json!({"tags": ["rack-a"]})).await.expect(200);
    farm.assign(job, printer).await;
}

#[tokio::test]
async fn a_print_goes_from_assigned_to_completed_and_each_step_is_told_once() {
    let floor = at("printing").await;
    for _ in 0..3 {
        floor.moves(AttemptEvent::SeenPrinting).await.unwrap();
    }
    floor.moves(AttemptEvent::SeenPaused(PauseReason::Runout)).await.unwrap();
    floor.moves(AttemptEvent::SeenPrinting).await.unwrap();
    floor.ends(End::Completed { inferred: false }).await;
    let words: Vec<String> = floor.farm.event_words().into_iter().filter(|word| word.starts_with("job.")).collect();
    assert_eq!(
        words,
        [
            "job.created",
            "job.assigned",
            "job.updated",
            "job.updated",
            "job.started",
            "job.paused",
            "job.resumed",
            "job.completed"
        ]
    );
    assert_eq!((floor.job().state.phase(), floor.printer().attempt_id), (Phase::Done, None));
}

#[tokio::test]
async fn what_is_seen_again_is_not_told_again_even_after_the_printer_said_something() {
    let floor = at("starting").await;
    floor.moves_saying(AttemptEvent::StartRefused, Some("door open")).await.unwrap();
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
    for _ in 0..3 {
        floor.moves(AttemptEvent::SeenPrinting).await.unwrap();
    }
    assert_eq!((floor.told(Named::JobStarted), floor.attempt().detail.as_deref()), (1, Some("door open")));
}

#[tokio::test]
async fn a_start_consumes_the_token_and_the_bed_is_this_attempts() {
    let floor = at("sending").await;
    assert_eq!(floor.printer().bed, Bed::Clear);
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
    let printer = floor.printer();
    assert_eq!((printer.bed, printer.bed_token, printer.bed_use), (Bed::NeedsClear, None, BedUse::attempt(floor.attempt)));
    assert!(floor.farm.door.store.read(|rows| rows.bed_token(floor.printer)).unwrap().is_none());
}

#[tokio::test]
async fn without_a_token_nothing_starts() {
    let floor = at("sending").await;
    let printer = floor.printer;
    floor.farm.write(move |tx| Ok(tx.drop_bed_token(printer)?)).await;
    let before = floor.farm.counts();
    assert_eq!(floor.moves(AttemptEvent::StartWritten).await.unwrap_err().code.word(), "bed_in_use");
    assert_eq!((floor.farm.counts(), floor.attempt().state.word()), (before, "sending"));
}

#[tokio::test]
async fn a_persons_clear_is_not_started_on_while_it_can_be_undone() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let bed_use = farm.record::<Printer>(printer).bed_use;
    farm.post(&format!("/v1/printers/{printer}/clear-bed"), json!({"bed_use": bed_use})).await.expect(200);
    let job = farm.job(json!({})).await;
    let attempt = farm.assign(job, printer).await;
    let floor = Floor { farm, printer, job, attempt };
    floor.moves(AttemptEvent::SendBegan).await.unwrap();
    floor.farm.later(9_999);
    assert_eq!(floor.moves(AttemptEvent::StartWritten).await.unwrap_err().code.word(), "bed_in_use");
    floor.farm.later(1);
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
}

#[tokio::test]
async fn a_farm_that_was_stopped_starts_not_even_what_is_claimed() {
    let floor = at("sending").await;
    dispatch(&floor.farm, Dispatch::Stop).await;
    assert_eq!(floor.moves(AttemptEvent::StartWritten).await.unwrap_err().code.word(), "illegal_state");
    dispatch(&floor.farm, Dispatch::Drain).await;
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
}

#[tokio::test]
async fn a_refused_start_gives_the_token_back_exactly_as_it_was() {
    let floor = at("sending").await;
    let before = (floor.printer().bed_token.clone(), floor.printer().bed_use.clone());
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
    floor.moves(AttemptEvent::StartRefused).await.unwrap();
    assert_eq!((floor.printer().bed_token.clone(), floor.printer().bed_use.clone()), before);
    assert_eq!(floor.printer().bed, Bed::Clear);
    floor.moves(AttemptEvent::StartWritten).await.unwrap();
    floor.ends(End::Failed(FailureReason::StartNotSeen)).await;
    assert_eq!(floor.printer().bed, Bed::NeedsClear);
}

#[tokio::test]
async fn however_a_print_ended_its_bed_needs_a_clear_that_names_it() {
    for (stage, end) in [
        ("printing", End::Completed { inferred: false }),
        ("printing", FAILED),
        ("printing", End::Cancelled(CancelReason::AtPrinter)),
        ("starting", End::Failed(FailureReason::StartNotSeen)),
        ("unknown", End::Cancelled(CancelReason::NotStarted)),
    ] {
        let floor = at(stage).await;
        floor.ends(end).await;
        let printer = floor.printer();
        assert_eq!(
            (printer.bed, printer.bed_use, printer.attempt_id),
            (Bed::NeedsClear, BedUse::attempt(floor.attempt), None),
            "{end:?}"
        );
        assert_eq!(floor.told(Named::PrinterNeedsClear), 1, "{end:?}");
    }
}

#[tokio::test]
async fn whoever_is_told_that_the_bed_needs_a_clear_can_clear_it_at_once() {
    let floor = at("printing").await;
    floor.change(|printer| printer.activity = Activity::Printing).await;
    floor.ends(End::Completed { inferred: false }).await;
    floor.clear(floor.printer().bed_use, ClearedBy::Person).await.unwrap();
    assert_eq!(floor.printer().bed, Bed::Clear);
}

#[tokio::test]
async fn an_attempt_that_never_started_leaves_the_bed_clear_and_the_printer_free() {
    for stage in ["assigned", "sending"] {
        let floor = at(stage).await;
        floor.ends(End::Failed(FailureReason::UploadFailed)).await;
        assert_eq!(
            (floor.printer().bed, floor.printer().attempt_id, floor.told(Named::PrinterNeedsClear)),
            (Bed::Clear, None, 0)
        );
    }
}

#[tokio::test]
async fn a_late_tap_does_not_clear_the_next_prints_bed() {
    let floor = at("starting").await;
    let seen = BedUse::attempt(floor.attempt);
    floor.ends(FAILED).await;
    floor.clear(seen.clone(), ClearedBy::PersonAtOnce).await.unwrap();
    floor.clear(seen.clone(), ClearedBy::Person).await.unwrap();
    assert_eq!(floor.told(Named::PrinterBedCleared), 2, "the second of the same use changed nothing");
    let job = floor.farm.job(json!({})).await;
    let next = floor.farm.assign(job, floor.printer).await;
    floor.farm.start(next).await;
    let printer = floor.printer;
    floor.farm.write(move |tx| facts::move_attempt(tx, next, AttemptEvent::Ended(FAILED), None)).await;
    assert_eq!(floor.clear(seen, ClearedBy::Person).await.unwrap_err().code.word(), "bed_use_outdated");
    assert_eq!(floor.farm.record::<Printer>(printer).bed, Bed::NeedsClear);
}

#[tokio::test]
async fn a_bed_under_a_print_is_not_clear_whoever_says_so() {
    for stage in ["starting", "printing", "paused", "unknown"] {
        let floor = at(stage).await;
        let refused = floor.clear(floor.printer().bed_use, ClearedBy::Person).await.unwrap_err();
        assert_eq!(refused.code.word(), "bed_in_use", "{stage}");
    }
    let floor = at("printing").await;
    floor.ends(FAILED).await;
    for activity in [Activity::Printing, Activity::Paused] {
        floor.change(move |printer| printer.activity = activity).await;
        assert_eq!(floor.clear(floor.printer().bed_use, ClearedBy::Person).await.unwrap_err().code.word(), "bed_in_use");
    }
    floor.change(|printer| printer.connection = Connection::Offline).await;
    floor.clear(floor.printer().bed_use, ClearedBy::Person).await.unwrap();
}

#[tokio::test]
async fn a_foreign_print_takes_the_token_and_needs_a_clear_of_its_own() {
    let floor = at("assigned").await;
    let (printer, old) = (floor.printer, floor.printer().bed_use);
    floor
        .farm
        .write(move |tx| {
            let mut printer = tx.get::<Printer>(printer)?.unwrap().record;
            printer.activity = Activity::Printing;
            let named = facts::foreign_print_seen(tx, &mut printer, Some("theirs.gcode".to_owned()))?;
            facts::put_printer(tx, printer, &named)
        })
        .await;
    let seen = floor.printer();
    assert_eq!((seen.bed, seen.bed_token, floor.told(Named::PrinterForeignPrint)), (Bed::NeedsClear, None, 1));
    assert_ne!(seen.bed_use, old);
    assert_eq!(floor.clear(seen.bed_use, ClearedBy::Person).await.unwrap_err().code.word(), "bed_in_use");
    floor.moves(AttemptEvent::SendBegan).await.unwrap();
    assert_eq!(floor.moves(AttemptEvent::StartWritten).await.unwrap_err().code.word(), "bed_in_use");
}

#[tokio::test]
async fn an_undo_within_ten_seconds_releases_the_claim_and_the_job_waits_again() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let bed_use = farm.record::<Printer>(printer).bed_use;
    let (clear, undo) = (format!("/v1/printers/{printer}/clear-bed"), format!("/v1/printers/{printer}/undo-clear-bed"));
    farm.post(&undo, json!({})).await.refused(409, "undo_too_late");
    farm.post(&clear, json!({"bed_use": bed_use})).await.expect(200);
    let job = farm.job(json!({})).await;
    let attempt = farm.assign(job, printer).await;
    farm.later(9_000);
    let undone = farm.post(&undo, json!({})).await.expect(200);
    assert_eq!((undone["bed"].as_str(), undone.get("attempt_id")), (Some("needs_clear"), None));
    assert_eq!((farm.record::<Job>(job).state, farm.record::<Attempt>(attempt).state.word()), (JobState::Queued, "cancelled"));
    farm.post(&clear, json!({"bed_use": bed_use})).await.refused(409, "bed_use_outdated");
    farm.post(&clear, json!({"bed_use": undone["bed_use"]})).await.expect(200);
    farm.later(10_000);
    farm.post(&undo, json!({})).await.refused(409, "undo_too_late");
    assert_eq!(farm.record::<Printer>(printer).bed, Bed::Clear);
}

#[tokio::test]
async fn a_clear_with_a_start_at_once_cannot_be_undone() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let bed_use = farm.record::<Printer>(printer).bed_use;
    farm.post(&format!("/v1/printers/{printer}/clear-bed"), json!({"bed_use": bed_use, "start_next": true})).await.expect(200);
    farm.post(&format!("/v1/printers/{printer}/undo-clear-bed"), json!({})).await.refused(409, "undo_too_late");
}

#[tokio::test]
async fn failures_in_a_row_quarantine_a_printer_and_a_success_begins_anew() {
    let floor = assigned().await;
    let mut attempt = floor.attempt;
    for (n, end) in [FAILED, FAILED, End::Completed { inferred: false }, FAILED, FAILED, FAILED].into_iter().enumerate() {
        floor.farm.start(attempt).await;
        floor.farm.write(move |tx| facts::move_attempt(tx, attempt, AttemptEvent::Ended(end), None)).await;
        assert_eq!(floor.printer().admin, if n < 5 { Admin::Enabled } else { Admin::Quarantined }, "after {n}");
        if n < 5 {
            floor.clear(floor.printer().bed_use, ClearedBy::Method).await.unwrap();
            let file = floor.farm.upload(&format!("{n}.gcode"), crate::farm::GCODE).await.json()["id"].clone();
            attempt = floor.farm.assign(floor.farm.job(json!({"file_id": file})).await, floor.printer).await;
        }
    }
    assert_eq!(floor.told(Named::PrinterQuarantined), 1);
    let path = format!("/v1/printers/{}", floor.printer);
    floor.farm.post(&format!("{path}/enable"), json!({})).await.refused(409, "illegal_state");
    floor.farm.post(&format!("{path}/start-maintenance"), json!({"note": "nozzle"})).await.expect(200);
    floor.farm.post(&format!("{path}/lift-quarantine"), json!({})).await.refused(409, "illegal_state");
    floor.farm.post(&format!("{path}/end-maintenance"), json!({})).await.expect(200);
    assert_eq!((floor.printer().admin, floor.printer().failures_in_a_row), (Admin::Enabled, 0));
}

/// Prints that file on a printer of its own and lets it end so.
async fn prints(farm: &Farm, file: &str, end: End) {
    let printer = farm.ready_printer().await;
    let job = farm.job(json!({"file_id": file, "priority": 9})).await;
    let attempt = farm.assign(job, printer).await;
    farm.start(attempt).await;
    farm.write(move |tx| facts::move_attempt(tx, attempt, AttemptEvent::Ended(end), None)).await;
}

#[tokio::test]
async fn the_same_file_failing_on_several_printers_holds_its_waiting_jobs_and_no_others() {
    let farm = Farm::new().await;
    let bad = farm.upload("bad.gcode", crate::farm::GCODE).await.expect(201)["id"].as_str().unwrap().to_owned();
    let (waiting, other) = (farm.job(json!({"file_id": bad})).await, farm.job(json!({})).await);
    prints(&farm, &bad, FAILED).await;
    assert_eq!(farm.record::<Job>(waiting).state, JobState::Queued);
    prints(&farm, &bad, FAILED).await;
    assert_eq!(farm.record::<Job>(waiting).state.word().name(), "held");
    assert_eq!(farm.record::<Job>(other).state, JobState::Queued);
    let held = farm.get(&format!("/v1/jobs/{waiting}")).await.expect(200);
    assert_eq!(held["hold_reason"], "same_file_failing");
}

#[tokio::test]
async fn a_file_that_printed_well_since_is_not_held_for_its_old_failures() {
    let farm = Farm::new().await;
    let file = farm.file().await;
    let waiting = farm.job(json!({"file_id": file})).await;
    for end in [FAILED, End::Completed { inferred: false }, FAILED] {
        farm.later(1000);
        prints(&farm, &file, end).await;
    }
    assert_eq!(farm.record::<Job>(waiting).state, JobState::Queued);
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_at_once() {
    let floor = assigned().await;
    for body in [json!({}), json!({"held": true}), json!({"needs_approval": true})] {
        let job = floor.farm.job(body).await;
        let done = floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({"reason": "not wanted"})).await.expect(200);
        assert_eq!((done["state"].as_str(), done["detail"].as_str()), (Some("cancelled"), Some("not wanted")));
        floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await.refused(409, "illegal_state");
    }
}

#[tokio::test]
async fn a_job_on_its_way_is_cancelled_at_once_and_goes_back_if_asked() {
    for stage in ["assigned", "sending"] {
        for (requeue, state) in [(false, "cancelled"), (true, "queued")] {
            let floor = at(stage).await;
            assert_eq!(floor.cancel(requeue).await.unwrap(), Cancelled::AtOnce);
            assert_eq!((floor.job().state.word().name(), floor.attempt().state.word()), (state, "cancelled"), "{stage}");
            assert_eq!((floor.printer().attempt_id, floor.printer().bed), (None, Bed::Clear), "{stage}");
            assert!(floor.job().cancel_requested.is_none());
        }
    }
}

#[tokio::test]
async fn a_print_is_cancelled_by_asking_its_printer_once_however_often_somebody_taps() {
    for stage in ["starting", "printing", "paused"] {
        let floor = at(stage).await;
        let Cancelled::Asked(command) = floor.cancel(true).await.unwrap() else { panic!("{stage}") };
        assert_eq!(floor.cancel(true).await.unwrap(), Cancelled::Asked(command));
        assert!(floor.job().cancel_requested.is_some() && floor.attempt().cancel_requested);
        let record: Command = floor.farm.record(command);
        assert_eq!((record.verb, record.attempt_id, record.state), (Verb::Cancel, Some(floor.attempt), CommandState::Accepted));
        floor.ends(End::Cancelled(CancelReason::Requested)).await;
        assert_eq!(
            (floor.job().state, floor.job().cancel_requested, floor.attempt().cancel_requested),
            (JobState::Queued, None, false)
        );
        assert_eq!(floor.printer().bed, Bed::NeedsClear);
    }
    let floor = at("unknown").await;
    assert_eq!(floor.cancel(false).await.unwrap_err().code.word(), "illegal_state");
}

#[tokio::test]
async fn a_cancel_that_did_not_work_is_no_longer_asked_for_and_can_be_asked_again() {
    for (path, end) in [
        (&[CommandState::Expired][..], Named::CommandExpired),
        (&[CommandState::Dispatched, CommandState::Failed], Named::CommandFailed),
        (&[CommandState::Dispatched, CommandState::Unknown], Named::CommandFailed),
    ] {
        let floor = at("printing").await;
        let Cancelled::Asked(command) = floor.cancel(false).await.unwrap() else { panic!() };
        for state in path {
            floor.command_ends(command, *state).await;
        }
        assert!(floor.job().cancel_requested.is_none() && !floor.attempt().cancel_requested);
        assert_eq!((floor.told(end), floor.attempt().state.word()), (1, "printing"));
        let Cancelled::Asked(again) = floor.cancel(false).await.unwrap() else { panic!() };
        assert_ne!(again, command);
    }
}

#[tokio::test]
async fn a_cancel_of_a_start_that_has_not_shown_yet_outlives_its_command() {
    let floor = at("starting").await;
    let Cancelled::Asked(command) = floor.cancel(false).await.unwrap() else { panic!() };
    floor.command_ends(command, CommandState::Expired).await;
    assert!(floor.attempt().cancel_requested && floor.job().cancel_requested.is_some());
}

#[tokio::test]
async fn contact_that_was_lost_makes_the_job_unknown_until_it_is_found_or_a_person_decides() {
    let floor = at("unknown").await;
    assert_eq!((floor.printer().bed, floor.told(Named::JobUnknown)), (Bed::Unknown, 1));
    let attempt = floor.attempt;
    floor.farm.write(move |tx| facts::adopt(tx, attempt, None)).await;
    assert_eq!(
        (floor.attempt().state.word(), floor.told(Named::JobRecovered), floor.told(Named::JobStarted)),
        ("printing", 1, 0)
    );
    floor.farm.post(&format!("/v1/jobs/{}/resolve", floor.job), json!({"outcome": "failed"})).await.refused(409, "illegal_state");
    for (outcome, state) in [("completed", "completed"), ("failed", "failed"), ("not_started", "cancelled")] {
        let floor = at("unknown").await;
        let path = format!("/v1/jobs/{}/resolve", floor.job);
        assert_eq!(floor.farm.post(&path, json!({"outcome": outcome})).await.expect(200)["state"], state);
        assert_eq!(floor.printer().bed, Bed::NeedsClear);
    }
}

#[tokio::test]
async fn a_printer_that_is_taken_out_gives_back_what_it_has_not_begun_and_finishes_what_it_has() {
    let floor = at("sending").await;
    floor.farm.post(&format!("/v1/printers/{}/disable", floor.printer), json!({"note": "broken"})).await.expect(200);
    assert_eq!((floor.job().state, floor.printer().attempt_id, floor.printer().admin), (JobState::Queued, None, Admin::Disabled));
    let floor = at("printing").await;
    floor.farm.post(&format!("/v1/printers/{}/start-maintenance", floor.printer), json!({})).await.expect(200);
    assert_eq!((floor.job().state.word().name(), floor.printer().attempt_id), ("printing", Some(floor.attempt)));
}

#[tokio::test]
async fn stop_all_stops_what_can_be_stopped_and_says_what_cannot() {
    let floor = at("printing").await;
    let lost = floor.farm.ready_printer().await;
    let unknown = floor.farm.job(json!({})).await;
    let attempt = floor.farm.assign(unknown, lost).await;
    floor.farm.start(attempt).await;
    let gone = AttemptEvent::Lost(UnknownReason::ContactLost);
    floor.farm.write(move |tx| facts::move_attempt(tx, attempt, gone, None)).await;
    let path = format!("/v1/farms/{}/stop-all", floor.farm.door.home().farm_id);
    let results = floor.farm.post(&path, json!({})).await.expect(200)["results"].clone();
    let of = |id: JobId| results.as_array().unwrap().iter().find(|result| result["id"] == id.to_string()).unwrap().clone();
    assert_eq!((&of(floor.job)["ok"], &of(unknown)["problem"]["code"]), (&json!(true), &json!("illegal_state")));
    assert!(floor.job().cancel_requested.is_some());
    let farm: FarmRecord = floor.farm.record(floor.farm.door.home().farm_id);
    assert_eq!(farm.dispatch, Dispatch::Stop);
}

#[tokio::test]
async fn an_act_is_answered_when_its_outcome_comes_or_when_the_caller_waits_no_longer() {
    let floor = at("printing").await;
    let path = format!("/v1/printers/{}/pause", floor.printer);
    let post =
        async |prefer: &str| floor.farm.call_as(&floor.farm.key, http::Method::POST, &path, None, &[("prefer", prefer)]).await;
    assert_eq!(post("wait=0").await.expect(202)["state"], "accepted");
    let mut head = floor.farm.door.store.head();
    head.mark_unchanged();
    let (done, ()) = tokio::join!(post("respond-async, wait=60"), async {
        head.changed().await.unwrap();
        let commands = floor.farm.door.store.read(|rows| rows.all::<Command>()).unwrap();
        for command in commands.iter().map(|row| row.record.id) {
            floor.command_ends(command, CommandState::Dispatched).await;
            floor.command_ends(command, CommandState::Completed).await;
        }
    });
    assert_eq!(done.expect(200)["state"], "completed");
}

#[tokio::test]
async fn a_thing_is_left_out_only_of_a_print_that_runs_and_never_the_last() {
    let object = |id: &str, skipped| PrintObject { id: id.to_owned(), name: id.to_owned(), skipped, printing: false };
    for (stage, status) in [("starting", 409), ("printing", 200), ("paused", 200)] {
        let floor = at(stage).await;
        *floor.farm.floor.objects.lock().unwrap() = vec![object("A", false), object("B", true), object("C", false)];
        let path = format!("/v1/printers/{}/skip-object", floor.printer().id);
        let listed = floor.farm.get(&path.replace("skip-object", "objects")).await.expect(200);
        assert_eq!(listed["items"][1], json!({"id": "B", "name": "B", "skipped": true, "printing": false}));
        let wait = [("prefer", "wait=0")];
        let asked = floor.farm.call_as(&floor.farm.key, http::Method::POST, &path, Some(json!({"object": "A"})), &wait).await;
        if status == 409 {
            asked.refused(409, "illegal_state");
            continue;
        }
        assert!([200, 202].contains(&asked.status));
        let command: Command = floor.farm.record(asked.json()["id"].as_str().unwrap().parse().unwrap());
        assert_eq!(
            (command.verb, command.object.as_deref(), command.attempt_id),
            (Verb::SkipObject, Some("A"), Some(floor.attempt))
        );
        floor.farm.post(&path, json!({"object": "B"})).await.refused(409, "illegal_state");
        let problem = floor.farm.post(&path, json!({"object": "D"})).await.refused(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/object");
        *floor.farm.floor.objects.lock().unwrap() = vec![object("A", true), object("C", false)];
        let last = floor.farm.post(&path, json!({"object": "C"})).await.refused(409, "illegal_state");
        assert!(last["detail"].as_str().unwrap().contains("cancel the print"));
    }
}
