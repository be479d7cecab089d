//! The stories of one printer, told of simulated PrusaLinks: in a printer, whose screen keeps an end, and on a Raspberry
//! Pi, which forgets it.

use gantry_tests::floor::Floor;
use gantry_tests::prusalink::{InPrinter, OnPi};
use gantry_tests::{kill_table, whole_way};
use serde_json::{Value, json};
use simulators::prusalink::door::Person;
use simulators::prusalink::settings::Faults;

#[tokio::test]
async fn a_file_is_printed_and_the_next_job_waits_for_the_bed() {
    whole_way::two_jobs::<InPrinter>().await;
}

#[tokio::test]
async fn the_same_on_a_pi() {
    whole_way::two_jobs::<OnPi>().await;
}

#[tokio::test]
async fn killed_while_sending_the_same_attempt_goes_on() {
    kill_table::sending::<InPrinter>().await;
}

#[tokio::test]
async fn killed_with_the_act_written_and_the_printer_untouched_a_person_resolves_in_one_call() {
    kill_table::act_written::<InPrinter>().await;
}

#[tokio::test]
async fn killed_before_the_answer_to_the_start_the_print_is_adopted_and_not_started_again() {
    kill_table::start_answer_lost::<InPrinter>().await;
}

#[tokio::test]
async fn killed_while_printing_the_print_is_adopted_and_nothing_else_is_told() {
    kill_table::printing::<OnPi>().await;
}

#[tokio::test]
async fn killed_while_printing_and_ended_meanwhile_the_printers_last_job_is_a_proof() {
    kill_table::ended_meanwhile::<InPrinter>().await;
}

#[tokio::test]
async fn killed_while_printing_and_the_printer_killed_too_nobody_knows() {
    kill_table::printer_died_too::<InPrinter>().await;
}

#[tokio::test]
async fn a_question_on_the_screen_pauses_the_job_until_a_person_answers() {
    let mut floor = Floor::<InPrinter>::start().await;
    let job = floor.printing(3).await;
    floor.machine.person(Person::Ask);
    floor.farm.printer_until(&floor.printer, "activity", "attention").await;
    let paused = floor.farm.job_until(&job, "paused").await;
    assert_eq!(paused["pause_reason"], "prompt");
    floor.machine.person(Person::Answer);
    floor.farm.job_until(&job, "completed").await;
}

#[tokio::test]
async fn a_drive_that_was_pulled_is_named_and_the_queue_waits_for_it() {
    let mut floor = Floor::<InPrinter>::start().await;
    floor.machine.person(Person::PullDrive);
    floor.clear().await;
    let job = floor.queue(1).await;
    // The drive is missed at the first file.
    let failed = floor.farm.job_until(&job, "failed").await;
    assert_eq!(failed["failure_reason"], "storage_full");
    let said = failed["detail"].as_str().unwrap_or_default();
    assert!(said.contains("Missing USB drive") && said.contains("look at the USB drive"), "{failed}");
    let shown = |printer: &Value| printer["fault"]["text"] == "no USB drive is in the printer: put one in";
    let place = format!("/v1/printers/{}", floor.printer);
    floor.farm.until(&place, "a printer that names its missing drive", shown).await;
    let next = floor.queue(1).await;
    floor.machine.person(Person::PutDrive);
    floor.farm.job_until(&next, "completed").await;
}

#[tokio::test]
async fn a_conflict_after_the_last_byte_costs_no_second_upload() {
    let mut floor = Floor::<InPrinter>::start().await;
    floor.machine.faults(Faults { refuse_stored: Some(409), ..Faults::default() });
    floor.clear().await;
    let job = floor.queue(1).await;
    floor.farm.job_until(&job, "completed").await;
    assert_eq!(floor.machine.uploads().await, 1);
}

#[tokio::test]
async fn a_test_of_the_connection_says_what_is_wrong_in_words() {
    let floor = Floor::<InPrinter>::start().await;
    let url = &floor.proxy.url;
    for (driver, credential, sentence) in [
        ("prusalink", "wrong", "refuses the key. Enter the right one in the printer's settings"),
        ("octoprint", "Key4Printer5678", "is not OctoPrint"),
    ] {
        let link = json!({"driver": driver, "address": url, "credential": credential});
        let tested = floor.farm.call(reqwest::Method::POST, "/v1/printers/test-connection", Some(link)).await;
        assert!(tested.body["detail"].as_str().is_some_and(|detail| detail.contains(sentence)), "{}", tested.body);
    }
    let as_password = json!({"driver": "prusalink", "address": url, "credential": "maker:Key4Printer5678"});
    let found = floor.farm.post("/v1/printers/test-connection", as_password).await;
    assert_eq!(found["firmware"], "PrusaLink");
}
