//! What the core does, told by messages: shortened recordings of a real server (`fixtures/`), and
//! hand-written ones for what it does not do on demand.

use domain::attempt::{AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::{Activity, Control};
use domain::recovery::History;
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::core::Core;
use crate::contract::{
    ActProblem, Content, Input, LinkProblem, Observation, Order, Output, PrinterProtocol as _, Report, SendProblem, Watched,
};
use crate::web::{Answer, Ask, Body, Call, NoAnswer, Wire};

const COPY: &str = "/api/files/local/gantry/aaaaaaaaaaaaaaaa.gcode";
const CONTENT: &str = "/api/files/local/gantry/00000000000000000000000000000000.gcode";
const FOREIGN: &str = "benchy.gcode";
const VERSION: &str = include_str!("fixtures/version.json");
const CONNECTION: &str = include_str!("fixtures/connection.json");
const LOGIN: &str = include_str!("fixtures/login.json");
const PRINTING: &str = include_str!("fixtures/job_printing.json");
const FRESH: &str = include_str!("fixtures/file_fresh.json");
const DONE: &str = include_str!("fixtures/file_done.json");
const CANCELLED: &str = include_str!("fixtures/file_cancelled.json");

// Link.

#[test]
fn an_octoprint_with_a_printer_is_heard_with_all_that_it_shows() {
    let mut bench = Bench::new();
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/connection", 200, CONNECTION);
    bench.reply("GET /api/printer", 200, include_str!("fixtures/printer.json"));
    bench.reply("GET /api/files/local?recursive=false", 200, r#"{"files": [], "free": 4096, "total": 8192}"#);
    bench.reply("GET /api/job", 200, PRINTING);
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.control), (Activity::Printing, Control::Ok));
    assert_eq!(seen.print.unwrap().token, Some(token()));
    assert_eq!(seen.telemetry.nozzles.len(), 1);
    assert!((seen.telemetry.progress.unwrap() - 0.4716).abs() < 0.001);
    assert_eq!(seen.telemetry.remaining_seconds, Some(3));
    assert_eq!((seen.firmware.as_deref(), seen.free_bytes), (Some("OctoPrint 1.11.8"), Some(4096)));
}

#[test]
fn a_wrong_key_is_told_once_and_tried_again_only_each_minute() {
    let mut bench = Bench::new();
    bench.reply("GET /api/version", 403, r#"{"error": "no"}"#);
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::WrongCredential { .. })]));
    bench.pass(59_000);
    assert!(bench.open.is_empty());
    bench.pass(1_000);
    bench.reply("GET /api/version", 403, r#"{"error": "no"}"#);
    assert_eq!(bench.reports.len(), 1);
}

#[test]
fn something_else_at_the_address_is_named() {
    for (status, body, found) in [
        (200, r#"{"api": "0.1", "server": "1.5.0", "text": "OctoPrint (Moonraker v0.11.0)"}"#, "OctoPrint (Moonraker v0.11.0)"),
        (200, r#"{"api": "2.0.0", "text": "PrusaLink"}"#, "PrusaLink"),
        (404, "<html>", "it answers HTTP 404 to /api/version"),
    ] {
        let mut bench = Bench::new();
        bench.reply("GET /api/version", status, body);
        let Some(Report::Lost(LinkProblem::OtherKind { found: named, .. })) = bench.reports.first() else { panic!("{found}") };
        assert_eq!(named, found);
    }
}

#[test]
fn an_unreachable_server_is_tried_again_after_growing_pauses_up_to_thirty_seconds() {
    let mut bench = Bench::new();
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        bench.no_reply("GET /api/version", NoAnswer::Unreachable("connection refused".to_owned()));
        bench.pass(pause * 1000 - 1);
        assert!(bench.open.is_empty(), "before {pause}");
        bench.pass(1);
    }
    assert_eq!(bench.reports.len(), 1);
}

#[test]
fn a_disconnected_printer_is_lost_and_octoprint_is_asked_to_connect_it_now_and_then() {
    let mut bench = Bench::new();
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/connection", 200, r#"{"current": {"state": "Closed"}}"#);
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::PrinterDisconnected { .. })]));
    assert!(!bench.is_asked("POST /api/connection"));
    bench.pass(5_000);
    assert_eq!(bench.reply("POST /api/connection", 204, ""), json!({"command": "connect"}));
    bench.pass(29_000);
    assert!(!bench.is_asked("POST /api/connection"));
    bench.pass(1_000);
    assert!(bench.is_asked("POST /api/connection"));
}

