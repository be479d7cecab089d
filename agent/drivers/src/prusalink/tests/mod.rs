//! What the core does, told by answers: those of a Raspberry Pi as PrusaLink 0.8.1 gives them, those of a
//! printer as its firmware's source has them.

mod bench;
mod ends;
mod parsers;
mod sending;

use bench::*;
use domain::attempt::{PauseReason, Token};
use domain::printer::{Activity, Control};
use serde_json::json;

use crate::contract::{ActProblem, LinkProblem, Order, Report};
use crate::web::NoAnswer;

// Link.

#[test]
fn a_printer_is_heard_with_all_that_it_shows() {
    let mut bench = Bench::new();
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/v1/storage", 200, USB);
    let mut status = printing(17, 40.0);
    status["printer"]["temp_nozzle"] = json!("214.5");
    bench.reply("GET /api/v1/status", 200, &status.to_string());
    bench.reply("GET /api/v1/job", 200, &job(17, OURS));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.control, seen.fault), (Activity::Printing, Control::Ok, None));
    assert_eq!(seen.print.unwrap().token, Some(token()));
    assert!((seen.telemetry.nozzles[0].actual_celsius - 214.5).abs() < 1e-9, "numbers may come as texts");
    assert_eq!((seen.telemetry.progress, seen.telemetry.remaining_seconds), (Some(0.4), Some(600)));
    assert_eq!(seen.firmware.as_deref(), Some("PrusaLink"));
}

#[test]
fn a_pi_tells_its_firmware_and_the_room_on_its_card() {
    let bench = Bench::on_a_pi();
    let seen = bench.heard();
    assert_eq!(seen.firmware.as_deref(), Some("PrusaLink 0.8.1, firmware 3.14.0-8094"));
    assert_eq!(seen.free_bytes, Some(4096));
}

#[test]
fn a_state_without_temperatures_is_a_state() {
    let mut bench = Bench::up();
    bench.shows(&json!({"printer": {"state": "IDLE"}}));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.telemetry.nozzles.len(), seen.telemetry.bed), (Activity::Idle, 0, None));
}

#[test]
fn a_key_that_is_refused_is_tried_as_a_password_and_then_told_as_wrong_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.shown("x-api-key").as_deref(), Some("secret"));
    bench.reply("GET /api/version", 403, "Bad X-Api-Key.");
    assert_eq!((bench.shown("x-api-key"), bench.shown("authorization")), (None, None));
    bench.challenge("GET /api/version", false);
    assert!(bench.shown("authorization").unwrap().starts_with("Digest username=\"maker\""));
    bench.challenge("GET /api/version", false);
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::WrongCredential { .. })]));
    bench.pass(59_000);
    assert!(bench.open.is_empty());
    bench.pass(1_000);
    assert_eq!(bench.shown("x-api-key").as_deref(), Some("secret"), "it may be the key by now");
}

#[test]
fn a_nonce_that_ran_out_is_renewed_at_once_and_is_no_wrong_password() {
    let mut bench = Bench::with_password();
    bench.pass(5_000);
    bench.challenge("GET /api/v1/status", true);
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    assert_eq!(bench.heard().activity, Activity::Idle);
    bench.pass(5_000);
    for _ in 0..3 {
        bench.challenge("GET /api/v1/status", true);
    }
    bench.challenge("GET /api/v1/status", true);
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::WrongCredential { .. })), "but not for ever");
}

