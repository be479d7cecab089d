//! The agent is killed at every row of the kill table. The printer is a real OctoPrint.

use gantry_tests::kill_table;

use crate::octoprint::OctoPrint;

#[tokio::test]
async fn killed_while_sending_the_same_attempt_goes_on() {
    kill_table::sending::<OctoPrint>().await;
}

#[tokio::test]
async fn killed_with_the_act_written_and_the_printer_untouched_a_person_resolves_in_one_call() {
    kill_table::act_written::<OctoPrint>().await;
}

#[tokio::test]
async fn killed_before_the_answer_to_the_start_the_print_is_adopted_and_not_started_again() {
    kill_table::start_answer_lost::<OctoPrint>().await;
}

#[tokio::test]
async fn killed_while_printing_the_print_is_adopted_and_nothing_else_is_told() {
    kill_table::printing::<OctoPrint>().await;
}

#[tokio::test]
async fn killed_while_printing_and_ended_meanwhile_the_printers_history_is_believed() {
    kill_table::ended_meanwhile::<OctoPrint>().await;
}

#[tokio::test]
async fn killed_while_printing_and_octoprint_killed_too_nobody_knows() {
    kill_table::printer_died_too::<OctoPrint>().await;
}