#[test]
fn a_printer_that_went_away_over_an_error_is_not_connected_again_by_us() {
    let mut bench = Bench::up();
    bench.shows("Offline after error", None);
    bench.pass(60_000);
    assert!(!bench.is_asked("POST /api/connection"));
}

#[test]
fn a_silent_socket_makes_us_ask_and_a_dead_one_is_opened_anew() {
    let mut bench = Bench::up();
    bench.pass(9_000);
    assert!(!bench.is_asked("GET /api/job"));
    bench.pass(1_000);
    bench.reply("GET /api/job", 200, &idle());
    bench.pass(20_000);
    assert!(bench.asks.contains(&"close socket".to_owned()));
    bench.pass(1_000);
    assert!(bench.is_asked("POST /api/login"));
}

#[test]
fn without_a_socket_the_printer_is_still_heard_often_enough() {
    let mut bench = Bench::up();
    bench.pass(1_000);
    bench.wire(Wire::SocketClosed { why: "cut".to_owned() });
    for _ in 0..6 {
        bench.reports.clear();
        bench.reply("GET /api/job", 200, &idle());
        assert_eq!(bench.heard().activity, Activity::Idle);
        bench.pass(5_000);
    }
}

#[test]
fn the_farm_hears_at_most_once_a_second_unless_something_changes() {
    let mut bench = Bench::up();
    bench.pass(1_000);
    bench.reports.clear();
    for _ in 0..10 {
        bench.shows("Operational", None);
        bench.now = bench.now.plus_millis(100);
    }
    assert_eq!(bench.reports.len(), 1);
    bench.shows("Printing", Some(FOREIGN));
    assert_eq!(bench.reports.len(), 2);
}

#[test]
fn a_login_that_ran_out_is_renewed_over_the_open_socket() {
    let mut bench = Bench::up();
    bench.text(&json!({"reauthRequired": {"reason": "stale"}}));
    bench.asks.clear();
    bench.reply("POST /api/login", 200, LOGIN);
    assert_eq!(bench.asks, ["socket text"]);
}

#[test]
fn a_key_that_may_not_print_shows_as_denied_control() {
    let mut bench = Bench::up();
    bench.text(&json!({"reauthRequired": {"reason": "stale"}}));
    bench.reply("POST /api/login", 200, r#"{"name": "eve", "session": "0", "needs": {"role": ["status"]}}"#);
    bench.shows("Operational", None);
    assert_eq!(bench.heard().control, Control::Denied);
}

// What it shows.

#[test]
fn a_message_without_temperatures_keeps_the_old_ones_and_numbers_may_be_texts() {
    let mut bench = Bench::up();
    let mut current = picture("Printing", Some(FOREIGN));
    current["temps"] = json!([{"tool0": {"actual": "201.5", "target": "205"}}]);
    current["progress"] = json!({"completion": "50", "printTimeLeft": "60"});
    bench.text(&json!({"current": current}));
    bench.pass(1_000);
    bench.shows("Printing", Some(FOREIGN));
    let seen = bench.heard();
    assert!((seen.telemetry.nozzles[0].actual_celsius - 201.5).abs() < 1e-9);
}

#[test]
fn a_foreign_print_is_shown_and_is_nobodys() {
    let mut bench = Bench::up();
    bench.shows("Paused", Some(FOREIGN));
    let print = bench.heard().print.unwrap();
    assert_eq!((print.token, print.paused), (None, Some(PauseReason::User)));
    bench.shows("Operational", Some(FOREIGN));
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    assert!(!bench.is_asked_somewhere("gantry"));
}

#[test]
fn a_print_without_a_file_is_a_passing_moment_and_no_foreign_print() {
    let mut bench = Bench::printing();
    bench.shows("Printing", None);
    assert_eq!(bench.heard().print.unwrap().token, Some(token()));
}

#[test]
fn an_unknown_word_for_the_state_is_busy_and_starts_nothing() {
    let mut bench = Bench::up();
    bench.shows("Calibrating flux", None);
    assert_eq!(bench.heard().activity, Activity::Busy);
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    assert!(!bench.is_asked(&format!("POST {COPY}")));
}

// Sending.

#[test]
fn a_new_file_is_uploaded_checked_copied_and_checked_again_and_nothing_is_started() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply("POST /api/files/local", 201, "{}");
    bench.reply(&format!("GET {COPY}"), 404, "{}");
    bench.reply(&format!("GET {CONTENT}"), 404, "{}");
    bench.now = bench.now.plus_millis(1_000);
    bench.wire(Wire::Uploaded { id: bench.open_id("POST /api/files/local"), bytes: 700 });
    assert_eq!(bench.last(), Report::SendProgress { attempt: attempt(), sent_bytes: 700 });
    bench.reply("POST /api/files/local", 201, include_str!("fixtures/upload.json"));
    bench.reply(&format!("GET {CONTENT}"), 200, FRESH);
    let copied = bench.reply(&format!("POST {CONTENT}"), 201, "{}");
    assert_eq!(copied, json!({"command": "copy", "destination": "gantry/aaaaaaaaaaaaaaaa.gcode"}));
    bench.reply(&format!("GET {COPY}"), 200, FRESH);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    assert!(!bench.is_asked(&format!("POST {COPY}")));
}

