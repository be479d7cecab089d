//! The way of two jobs through one printer, as an integrator sees it: only the public API.

use domain::bed::UNDO_SECONDS;
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::counterpart::Counterpart;
use crate::floor::Floor;

/// A file is uploaded, queued, matched, sent, started and printed; the next waits for the bed.
///
/// # Panics
/// When it does not hold.
pub async fn two_jobs<C: Counterpart>() {
    let floor = Floor::<C>::start().await;
    let (farm, printer) = (&floor.farm, floor.printer.as_str());
    let file = farm.upload("coin.gcode", C::gcode(6)).await;
    let first = farm.queue(&file).await;
    let second = farm.queue(&file).await;
    let mut events = farm.events().await;
    farm.clear(printer, true).await;

    events.event("job.assigned", &first).await;
    events.event("job.started", &first).await;
    let on_its_way = |progress: &Value| progress.as_f64().is_some_and(|share| share > 0.0 && share < 1.0);
    events
        .until("progress", |message| {
            message.kind == "telemetry"
                && message.data["printer_id"] == printer
                && on_its_way(&message.data["telemetry"]["progress"])
        })
        .await;
    let completed = events.event("job.completed", &first).await;
    assert_eq!(completed["data"]["printer_id"], printer);
    assert_eq!(farm.printer(printer).await["bed"], "needs_clear");
    floor.machine_is_idle().await;

    let why = farm.get(&format!("/v1/jobs/{second}/why")).await;
    let codes: Vec<&Value> =
        why["printers"][0]["reasons"].as_array().into_iter().flatten().map(|reason| &reason["code"]).collect();
    assert_eq!(codes, [&json!("bed_not_clear")], "{why}");
    assert_eq!(why["summary"], "1 printer needs clearing.");

    farm.clear(printer, false).await;
    let undone = farm.verb(&format!("/v1/printers/{printer}/undo-clear-bed")).await;
    assert_eq!(undone["bed"], "needs_clear");
    let cleared = farm.clear(printer, false).await;
    let started = events.event("job.started", &second).await;
    let waited = time(&started["occurred_at"]).millis_since(time(&cleared["bed_token"]["given_at"]));
    assert!(waited >= UNDO_SECONDS * 1000, "started {waited} ms after the clear");
    events.event("job.completed", &second).await;
    assert_eq!(floor.proxy.starts(), [1, 1]);
    floor.nothing_was_started_twice().await;
}

fn time(value: &Value) -> Timestamp {
    serde_json::from_value(value.clone()).unwrap()
}