#[test]
fn something_else_at_the_address_is_named() {
    for (status, body, found) in [
        (200, r#"{"api": "0.1", "server": "1.11.8", "text": "OctoPrint 1.11.8"}"#, "OctoPrint 1.11.8"),
        (200, r#"{"text": "PrusaLink"}"#, "a PrusaLink that is too old: update the printer's firmware"),
        (404, "<html>", "it answers HTTP 404 to /api/version"),
    ] {
        let mut bench = Bench::new();
        bench.reply("GET /api/version", status, body);
        let Some(Report::Lost(LinkProblem::OtherKind { found: named, .. })) = bench.reports.first() else { panic!("{found}") };
        assert_eq!(named, found);
    }
}

#[test]
fn an_unreachable_server_is_tried_again_after_growing_pauses_up_to_fifteen_seconds() {
    let mut bench = Bench::new();
    for pause in [1, 2, 4, 8, 15, 15] {
        bench.no_reply("GET /api/version", NoAnswer::Unreachable("connection refused".to_owned()));
        bench.pass(pause * 1000 - 1);
        assert!(bench.open.is_empty(), "before {pause}");
        bench.pass(1);
    }
    assert_eq!(bench.reports.len(), 1);
}

#[test]
fn a_link_may_miss_two_questions_and_is_down_at_the_third() {
    let mut bench = Bench::up();
    for missed in 1..=3 {
        bench.pass(5_000);
        assert!(bench.reports.is_empty(), "at {missed}");
        bench.no_reply("GET /api/v1/status", NoAnswer::Silent);
    }
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::Silent { .. })));
}

#[test]
fn an_idle_printer_is_asked_each_five_seconds_and_one_with_a_job_each_two() {
    let mut bench = Bench::up();
    bench.pass(4_999);
    assert!(bench.open.is_empty());
    bench.pass(1);
    bench.shows_print(&printing(3, 1.0), 3, "benchy.gcode");
    bench.pass(1_999);
    assert!(bench.open.is_empty());
    bench.pass(1);
    assert!(bench.is_asked("GET /api/v1/status"));
}

#[test]
fn only_one_question_is_under_way_at_any_time() {
    let mut bench = Bench::printing();
    bench.order(Order::Recall { token: Token::new([9; 10]) });
    bench.order(Order::Pause { command: command(), token: token() });
    bench.order(Order::Tidy { token: Token::new([9; 10]) });
    bench.pass(60_000);
    assert_eq!(bench.open.len(), 1, "{:?}", bench.open);
}

#[test]
fn what_waits_when_the_link_goes_down_is_not_done_later() {
    let mut bench = Bench::printing();
    for _ in 0..2 {
        bench.pass(2_000);
        bench.no_reply("GET /api/v1/status", NoAnswer::Silent);
    }
    bench.pass(2_000);
    bench.order(Order::Cancel { command: Some(command()), token: token() });
    bench.no_reply("GET /api/v1/status", NoAnswer::Silent);
    assert!(bench.reports.contains(&Report::Acted { command: command(), outcome: Err(ActProblem::NoLink) }));
    bench.pass(1_000);
    assert_eq!(bench.open.len(), 1, "{:?}", bench.open);
    assert!(bench.is_asked("GET /api/version"));
}

// What it shows.

#[test]
fn a_foreign_print_is_shown_and_is_nobodys() {
    let mut bench = Bench::up();
    bench.shows_print(&printing(3, 50.0), 3, "benchy.gcode");
    assert_eq!(bench.heard().print.unwrap().token, None);
    bench.shows(&state("FINISHED"));
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
}

#[test]
fn a_state_and_a_job_of_two_moments_are_no_picture() {
    let mut bench = Bench::up();
    bench.pass(5_000);
    bench.reply("GET /api/v1/status", 200, &printing(17, 1.0).to_string());
    bench.reply("GET /api/v1/job", 200, &job(18, OURS));
    assert!(bench.reports.is_empty());
    bench.pass(5_000);
    bench.reply("GET /api/v1/status", 200, &printing(18, 1.0).to_string());
    bench.reply("GET /api/v1/job", 200, &job(18, OURS));
    assert_eq!(bench.heard().print.unwrap().token, Some(token()));
}

#[test]
fn a_question_on_the_screen_is_attention_and_the_print_waits_for_a_person() {
    let mut bench = Bench::up();
    let mut status = printing(17, 40.0);
    status["printer"]["state"] = json!("ATTENTION");
    bench.shows_print(&status, 17, OURS);
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print.unwrap().paused), (Activity::Attention, Some(PauseReason::Prompt)));
}