#[test]
fn content_that_is_there_is_not_uploaded_again_and_a_copy_that_is_there_is_enough() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply("POST /api/files/local", 201, "{}");
    bench.reply(&format!("GET {COPY}"), 404, "{}");
    bench.reply(&format!("GET {CONTENT}"), 200, FRESH);
    bench.reply(&format!("POST {CONTENT}"), 409, r#"{"error": "File or folder does already exist"}"#);
    bench.reply(&format!("GET {COPY}"), 200, FRESH);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    bench.order(send());
    bench.reply("POST /api/files/local", 201, "{}");
    bench.reply(&format!("GET {COPY}"), 200, FRESH);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
}

#[test]
fn a_copy_cut_short_and_content_that_somebody_printed_are_made_anew() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply("POST /api/files/local", 201, "{}");
    bench.reply(&format!("GET {COPY}"), 200, r#"{"size": 12}"#);
    bench.reply(&format!("DELETE {COPY}"), 204, "");
    bench.reply(&format!("GET {CONTENT}"), 200, DONE);
    bench.reply(&format!("DELETE {CONTENT}"), 204, "");
    assert!(bench.is_asked("POST /api/files/local"));
}

#[test]
fn an_upload_cut_in_the_middle_fails_by_the_link_and_the_next_try_begins_anew() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply("POST /api/files/local", 201, "{}");
    bench.reply(&format!("GET {COPY}"), 404, "{}");
    bench.reply(&format!("GET {CONTENT}"), 404, "{}");
    bench.no_reply("POST /api/files/local", NoAnswer::Cut("reset".to_owned()));
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
    assert!(bench.open.is_empty());
    bench.order(send());
    assert!(bench.is_asked("POST /api/files/local"));
}

#[test]
fn what_hinders_a_file_is_told_apart() {
    for (reply, problem) in [
        (Ok(507), SendProblem::StorageFull),
        (Ok(415), SendProblem::Refused),
        (Ok(409), SendProblem::Link),
        (Ok(502), SendProblem::Link),
        (Err(NoAnswer::ContentMissing), SendProblem::ContentMissing),
    ] {
        let mut bench = Bench::up();
        bench.order(send());
        match reply {
            Ok(status) => drop(bench.reply("POST /api/files/local", status, "{}")),
            Err(why) => bench.no_reply("POST /api/files/local", why),
        }
        assert!(matches!(bench.last(), Report::SendFailed { problem: told, .. } if told == problem), "{problem:?}");
    }
}

#[test]
fn a_file_that_is_no_gcode_text_is_never_sent_under_that_name() {
    let mut bench = Bench::up();
    let content = Content { extension: "bgcode".to_owned(), ..content() };
    bench.order(Order::Send { attempt: attempt(), token: token(), content });
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Refused, .. }));
}

#[test]
fn a_send_that_is_stopped_is_dropped_without_a_word() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reports.clear();
    bench.order(Order::StopSending { attempt: attempt() });
    assert_eq!((bench.asks.last().map(String::as_str), bench.reports.len()), (Some("abandon"), 0));
}

#[test]
fn a_send_while_the_printer_is_away_fails_at_once() {
    let mut bench = Bench::new();
    bench.order(send());
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
}

// Starting.

