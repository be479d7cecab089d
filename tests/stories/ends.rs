//! How prints end, and how they do not begin: each in its own words, and the queue goes on.

use gantry_tests::counterpart::{Counterpart, Door, Simulated};
use gantry_tests::floor::Floor;
use gantry_tests::proxy::Proxy;
use serde_json::{Value, json};
use simulators::octoprint::door::Person;
use simulators::octoprint::settings::Faults;

/// State and reason of a job.
fn ended(job: &Value) -> (&str, &str) {
    let word = |field: &str| job.get(field).and_then(Value::as_str);
    let reason = word("cancel_reason").or(word("failure_reason")).or(word("unknown_reason"));
    (word("state").unwrap_or_default(), reason.unwrap_or_default())
}

#[tokio::test]
async fn a_cancel_by_us_a_cancel_at_the_screen_a_failure_and_a_lost_contact_are_four_different_results() {
    let mut floor = Floor::<Simulated>::start().await;
    let mut events = floor.farm.events().await;

    let job = floor.printing(600).await;
    floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({"reason": "not needed any more"})).await;
    events.event("job.cancelled", &job).await;
    assert_eq!(ended(&floor.farm.job(&job).await), ("cancelled", "requested"));

    let job = floor.printing(600).await;
    floor.machine.person(Person::Cancel);
    events.event("job.cancelled", &job).await;
    assert_eq!(ended(&floor.farm.job(&job).await), ("cancelled", "at_printer"));

    let job = floor.printing(600).await;
    floor.proxy.cut();
    events.event("job.unknown", &job).await;
    assert_eq!(ended(&floor.farm.job(&job).await), ("unknown", "contact_lost"));
    assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "unknown");
    floor.proxy.mend();
    events.event("job.recovered", &job).await;
    floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await;
    events.event("job.cancelled", &job).await;

    let job = floor.printing(600).await;
    floor.machine.person(Person::FirmwareError { error: "Thermal Runaway, system stopped! Heater_ID: 0".into() });
    events.event("job.failed", &job).await;
    let failed = floor.farm.job(&job).await;
    assert_eq!(ended(&failed), ("failed", "printer_error"));
    assert!(failed["detail"].as_str().is_some_and(|detail| detail.contains("Thermal Runaway")), "{failed}");
    assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
    floor.nothing_was_started_twice().await;
}

#[tokio::test]
async fn a_start_that_is_accepted_and_never_shows_has_failed_and_the_queue_goes_on_elsewhere() {
    let mut floor = Floor::<Simulated>::start().await;
    floor.machine.faults(Faults { ignore_starts: true, ..Faults::default() });
    floor.clear().await;
    let job = floor.queue(1).await;
    let failed = floor.farm.job_until(&job, "failed").await;
    assert_eq!(ended(&failed), ("failed", "start_not_seen"));
    assert_eq!(floor.farm.printer(&floor.printer).await["bed"], "needs_clear");
    assert!(floor.farm.told_of(failed["attempt_id"].as_str().unwrap()).await.contains(&"attempt.failed".to_owned()));

    let other = Simulated::start().await;
    let second = floor.farm.add_printer("P02", &other.door()).await;
    floor.farm.printer_until(&second, "connection", "online").await;
    floor.farm.clear(&second, true).await;
    let next = floor.queue(1).await;
    let completed = floor.farm.job_until(&next, "completed").await;
    assert_eq!(completed["printer_id"], second);
    floor.nothing_was_started_twice().await;
}

#[tokio::test]
async fn a_printer_that_refuses_starts_gives_the_clear_back_and_the_attempt_fails_after_three() {
    let mut floor = Floor::<Simulated>::start().await;
    floor.machine.faults(Faults { refuse_starts: Some(409), ..Faults::default() });
    floor.clear().await;
    let job = floor.queue(1).await;
    let given_back = |printer: &Value| printer["bed"] == "clear" && printer["attempt_id"].is_string();
    floor.farm.until(&format!("/v1/printers/{}", floor.printer), "a clear given back", given_back).await;
    let failed = floor.farm.job_until(&job, "failed").await;
    assert_eq!(ended(&failed), ("failed", "start_refused"));
    assert_eq!(floor.proxy.starts(), [3], "refused starts may be tried again, a bounded number of times");
    assert_eq!(floor.machine.begun().await, 0);
}