#[test]
fn a_fault_of_the_printer_is_told_in_its_own_words_if_it_has_some() {
    let mut bench = Bench::up();
    bench.shows(&state("ERROR"));
    assert_eq!(bench.heard().fault.unwrap().text, "the printer reports an error: look at its screen");
    let mut status = state("ERROR");
    status["printer"]["status_printer"] = json!({"ok": false, "message": "Serial device does not exist"});
    bench.shows(&status);
    assert_eq!(bench.heard().fault.unwrap().text, "Serial device does not exist");
}

#[test]
fn a_storage_that_is_missing_or_locked_is_a_fault_in_plain_words_until_it_is_back() {
    for (storages, said) in [
        (json!([{"path": "/usb/", "available": false}]), "no USB drive is in the printer: put one in"),
        (json!([{"path": "/usb/", "read_only": true}]), "the USB drive in the printer cannot be written: put another one in"),
        (
            json!([{"path": "/sdcard", "read_only": true, "available": true}, {"path": "/local", "available": false}]),
            "PrusaLink has only a storage that cannot be written",
        ),
        (json!([]), "PrusaLink has no storage for files: look at its page, Storage"),
    ] {
        let mut bench = Bench::new();
        bench.reply("GET /api/version", 200, VERSION);
        bench.reply("GET /api/v1/storage", 200, &json!({ "storage_list": storages }).to_string());
        bench.shows(&idle());
        assert_eq!(bench.heard().fault.unwrap().text, said);
        bench.order(start());
        assert!(matches!(bench.last(), Report::StartRefused { .. }));
        for _ in 0..6 {
            bench.pass(5_000);
            bench.shows(&idle());
        }
        bench.reply("GET /api/v1/storage", 200, USB);
        bench.shows(&idle());
        assert_eq!(bench.heard().fault, None);
    }
}

#[test]
fn an_unknown_word_for_the_state_is_busy_and_starts_nothing() {
    let mut bench = Bench::up();
    bench.shows(&state("CALIBRATING"));
    assert_eq!(bench.heard().activity, Activity::Busy);
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &state("CALIBRATING").to_string());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
}

#[test]
fn a_finish_that_a_pi_shows_for_seconds_is_no_moment_to_start() {
    let mut bench = Bench::on_a_pi();
    bench.shows(&state("FINISHED"));
    assert_eq!(bench.heard().activity, Activity::Busy);
    let mut bench = Bench::up();
    bench.shows(&state("FINISHED"));
    assert_eq!(bench.heard().activity, Activity::Finished);
}

// Starting.

#[test]
fn a_start_looks_first_and_then_starts_the_file_of_the_token() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &state("READY").to_string());
    bench.reply(&format!("POST {FILE}"), 204, "");
    assert_eq!(bench.last(), Report::StartAccepted { attempt: attempt() });
    bench.pass(60_000);
    assert!(!bench.is_asked(&format!("POST {FILE}")));
}

#[test]
fn a_printer_that_is_busy_or_away_is_never_told_to_start() {
    for word in ["PRINTING", "PAUSED", "BUSY", "ATTENTION", "ERROR"] {
        let mut bench = Bench::up();
        bench.order(start());
        bench.reply("GET /api/v1/status", 200, &state(word).to_string());
        assert!(matches!(bench.last(), Report::StartRefused { .. }), "{word}");
        assert!(!bench.was_asked(&format!("POST {FILE}")));
    }
    let mut unanswered = Bench::up();
    unanswered.order(start());
    unanswered.no_reply("GET /api/v1/status", NoAnswer::Silent);
    let mut away = Bench::new();
    away.order(start());
    for bench in [unanswered, away] {
        assert!(matches!(bench.last(), Report::StartRefused { .. }));
        assert!(!bench.was_asked(&format!("POST {FILE}")));
    }
}

#[test]
fn a_start_that_is_refused_leaves_a_running_print_alone_and_is_looked_at_before_it_is_believed() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    bench.reply(&format!("POST {FILE}"), 409, r#"{"title": "CONFLICT", "message": "Can't print right now."}"#);
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    assert_eq!(bench.last(), Report::StartRefused { attempt: attempt(), detail: "Can't print right now.".to_owned() });

    let mut bench = Bench::up();
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    bench.reply(&format!("POST {FILE}"), 409, "409: Conflict\n\n\n");
    bench.reply("GET /api/v1/status", 200, &state("BUSY").to_string());
    assert!(matches!(bench.last(), Report::StartUnanswered { .. }), "it may have begun: {:?}", bench.last());
    assert!(bench.ends().is_empty());
}