#[test]
fn a_start_selects_and_prints_the_copy_and_may_take_a_minute() {
    let mut bench = Bench::up();
    bench.order(start());
    assert!(bench.find(&format!("POST {COPY}")).unwrap().deadline_ms >= 60_000);
    let body = bench.reply(&format!("POST {COPY}"), 204, "");
    assert_eq!(body, json!({"command": "select", "print": true}));
    assert_eq!(bench.last(), Report::StartAccepted { attempt: attempt() });
}

#[test]
fn a_printer_that_is_busy_stale_or_away_is_never_told_to_start() {
    let busy = Bench::showing("Printing", Some(FOREIGN));
    let paused = Bench::showing("Paused", Some(FOREIGN));
    let away = Bench::showing("Offline", None);
    let mut stale = Bench::up();
    stale.now = stale.now.plus_millis(15_001);
    for mut bench in [busy, paused, away, stale, Bench::new()] {
        bench.order(start());
        assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { .. })));
        assert!(!bench.is_asked(&format!("POST {COPY}")));
    }
}

#[test]
fn a_start_that_octoprint_refuses_is_refused_in_its_words_and_ends_nothing() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply(&format!("POST {COPY}"), 409, r#"{"error": "Printer is already printing, cannot select a new file"}"#);
    let detail = "Printer is already printing, cannot select a new file".to_owned();
    assert_eq!(bench.last(), Report::StartRefused { attempt: attempt(), detail });
    bench.shows("Printing", Some(FOREIGN));
    assert!(bench.ends().is_empty());
}

#[test]
fn a_start_without_an_answer_is_never_sent_again() {
    for reply in [Err(NoAnswer::Silent), Err(NoAnswer::Cut("reset".to_owned())), Ok(500)] {
        let mut bench = Bench::up();
        bench.order(start());
        match reply {
            Ok(status) => drop(bench.reply(&format!("POST {COPY}"), status, "")),
            Err(why) => bench.no_reply(&format!("POST {COPY}"), why),
        }
        assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
        for _ in 0..10 {
            bench.shows("Operational", None);
            bench.pass(5_000);
        }
        assert!(!bench.is_asked(&format!("POST {COPY}")));
    }
}

#[test]
fn two_start_orders_in_a_row_send_one_start() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    assert_eq!(bench.open.iter().filter(|call| call.path == COPY).count(), 1);
}

#[test]
fn an_accepted_start_that_never_becomes_a_print_ends_nothing() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply(&format!("POST {COPY}"), 204, "");
    for _ in 0..60 {
        bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
        bench.pass(1_000);
    }
    assert!(bench.ends().is_empty());
    assert_eq!(bench.heard().shown_token, Some(token()));
}

// Pause, resume, cancel.

#[test]
fn acts_name_their_action_and_reach_only_the_print_that_is_on_the_printer_at_that_moment() {
    let acts = [
        (Order::Pause { command: command(), token: token() }, json!({"command": "pause", "action": "pause"})),
        (Order::Resume { command: command(), token: token() }, json!({"command": "pause", "action": "resume"})),
        (Order::Cancel { command: Some(command()), token: token() }, json!({"command": "cancel"})),
    ];
    for (order, body) in acts {
        let mut bench = Bench::printing();
        bench.order(order.clone());
        bench.reply("GET /api/job", 200, PRINTING);
        assert_eq!(bench.reply("POST /api/job", 204, ""), body);
        assert_eq!(bench.last(), Report::Acted { command: command(), outcome: Ok(()) });
        for now_on_it in [include_str!("fixtures/job_done.json"), &picture("Printing", Some(FOREIGN)).to_string()] {
            let mut bench = Bench::printing();
            bench.order(order.clone());
            bench.reply("GET /api/job", 200, now_on_it);
            assert_eq!(bench.last(), Report::Acted { command: command(), outcome: Err(ActProblem::NotThatPrint) });
            assert!(!bench.is_asked("POST /api/job"));
        }
    }
}