#[tokio::test]
async fn an_upload_that_is_cut_in_the_middle_is_brought_again_and_started_once() {
    let mut floor = Floor::<Simulated>::start().await;
    floor.machine.faults(Faults { cut_uploads_after: Some(300), ..Faults::default() });
    floor.clear().await;
    let mut events = floor.farm.events().await;
    let job = floor.queue(1).await;
    events.event("job.assigned", &job).await;
    gantry_tests::until_it_holds("an upload that broke", async || floor.proxy.hang_ups() > 0).await;
    floor.machine.faults(Faults::default());
    events.event("job.completed", &job).await;
    assert_eq!(floor.proxy.starts(), [1]);
    assert_eq!(floor.machine.begun().await, 1);
    assert_eq!(floor.farm.job(&job).await["attempts"], 1);
}

#[tokio::test]
async fn a_foreign_print_is_shown_blocks_the_printer_is_never_touched_and_leaves_the_bed_to_be_cleared() {
    let mut floor = Floor::<Simulated>::start().await;
    floor.farm.clear(&floor.printer, false).await;
    let mut events = floor.farm.events().await;
    floor.machine.person(Person::Start { file: "benchy.gco".into() });
    let seen = events.event("printer.foreign_print", &floor.printer).await;
    assert_eq!(seen["actor"]["kind"], "farm");
    let printer = floor.farm.printer(&floor.printer).await;
    assert!(printer["foreign"]["file"].as_str().is_some_and(|file| file.contains("benchy")), "{printer}");
    assert_eq!(printer["bed"], "needs_clear", "the clear was used up by it");

    let job = floor.queue(1).await;
    let why = floor.farm.get(&format!("/v1/jobs/{job}/why")).await;
    assert!(why["printers"][0]["reasons"].as_array().unwrap().iter().any(|reason| reason["code"] == "foreign_print"), "{why}");
    for act in ["pause", "cancel"] {
        let path = format!("/v1/printers/{}/{act}", floor.printer);
        let body = (act == "cancel").then(|| json!({}));
        let refused = floor.farm.call(reqwest::Method::POST, &path, body).await;
        assert_eq!(refused.status, 409, "{act}: {}", refused.body);
    }
    let stopped = floor.farm.record().await["id"].as_str().unwrap().to_owned();
    floor.farm.verb(&format!("/v1/farms/{stopped}/stop-all")).await;
    assert_eq!(floor.machine.counters().await.prints_cancelled, 0, "it is not ours to cancel");
    floor.farm.post(&format!("/v1/farms/{stopped}/dispatch"), json!({"dispatch": "run"})).await;

    floor.machine.person(Person::Cancel);
    events.event("printer.needs_clear", &floor.printer).await;
    let after = floor.farm.printer(&floor.printer).await;
    assert_eq!((&after["bed"], after.get("foreign")), (&json!("needs_clear"), None));
    floor.clear().await;
    floor.farm.job_until(&job, "completed").await;
    assert_eq!(floor.proxy.starts(), [1]);
}

#[tokio::test]
async fn who_is_not_there_or_not_right_is_told_in_a_plain_sentence() {
    let octoprint = Simulated::start().await;
    let farm = gantry_tests::farm::Farm::start().await;
    let Door { url, key } = octoprint.door();
    let gone = Proxy::to(&url).await.url.clone();
    let cases = [
        ("wrong key", url.clone(), "0000000000000000", "refuses the key. Enter the right one in the printer's settings"),
        ("nobody there", gone, key.as_str(), "Check the address, the power and the network"),
        ("something else there", farm.url.clone(), key.as_str(), "Check the address and the driver"),
    ];
    for (name, url, key, sentence) in cases {
        let link = json!({"driver": "octoprint", "address": url, "credential": key});
        let tested = farm.call(reqwest::Method::POST, "/v1/printers/test-connection", Some(link)).await;
        assert_eq!(&tested.body["code"], "connection_failed", "{name}: {}", tested.body);
        let detail = tested.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(sentence) && !detail.contains(key), "{name}: {detail}");

        let printer = farm.add_printer(name, &Door { url, key: key.to_owned() }).await;
        let shows = |printer: &Value| printer["connection_problem"].as_str().is_some_and(|problem| problem.contains(sentence));
        farm.until(&format!("/v1/printers/{printer}"), sentence, shows).await;
        farm.printer_until(&printer, "connection", "offline").await;
    }
    let link = json!({"driver": "octoprint", "address": url, "credential": key});
    let found = farm.post("/v1/printers/test-connection", link).await;
    assert!(found["firmware"].as_str().is_some_and(|firmware| firmware.starts_with("OctoPrint")), "{found}");
}