#[test]
fn a_start_without_an_answer_is_never_sent_again() {
    for reply in [Err(NoAnswer::Silent), Err(NoAnswer::Cut("reset".to_owned())), Ok(500)] {
        let mut bench = Bench::up();
        bench.order(start());
        bench.reply("GET /api/v1/status", 200, &idle().to_string());
        match reply {
            Ok(status) => bench.reply(&format!("POST {FILE}"), status, ""),
            Err(why) => bench.no_reply(&format!("POST {FILE}"), why),
        }
        assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
        for _ in 0..10 {
            bench.shows(&idle());
            bench.pass(5_000);
        }
        assert_eq!(bench.asks.iter().filter(|ask| **ask == format!("POST {FILE}")).count(), 1);
    }
}

#[test]
fn two_start_orders_in_a_row_send_one_start() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    bench.reply(&format!("POST {FILE}"), 204, "");
    bench.pass(5_000);
    assert_eq!(bench.asks.iter().filter(|ask| **ask == format!("POST {FILE}")).count(), 1);
}

#[test]
fn a_start_whose_nonce_ran_out_has_not_reached_the_printer_and_is_made_once() {
    let mut bench = Bench::with_password();
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    bench.challenge(&format!("POST {FILE}"), true);
    bench.reply(&format!("POST {FILE}"), 204, "");
    assert_eq!(bench.last(), Report::StartAccepted { attempt: attempt() });
}

#[test]
fn an_accepted_start_that_never_becomes_a_print_ends_nothing() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply("GET /api/v1/status", 200, &idle().to_string());
    bench.reply(&format!("POST {FILE}"), 204, "");
    for _ in 0..60 {
        bench.shows(&idle());
        bench.pass(5_000);
    }
    assert!(bench.ends().is_empty());
}

// Pause, resume, cancel.

#[test]
fn acts_reach_only_the_job_that_was_just_seen_to_be_the_one_that_is_meant() {
    let acts = [
        (Order::Pause { command: command(), token: token() }, "PUT /api/v1/job/17/pause"),
        (Order::Resume { command: command(), token: token() }, "PUT /api/v1/job/17/resume"),
        (Order::Cancel { command: Some(command()), token: token() }, "DELETE /api/v1/job/17"),
    ];
    for (order, call) in acts {
        let mut bench = Bench::printing();
        bench.order(order.clone());
        bench.reply("GET /api/v1/job", 200, &job(17, OURS));
        bench.reply(call, 204, "");
        assert_eq!(bench.last(), Report::Acted { command: command(), outcome: Ok(()) });
        for (status, body) in [(204, String::new()), (200, job(18, "benchy.gcode"))] {
            let mut bench = Bench::printing();
            bench.order(order.clone());
            bench.reply("GET /api/v1/job", status, &body);
            assert_eq!(bench.last(), Report::Acted { command: command(), outcome: Err(ActProblem::NotThatPrint) });
            assert!(!bench.was_asked(call));
        }
    }
}

#[test]
fn an_act_that_is_refused_misses_its_print_is_unanswered_or_has_no_link_is_told_so() {
    let pause = Order::Pause { command: command(), token: token() };
    let told = |outcome| Report::Acted { command: command(), outcome: Err(outcome) };
    let refused = ActProblem::Refused("a print cannot be paused while the printer is PRINTING".to_owned());
    for (status, outcome) in [(409, refused), (404, ActProblem::NotThatPrint), (500, ActProblem::Unanswered)] {
        let mut bench = Bench::printing();
        bench.order(pause.clone());
        bench.reply("GET /api/v1/job", 200, &job(17, OURS));
        bench.reply("PUT /api/v1/job/17/pause", status, "");
        assert_eq!(bench.last(), told(outcome));
    }
    let mut bench = Bench::new();
    bench.order(pause);
    assert_eq!(bench.last(), told(ActProblem::NoLink));
}