#[test]
fn an_act_that_is_refused_unanswered_or_has_no_link_is_told_so() {
    let pause = Order::Pause { command: command(), token: token() };
    let told = |outcome| Report::Acted { command: command(), outcome: Err(outcome) };
    let mut bench = Bench::printing();
    bench.order(pause.clone());
    bench.reply("GET /api/job", 200, PRINTING);
    bench.reply("POST /api/job", 409, r#"{"error": "no"}"#);
    assert_eq!(bench.last(), told(ActProblem::Refused("no".to_owned())));
    bench.reply("GET /api/job", 200, PRINTING);
    bench.order(pause.clone());
    bench.reply("GET /api/job", 200, PRINTING);
    bench.no_reply("POST /api/job", NoAnswer::Silent);
    assert_eq!(bench.last(), told(ActProblem::Unanswered));
    let mut bench = Bench::new();
    bench.order(pause);
    assert_eq!(bench.last(), told(ActProblem::NoLink));
}

// Ends.

#[test]
fn a_recorded_print_ends_once_and_is_completed() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/print_done.jsonl"));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [End::Completed { inferred: false }]);
}

#[test]
fn a_recorded_cancel_at_the_machine_ends_once_as_that() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/print_cancelled.jsonl"));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::AtPrinter)]);
}

#[test]
fn a_cancel_that_we_asked_for_ends_as_requested_and_leaves_a_mark() {
    let mut bench = Bench::printing();
    bench.order(Order::Cancel { command: None, token: token() });
    bench.reply("GET /api/job", 200, PRINTING);
    assert!(bench.reports.iter().any(|report| matches!(report, Report::Mark { mark, .. } if mark == "cancel_asked")));
    bench.reply("POST /api/job", 204, "");
    bench.event("PrintCancelled", json!({}));
    bench.event("PrintFailed", json!({"reason": "cancelled"}));
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::Requested)]);
}

#[test]
fn a_repeated_cancel_that_finds_nothing_left_to_cancel_makes_no_failure_of_the_first() {
    let mut bench = Bench::printing();
    for (status, body) in [(204, ""), (409, r#"{"error": "Printer is neither printing nor paused"}"#)] {
        bench.order(Order::Cancel { command: None, token: token() });
        bench.reply("GET /api/job", 200, PRINTING);
        bench.reply("POST /api/job", status, body);
        // It looks at once what came of it.
        bench.reply("GET /api/job", 200, PRINTING);
    }
    bench.order(Order::Recall { token: token() });
    bench.reply(&format!("GET {COPY}"), 200, CANCELLED);
    assert_eq!(
        bench.last(),
        Report::History { token: token(), history: History::Ended(End::Cancelled(CancelReason::Requested)) }
    );
}

#[test]
fn a_recorded_loss_of_the_printer_fails_the_print_once_and_the_link() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/printer_lost.jsonl"));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [End::Failed(FailureReason::PrinterError)]);
    assert!(bench.reports.iter().any(|report| matches!(report, Report::Lost(LinkProblem::PrinterDisconnected { .. }))));
}

#[test]
fn a_fault_of_the_firmware_that_cancels_is_a_failure_in_its_words() {
    let mut bench = Bench::printing();
    bench.event("PrintCancelling", json!({"firmwareError": "Thermal Runaway"}));
    bench.event("PrintCancelled", json!({}));
    let end = End::Failed(FailureReason::PrinterError);
    assert_eq!(bench.last(), Report::Ended { token: token(), end, detail: Some("Thermal Runaway".to_owned()) });
}

#[test]
fn an_end_that_no_event_told_is_found_in_the_history() {
    for (history, end) in [(DONE, End::Completed { inferred: false }), (CANCELLED, End::Failed(FailureReason::PrinterError))] {
        let mut bench = Bench::printing();
        bench.wire(Wire::SocketClosed { why: "cut".to_owned() });
        bench.reply("GET /api/job", 200, include_str!("fixtures/job_done.json"));
        bench.pass(2_000);
        bench.reply(&format!("GET {COPY}"), 200, history);
        bench.pass(60_000);
        assert_eq!(bench.ends(), [end]);
    }
}

