//! The agent is killed at every row of the kill table, and started again on what it left. Whatever the
//! moment: no attempt is started twice, and what is not known is said to be not known.

use serde_json::{Value, json};

use crate::counterpart::Counterpart;
use crate::farm::types;
use crate::floor::Floor;
use crate::proxy::Lost;
use crate::rounds;

/// Killed while the file is on its way: the same attempt goes on.
///
/// # Panics
/// When it does not hold.
pub async fn sending<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        floor.proxy.lose(Lost::Uploads);
        floor.clear().await;
        let job = floor.queue(2).await;
        floor.proxy.has_lost().await;
        let before = floor.farm.job(&job).await;
        floor.farm.kill9().await;
        assert_eq!(before["state"], "sending");

        floor.proxy.lose(Lost::Nothing);
        floor.farm.start_again().await;
        let after = floor.farm.job_until(&job, "completed").await;
        assert_eq!(after["attempt_id"], before["attempt_id"]);
        floor.nothing_was_started_twice().await;
    }
    assert_eq!(floor.proxy.starts().len(), rounds());
}

/// Killed with the act written and the printer not touched: nobody can know that, so a person says it.
///
/// # Panics
/// When it does not hold.
pub async fn act_written<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        floor.proxy.lose(Lost::Starts);
        floor.clear().await;
        let job = floor.queue(2).await;
        floor.proxy.has_lost().await;
        floor.farm.kill9().await;

        floor.proxy.lose(Lost::Nothing);
        floor.farm.start_again().await;
        let unknown = floor.farm.job_until(&job, "unknown").await;
        assert_eq!(unknown["unknown_reason"], "start_unproven");
        let resolved = floor.resolve(&job, "not_started").await;
        assert_eq!((&resolved["state"], &resolved["cancel_reason"]), (&"cancelled".into(), &"not_started".into()));
        assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
        assert!(floor.proxy.starts().is_empty(), "it was started after all");
        floor.nothing_was_started_twice().await;
    }
}

/// Killed when the printer has started and its answer is lost: the print is found, and is ours.
///
/// # Panics
/// When it does not hold.
pub async fn start_answer_lost<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        floor.proxy.lose(Lost::StartAnswers);
        floor.clear().await;
        let job = floor.queue(LONG).await;
        floor.proxy.has_lost().await;
        floor.farm.kill9().await;

        floor.proxy.lose(Lost::Nothing);
        floor.farm.start_again().await;
        recovered(&floor, &job).await;
        cancelled(&floor, &job).await;
        let told = floor.farm.told_of(&job).await;
        let count = |event: &str| told.iter().filter(|told| *told == event).count();
        // The print may have shown itself in the moment before the kill.
        assert!(count("job.started") <= 1, "{told:?}");
        assert_eq!((count("job.recovered"), count("job.unknown")), (1, 0), "{told:?}");
        floor.nothing_was_started_twice().await;
    }
    assert_eq!(floor.proxy.starts().len(), rounds());
}

/// Killed while it prints: the print is adopted, and that is all that is told.
///
/// # Panics
/// When it does not hold.
pub async fn printing<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        let job = floor.printing(LONG).await;
        let known = floor.farm.whole_log().await.len();
        floor.farm.kill9().await;

        floor.farm.start_again().await;
        recovered(&floor, &job).await;
        floor.farm.printer_until(&floor.printer, "connection", "online").await;
        let log = floor.farm.whole_log().await;
        let mut told = types(log.get(known..).unwrap_or_default());
        // Only the printer's record tells that it was not heard for a moment.
        told.retain(|event| event != "printer.updated");
        assert_eq!(told, ["job.recovered"]);

        cancelled(&floor, &job).await;
        let told = floor.farm.told_of(&job).await;
        assert_eq!(told.iter().filter(|event| *event == "job.recovered").count(), 1, "{told:?}");
        floor.nothing_was_started_twice().await;
    }
    assert_eq!(floor.proxy.starts().len(), rounds());
}

/// Longer than any restart takes.
const LONG: u32 = 120;

async fn recovered<C: Counterpart>(floor: &Floor<C>, job: &str) {
    floor.farm.until_told("job.recovered", job).await;
    assert_eq!(floor.farm.job(job).await["state"], "printing");
}

async fn cancelled<C: Counterpart>(floor: &Floor<C>, job: &str) {
    floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await;
    floor.farm.job_until(job, "cancelled").await;
}

/// Killed while it prints, and the print ends meanwhile: the printer's history says how.
///
/// # Panics
/// When it does not hold.
pub async fn ended_meanwhile<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        let job = floor.printing(5).await;
        floor.farm.kill9().await;
        floor.machine.idle().await;

        floor.farm.start_again().await;
        let completed = floor.farm.job_until(&job, "completed").await;
        assert_eq!(completed.get("inferred"), None, "the history is a proof: {completed}");
        assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
        floor.nothing_was_started_twice().await;
    }
}

/// Killed while it prints, and the printer dies too: nobody knows how far it came.
///
/// # Panics
/// When it does not hold.
pub async fn printer_died_too<C: Counterpart>() {
    let mut floor = Floor::<C>::start().await;
    for _ in 0..rounds() {
        let job = floor.printing(60).await;
        floor.farm.kill9().await;
        floor.machine.die_and_come_back().await;

        floor.farm.start_again().await;
        let unknown = floor.farm.job_until(&job, "unknown").await;
        assert_eq!(unknown["unknown_reason"], "end_unproven");
        assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "unknown");
        let refused: Value = floor.resolve(&job, "failed").await;
        assert_eq!(refused["failure_reason"], "judged");
        floor.nothing_was_started_twice().await;
    }
}
