//! The bed: cleared for the use that was seen, taken back within ten seconds, used up by a start.

use gantry_tests::counterpart::Simulated;
use gantry_tests::floor::Floor;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_new_printers_bed_needs_a_clear_and_can_be_cleared() {
    let floor = Floor::<Simulated>::start().await;
    assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
    let cleared = floor.farm.clear(&floor.printer, false).await;
    assert_eq!(cleared["bed"], "clear");
    assert!(floor.farm.told_of(&floor.printer).await.contains(&"printer.bed_cleared".to_owned()));
}

#[tokio::test]
async fn a_late_clear_for_an_older_attempt_is_refused() {
    let mut floor = Floor::<Simulated>::start().await;
    let first = floor.printing(1).await;
    floor.farm.job_until(&first, "completed").await;
    let seen = floor.farm.printer(&floor.printer).await["bed_use"].clone();
    let second = floor.printing(1).await;
    floor.farm.job_until(&second, "completed").await;
    floor.machine_is_idle().await;

    let late = json!({"bed_use": seen});
    let path = format!("/v1/printers/{}/clear-bed", floor.printer);
    let refused = floor.farm.call(Method::POST, &path, Some(late)).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("bed_use_outdated")));
    assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
}

#[tokio::test]
async fn nothing_starts_while_the_clear_can_be_undone() {
    let mut floor = Floor::<Simulated>::start().await;
    floor.farm.clear(&floor.printer, false).await;
    let job = floor.queue(1).await;
    // The file is brought there meanwhile: only the start waits.
    floor.farm.job_until(&job, "sending").await;
    gantry_tests::until_it_holds("the file at the printer", async || floor.machine.counters().await.uploads == 1).await;
    let undone = floor.farm.verb(&format!("/v1/printers/{}/undo-clear-bed", floor.printer)).await;
    assert_eq!(undone["bed"], "needs_clear");
    assert_eq!(floor.farm.job(&job).await["state"], "queued");

    // Longer than the window: had a start been under way, it would be seen now.
    floor.farm.clear(&floor.printer, false).await;
    let mut events = floor.farm.events().await;
    events.event("job.started", &job).await;
    assert_eq!(floor.machine.begun().await, 1);
    assert_eq!(floor.proxy.starts(), [1]);
    let late = floor.farm.call(Method::POST, &format!("/v1/printers/{}/undo-clear-bed", floor.printer), None).await;
    assert_eq!((late.status, &late.body["code"]), (409, &json!("undo_too_late")));
}