#[test]
fn a_late_picture_from_before_the_start_does_not_show_the_print_as_gone() {
    let mut bench = Bench::up();
    bench.event("PrintStarted", json!({}));
    bench.shows("Operational", None);
    bench.shows("Printing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.reports.clear();
    bench.shows("Operational", None);
    assert!(bench.reports.is_empty());
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.shows("Printing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
}

#[test]
fn how_a_print_ended_is_told_before_the_printer_is_shown_without_it() {
    let mut bench = Bench::printing();
    bench.reports.clear();
    bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.pass(2_000);
    bench.reply(&format!("GET {COPY}"), 200, DONE);
    let [Report::Ended { .. }, Report::Heard(seen)] = bench.reports.as_slice() else { panic!("{:?}", bench.reports) };
    assert_eq!(seen.activity, Activity::Idle);
}

#[test]
fn a_history_that_cannot_be_read_does_not_hide_the_printer_for_ever() {
    let mut bench = Bench::printing();
    bench.shows("Operational", None);
    for _ in 0..3 {
        bench.pass(2_000);
        bench.reply(&format!("GET {COPY}"), 500, "");
    }
    assert_eq!(bench.last(), Report::History { token: token(), history: History::Silent });
    assert_eq!(bench.heard().activity, Activity::Idle);
}

#[test]
fn an_event_that_comes_after_the_state_still_gives_one_end() {
    let mut bench = Bench::printing();
    bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.event("PrintDone", json!({}));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [End::Completed { inferred: false }]);
    assert!(!bench.is_asked(&format!("GET {COPY}")));
}

#[test]
fn a_paused_print_whose_printer_goes_has_failed_although_octoprint_says_nothing() {
    let mut bench = Bench::printing();
    bench.shows("Paused", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.shows("Offline", None);
    bench.shows("Operational", None);
    for _ in 0..3 {
        bench.pass(2_000);
        bench.reply(&format!("GET {COPY}"), 200, FRESH);
    }
    assert_eq!(bench.ends(), [End::Failed(FailureReason::PrinterError)]);
}

#[test]
fn a_server_that_restarted_in_the_print_proves_nothing_and_says_so() {
    let mut bench = Bench::printing();
    bench.wire(Wire::SocketClosed { why: "cut".to_owned() });
    bench.no_reply("GET /api/job", NoAnswer::Unreachable("refused".to_owned()));
    bench.pass(1_000);
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/connection", 200, CONNECTION);
    bench.reply("GET /api/job", 200, &idle());
    for _ in 0..3 {
        bench.pass(2_000);
        bench.reply(&format!("GET {COPY}"), 200, FRESH);
    }
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    let told = Report::History { token: token(), history: History::NeverSaw };
    assert_eq!(bench.reports.iter().filter(|report| **report == told).count(), 1);
}

#[test]
fn an_end_that_stands_there_when_we_connect_is_no_event() {
    let mut bench = Bench::new();
    bench.order(Order::Watch(Some(watched(None))));
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/connection", 200, CONNECTION);
    bench.reply("GET /api/job", 200, include_str!("fixtures/job_done.json"));
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    assert_eq!(bench.heard().shown_token, Some(token()));
}

#[test]
fn a_print_that_is_winding_down_after_its_end_is_not_shown_as_a_print() {
    let mut bench = Bench::printing();
    bench.event("PrintDone", json!({}));
    bench.shows("Finishing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print), (Activity::Busy, None));
    bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.pass(60_000);
    assert_eq!(bench.ends().len(), 1);
}

#[test]
fn a_late_picture_from_before_the_end_does_not_show_the_print_again() {
    let mut bench = Bench::printing();
    bench.event("PrintDone", json!({}));
    bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.reports.clear();
    bench.shows("Printing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    assert!(bench.reports.is_empty());
    bench.shows("Printing", Some("holiday.gcode"));
    assert_eq!(bench.heard().activity, Activity::Printing);
}

#[test]
fn a_print_that_is_winding_down_is_not_cancelled() {
    let mut bench = Bench::printing();
    bench.event("PrintDone", json!({}));
    bench.shows("Finishing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.order(Order::Cancel { command: None, token: token() });
    bench.reply("GET /api/job", 200, include_str!("fixtures/job_printing.json"));
    assert!(!bench.is_asked("POST /api/job"));
}

#[test]
fn a_print_that_somebody_starts_again_is_shown() {
    let mut bench = Bench::printing();
    bench.event("PrintDone", json!({}));
    bench.shows("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.event("PrintStarted", json!({}));
    bench.shows("Printing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    assert!(bench.heard().print.is_some());
}

#[test]
fn the_past_of_a_token_is_what_the_record_of_its_copy_proves() {
    let both = r#"{"size": 1253, "prints": {"success": 1, "failure": 1}}"#;
    let never = History::NeverSaw;
    for (status, body, mark, history) in [
        (200, DONE, None, History::Ended(End::Completed { inferred: false })),
        (200, CANCELLED, None, History::Ended(End::Failed(FailureReason::PrinterError))),
        (200, CANCELLED, Some("cancel_asked"), History::Ended(End::Cancelled(CancelReason::Requested))),
        (200, FRESH, None, never),
        (404, "{}", None, never),
        (200, both, None, History::Silent),
        (500, "", None, History::Silent),
    ] {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(mark))));
        bench.order(Order::Recall { token: token() });
        bench.reply(&format!("GET {COPY}"), status, body);
        assert_eq!(bench.last(), Report::History { token: token(), history }, "{status} {body}");
    }
}

#[test]
fn a_copy_that_is_selected_but_has_no_record_is_not_called_never_seen() {
    let mut bench = Bench::showing("Operational", Some("gantry/aaaaaaaaaaaaaaaa.gcode"));
    bench.order(Order::Recall { token: token() });
    bench.reply(&format!("GET {COPY}"), 200, FRESH);
    assert_eq!(bench.last(), Report::History { token: token(), history: History::Silent });
}

#[test]
fn tidying_removes_the_copy_and_the_oldest_uploads_and_nothing_else() {
    let upload = |age: u32| json!({"name": format!("{age:032x}.gcode"), "date": 1000 - age});
    let mut children: Vec<Value> = (0..22).map(upload).collect();
    children.push(json!({"name": "holiday.gcode", "date": 1}));
    children.push(json!({"name": "bbbbbbbbbbbbbbbb.gcode", "date": 1}));
    let mut bench = Bench::up();
    bench.order(Order::Tidy { token: token() });
    bench.reply(&format!("DELETE {COPY}"), 204, "");
    bench.reply("GET /api/files/local/gantry?recursive=false", 200, &json!({"children": children}).to_string());
    let removed: Vec<&str> = bench.open.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(removed, [20, 21].map(|age: u32| format!("/api/files/local/gantry/{age:032x}.gcode")));
}

// The bench.

/// A core, its clock, and what it asked and told.
struct Bench {
    core: Core,
    now: Timestamp,
    open: Vec<Call>,
    asks: Vec<String>,
    reports: Vec<Report>,
    moments: Vec<Timestamp>,
}

impl Bench {
    /// A core that has just been made and asks for the version.
    fn new() -> Self {
        let core = Core::new("http://octopi.local".to_owned(), Secret::new("key".to_owned()));
        let now = Timestamp::from_millis(1_000_000);
        let mut bench = Self { core, now, open: Vec::new(), asks: Vec::new(), reports: Vec::new(), moments: Vec::new() };
        bench.give(Input::Wake);
        bench
    }

    /// Connected, its printer idle, its socket open, nothing under way, nothing remembered.
    fn up() -> Self {
        let mut bench = Self::new();
        bench.reply("GET /api/version", 200, VERSION);
        bench.reply("GET /api/connection", 200, CONNECTION);
        bench.reply("POST /api/login", 200, LOGIN);
        bench.wire(Wire::SocketOpened);
        bench.reply("GET /api/job", 200, &idle());
        bench.shows("Operational", None);
        bench.open.retain(|call| call.path != "/api/printer" && !call.path.contains("recursive"));
        assert!(bench.open.is_empty(), "{:?}", bench.open);
        bench.reports.clear();
        bench
    }

    fn showing(words: &str, path: Option<&str>) -> Self {
        let mut bench = Self::up();
        bench.shows(words, path);
        bench
    }

    fn printing() -> Self {
        Self::showing("Printing", Some("gantry/aaaaaaaaaaaaaaaa.gcode"))
    }

    fn give(&mut self, input: Input<Wire>) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Report(report) => self.reports.push(report),
                Output::WakeAt(moment) => self.moments.push(moment),
                Output::Ask(Ask::Call(call)) => {
                    self.asks.push(named(&call));
                    self.open.push(call);
                }
                Output::Ask(Ask::Abandon(id)) => {
                    self.asks.push("abandon".to_owned());
                    self.open.retain(|call| call.id != id);
                }
                Output::Ask(Ask::OpenSocket { .. }) => self.asks.push("open socket".to_owned()),
                Output::Ask(Ask::SocketSend(_)) => self.asks.push("socket text".to_owned()),
                Output::Ask(Ask::CloseSocket) => self.asks.push("close socket".to_owned()),
            }
        }
    }

    fn wire(&mut self, wire: Wire) {
        self.give(Input::Wire(wire));
    }

    fn order(&mut self, order: Order) {
        self.give(Input::Order(order));
    }

    fn text(&mut self, message: &Value) {
        self.wire(Wire::SocketText(message.to_string()));
    }

    fn shows(&mut self, words: &str, path: Option<&str>) {
        self.text(&json!({"current": picture(words, path)}));
    }

    fn event(&mut self, name: &str, mut payload: Value) {
        payload["path"] = "gantry/aaaaaaaaaaaaaaaa.gcode".into();
        self.text(&json!({"event": {"type": name, "payload": payload}}));
    }

    fn plays(&mut self, recording: &str) {
        recording.lines().for_each(|line| self.wire(Wire::SocketText(line.to_owned())));
    }

    /// Answers a call that is open and gives its JSON body.
    fn reply(&mut self, name: &str, status: u16, body: &str) -> Value {
        let call = self.take(name);
        let answer = Answer { id: call.id, status, headers: Vec::new(), body: body.to_owned().into() };
        self.wire(Wire::Answer(answer));
        match call.body {
            Body::Json(body) => body,
            Body::Empty | Body::Content(_) | Body::Multipart { .. } => Value::Null,
        }
    }

    fn no_reply(&mut self, name: &str, why: NoAnswer) {
        let id = self.take(name).id;
        self.wire(Wire::NoAnswer { id, why });
    }

    fn take(&mut self, name: &str) -> Call {
        let place = self.open.iter().position(|call| named(call) == name);
        self.open.remove(place.unwrap_or_else(|| panic!("{name} is not among {:?}", self.open)))
    }

    fn find(&self, name: &str) -> Option<&Call> {
        self.open.iter().find(|call| named(call) == name)
    }

    fn open_id(&self, name: &str) -> u64 {
        self.find(name).unwrap().id
    }

    fn is_asked(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn is_asked_somewhere(&self, part: &str) -> bool {
        self.asks.iter().any(|ask| ask.contains(part))
    }

    /// Lets time pass, waking the core whenever it asked for it.
    fn pass(&mut self, millis: i64) {
        let until = self.now.plus_millis(millis);
        while let Some(next) = self.moments.iter().copied().filter(|moment| *moment <= until).min() {
            self.moments.retain(|moment| *moment > next);
            self.now = self.now.max(next);
            self.give(Input::Wake);
        }
        self.now = until;
    }

    fn last(&self) -> Report {
        let told = |report: &&Report| !matches!(report, Report::Heard(_));
        self.reports.iter().rev().find(told).cloned().expect("nothing was told")
    }

    fn heard(&self) -> Observation {
        let heard = |report: &Report| if let Report::Heard(seen) = report { Some((**seen).clone()) } else { None };
        self.reports.iter().rev().find_map(heard).expect("nothing was heard")
    }

    fn ends(&self) -> Vec<End> {
        let end = |report: &Report| if let Report::Ended { end, .. } = report { Some(*end) } else { None };
        self.reports.iter().filter_map(end).collect()
    }
}

fn named(call: &Call) -> String {
    format!("{} {}", call.method, call.path)
}

fn picture(words: &str, path: Option<&str>) -> Value {
    let state = json!({"text": words, "error": ""});
    json!({"state": state, "job": {"file": {"path": path, "name": path}}, "progress": {"completion": null}, "temps": []})
}

fn idle() -> String {
    json!({"state": "Operational", "job": {"file": {"path": null}}, "progress": {}}).to_string()
}

fn token() -> Token {
    Token::new([0; 10])
}

fn attempt() -> AttemptId {
    AttemptId::derived([1; 32])
}

fn command() -> CommandId {
    CommandId::derived([2; 32])
}

fn content() -> Content {
    Content { sha256: ContentHash::new([0; 32]), size_bytes: 1253, extension: "gcode".to_owned() }
}

fn send() -> Order {
    Order::Send { attempt: attempt(), token: token(), content: content() }
}

fn start() -> Order {
    Order::Start { attempt: attempt(), token: token(), content: content(), feeds: Vec::new() }
}

fn watched(mark: Option<&str>) -> Watched {
    let (attempt, token, content) = (attempt(), token(), content());
    Watched { attempt, token, content, state: AttemptState::Active(Stage::Printing), mark: mark.map(str::to_owned) }
}
