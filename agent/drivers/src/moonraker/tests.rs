//! What the core does, told by messages: shortened recordings of a real server (`fixtures/`), and
//! hand-written ones for what it does not do on demand.

use domain::attempt::{AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::Activity;
use domain::recovery::History;
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::core::Core;
use crate::contract::{
    ActProblem, Beside, Content, Input, LinkProblem, Observation, Order, Output, PrinterProtocol as _, Report, SendProblem,
    Watched,
};
use crate::web::{Answer, Ask, Body, Call, NoAnswer, Wire};

const OURS: &str = "gantry/aaaaaaaaaaaaaaaa.gcode";
const FOREIGN: &str = "benchy.gcode";
const SERVER: &str = "GET /server/info";
const LIST: &str = "GET /printer/objects/list";
const QUERY: &str = "GET /printer/objects/query";
const START: &str = "POST /printer/print/start";
const FOLDER: &str = "GET /server/files/directory?path=gcodes/gantry";
const PAST: &str = "GET /server/history/list?order=desc&limit=100";
const COMPLETED: End = End::Completed { inferred: false };
const BROKE: End = End::Failed(FailureReason::PrinterError);

// Link.

#[test]
fn a_moonraker_with_klipper_is_heard_with_all_that_it_shows() {
    let mut bench = Bench::new();
    bench.reply(SERVER, 200, include_str!("fixtures/server.json"));
    bench.reply("GET /server/files/directory?path=gcodes", 200, include_str!("fixtures/listing.json"));
    bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
    bench.reply("GET /printer/info", 200, include_str!("fixtures/firmware.json"));
    bench.reply(QUERY, 200, include_str!("fixtures/idle.json"));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print, seen.fault), (Activity::Idle, None, None));
    assert_eq!(seen.telemetry.nozzles.len(), 1);
    assert!((seen.telemetry.bed.unwrap().actual_celsius - 25.0).abs() < 1.0);
    assert_eq!(seen.firmware.as_deref(), Some("Kalico 2026.10.00.dev0, Moonraker 0.11.0"));
    assert_eq!(seen.free_bytes, Some(47_386_710_016));
}

#[test]
fn a_wrong_key_is_told_once_and_tried_again_only_each_minute() {
    let mut bench = Bench::new();
    bench.reply(SERVER, 401, r#"{"error": {"message": "Unauthorized"}}"#);
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::WrongCredential { .. })]));
    bench.pass(59_000);
    assert!(bench.open.is_empty());
    bench.pass(1_000);
    bench.reply(SERVER, 401, "{}");
    assert_eq!(bench.reports.len(), 1);
}

#[test]
fn a_key_goes_into_every_call_and_into_the_socket_and_without_one_none_does() {
    for key in [Some("key"), None] {
        let mut bench = Bench::with(key);
        let count = usize::from(key.is_some());
        assert_eq!(bench.open[0].headers.len(), count);
        bench.reply(SERVER, 200, include_str!("fixtures/server.json"));
        bench.wire(Wire::SocketOpened);
        assert_eq!(bench.said("server.connection.identify")["params"].get("api_key").is_some(), key.is_some());
    }
}

#[test]
fn something_else_at_the_address_is_named() {
    for (status, body, found) in [
        (404, "<html>", "it answers HTTP 404 to /server/info, and no state of Klipper"),
        (200, r#"{"text": "OctoPrint 1.11.8"}"#, "it answers HTTP 200 to /server/info, and no state of Klipper"),
    ] {
        let mut bench = Bench::new();
        bench.reply(SERVER, status, body);
        let Some(Report::Lost(LinkProblem::OtherKind { found: named, .. })) = bench.reports.first() else { panic!("{found}") };
        assert_eq!(named, found);
    }
}

#[test]
fn an_unreachable_server_is_tried_again_after_growing_pauses_up_to_fifteen_seconds() {
    let mut bench = Bench::new();
    for pause in [1, 2, 4, 8, 15, 15] {
        bench.no_reply(SERVER, NoAnswer::Unreachable("connection refused".to_owned()));
        bench.pass(pause * 1000 - 1);
        assert!(bench.open.is_empty(), "before {pause}");
        bench.pass(1);
    }
    assert_eq!(bench.reports.len(), 1);
}

#[test]
fn a_klipper_that_is_away_or_starting_is_a_disconnected_printer_and_is_looked_for_again() {
    for state in ["disconnected", "startup", "a new word"] {
        let mut bench = Bench::new();
        bench.reply(SERVER, 200, &json!({"result": {"klippy_state": state}}).to_string());
        assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::PrinterDisconnected { .. })]));
        assert!(!bench.is_asked(LIST));
        bench.pass(2_500);
        bench.reply(SERVER, 200, include_str!("fixtures/server.json"));
        bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
        bench.reply(QUERY, 200, include_str!("fixtures/idle.json"));
        assert_eq!(bench.heard().activity, Activity::Idle);
    }
}

#[test]
fn a_query_that_klipper_does_not_answer_is_a_disconnected_printer() {
    for status in [503, 404] {
        let mut bench = Bench::up();
        bench.pass(10_000);
        bench.reply(QUERY, status, r#"{"error": {"message": "Klippy Host not connected"}}"#);
        assert!(matches!(bench.last(), Report::Lost(LinkProblem::PrinterDisconnected { .. })));
    }
}

#[test]
fn a_shut_down_klipper_is_a_fault_in_its_words() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/printer_shutdown.jsonl"));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print, seen.shown_token), (Activity::Error, None, None));
    assert!(seen.fault.unwrap().text.starts_with("Shutdown due to webhooks request Once the underlying issue"));
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    assert!(!bench.is_asked(QUERY) || !bench.is_asked(START));
}

#[test]
fn a_restart_of_klipper_makes_the_subscription_anew() {
    let mut bench = Bench::up();
    bench.texts.clear();
    bench.tell("notify_klippy_disconnected", json!([]));
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::PrinterDisconnected { .. })));
    bench.tell("notify_klippy_ready", json!([]));
    bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
    assert_eq!(bench.said("printer.objects.subscribe")["params"]["objects"]["print_stats"], Value::Null);
}

#[test]
fn a_silent_socket_is_asked_whether_anybody_is_there_and_a_dead_one_is_opened_anew() {
    let mut bench = Bench::up();
    bench.texts.clear();
    bench.pass(10_000);
    bench.said("server.info");
    bench.reply(QUERY, 200, &picture("standby", ""));
    bench.pass(10_000);
    assert!(bench.asks.contains(&"close socket".to_owned()));
    bench.pass(1_000);
    assert_eq!(bench.asks.iter().filter(|ask| *ask == "open socket").count(), 2);
}

#[test]
fn without_a_socket_the_printer_is_still_heard_often_enough() {
    let mut bench = Bench::up();
    bench.pass(1_000);
    bench.wire(Wire::SocketClosed { why: "cut".to_owned() });
    for _ in 0..6 {
        bench.reports.clear();
        bench.reply(QUERY, 200, &picture("standby", ""));
        assert_eq!(bench.heard().activity, Activity::Idle);
        bench.pass(3_000);
    }
}

#[test]
fn a_lively_socket_is_enough_to_hear_the_printer_once_a_second() {
    let mut bench = Bench::up();
    bench.reports.clear();
    for _ in 0..5 {
        bench.pass(1_000);
        bench.tell("notify_proc_stat_update", json!([{}]));
    }
    assert_eq!(bench.reports.len(), 5);
}

// What it shows.

#[test]
fn a_change_without_a_field_keeps_the_old_value_and_numbers_may_be_texts() {
    let mut bench = Bench::up();
    bench.shows("printing", FOREIGN);
    bench.changes(json!({"extruder": {"temperature": "201.5"}, "display_status": {"progress": "0.5"}}));
    bench.pass(1_000);
    bench.changes(json!({"heater_bed": {"temperature": 60.0}, "print_stats": {"print_duration": 7.0}}));
    let seen = bench.heard();
    assert_eq!(seen.print.unwrap().file.as_deref(), Some(FOREIGN));
    assert!((seen.telemetry.nozzles[0].actual_celsius - 201.5).abs() < 1e-9);
    assert_eq!(
        (seen.activity, seen.telemetry.progress, seen.telemetry.elapsed_seconds),
        (Activity::Printing, Some(0.5), Some(7))
    );
}

#[test]
fn an_answer_that_is_older_than_a_change_undoes_nothing() {
    let mut bench = Bench::printing();
    bench.pass(10_000);
    let late = picture("printing", OURS);
    bench.clock += 1.0;
    bench.changes(json!({"print_stats": {"state": "complete"}}));
    assert_eq!(bench.ends(), [COMPLETED]);
    bench.reply(QUERY, 200, &late);
    assert_eq!(bench.heard().print, None);
}

#[test]
fn a_print_is_preparing_until_it_extrudes_and_layers_are_told_where_the_file_tells_them() {
    let mut bench = Bench::up();
    bench.shows("printing", OURS);
    assert_eq!(bench.heard().activity, Activity::Preparing);
    bench.changes(json!({"print_stats": {"print_duration": 0.4, "info": {"current_layer": 2, "total_layer": 50}}}));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.telemetry.layer, seen.telemetry.layers), (Activity::Printing, Some(2), Some(50)));
}

#[test]
fn a_foreign_print_is_shown_and_is_nobodys() {
    let mut bench = Bench::up();
    bench.shows("paused", FOREIGN);
    let print = bench.heard().print.unwrap();
    assert_eq!((print.token, print.paused), (None, Some(PauseReason::User)));
    bench.shows("complete", FOREIGN);
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    assert!(!bench.is_asked(PAST));
}

#[test]
fn why_a_print_stands_still_is_told_where_the_printer_tells_it() {
    let mut bench = Bench::printing();
    let sensor = |found: bool| json!({"filament_switch_sensor spool": {"enabled": true, "filament_detected": found}});
    bench.changes(sensor(false));
    bench.changes(json!({"print_stats": {"state": "paused"}}));
    assert_eq!(bench.heard().print.unwrap().paused, Some(PauseReason::Runout));
    bench.changes(sensor(true));
    bench.changes(json!({"print_stats": {"state": "printing"}}));
    bench.changes(json!({"print_stats": {"state": "paused"}}));
    assert_eq!(bench.heard().print.unwrap().paused, Some(PauseReason::User));
    bench.tell("notify_gcode_response", json!(["// action:prompt_show"]));
    bench.changes(json!({"print_stats": {"total_duration": 9.0}}));
    assert_eq!(bench.heard().print.unwrap().paused, Some(PauseReason::Prompt));
}

#[test]
fn a_question_at_an_idle_machine_asks_for_a_person_in_its_own_words_until_it_is_answered() {
    let mut bench = Bench::up();
    for line in ["prompt_begin Power was lost", "prompt_text Go on with", "prompt_text benchy?", "prompt_show"] {
        bench.tell("notify_gcode_response", json!([format!("// action:{line}")]));
    }
    assert_eq!(bench.beside().prompt.as_deref(), Some("Power was lost Go on with benchy?"));
    assert_eq!(bench.heard().activity, Activity::Attention);
    bench.tell("notify_gcode_response", json!(["// action:prompt_end"]));
    assert_eq!((bench.beside().prompt, bench.heard().activity), (None, Activity::Idle));
}

/// Three things in a print, one of them left out.
fn objects() -> Value {
    json!({"exclude_object": {
        "objects": [{"name": "CUBE_ID_0"}, {"name": "CUBE_ID_1", "polygon": [[1, 2]]}, {"name": "A B"}],
        "excluded_objects": ["CUBE_ID_0"], "current_object": "CUBE_ID_1",
    }})
}

#[test]
fn the_things_in_a_print_are_told_while_it_runs_and_not_after() {
    let mut bench = Bench::printing();
    bench.changes(objects());
    let told: Vec<(String, bool, bool)> =
        bench.beside().objects.into_iter().map(|object| (object.id, object.skipped, object.printing)).collect();
    let expected = [("CUBE_ID_0", true, false), ("CUBE_ID_1", false, true), ("A B", false, false)];
    assert_eq!(told, expected.map(|(id, skipped, printing)| (id.to_owned(), skipped, printing)));
    let beside = bench.beside();
    bench.changes(json!({"print_stats": {"total_duration": 9.0}}));
    assert_eq!(bench.beside(), beside);
    bench.shows("standby", "");
    bench.pass(1);
    assert!(bench.beside().objects.is_empty());
}

#[test]
fn a_thing_is_left_out_only_of_the_print_that_is_meant_and_only_one_that_the_printer_named() {
    const SCRIPT: &str = "POST /printer/gcode/script";
    for (file, object, hit) in [
        (OURS, "CUBE_ID_1", true),
        (FOREIGN, "CUBE_ID_1", false),
        (OURS, "CUBE_ID_7", false),
        (OURS, "A B", false),
        (OURS, "CUBE_ID_1\nM112", false),
    ] {
        let mut bench = Bench::printing();
        bench.order(Order::SkipObject { command: command(), token: token(), object: object.to_owned() });
        bench.clock += 1.0;
        let mut whole: Value = serde_json::from_str(&bench.whole("printing", file)).unwrap();
        whole["result"]["status"].as_object_mut().unwrap().extend(objects().as_object().unwrap().clone());
        bench.reply(QUERY, 200, &whole.to_string());
        assert_eq!(bench.is_asked(SCRIPT), hit, "{file} {object}");
        if hit {
            let asked = bench.reply(SCRIPT, 200, r#"{"result": "ok"}"#);
            assert_eq!(asked, json!({"script": "EXCLUDE_OBJECT NAME=CUBE_ID_1"}));
        }
        let done = |report: &Report| matches!(report, Report::Acted { outcome, .. } if outcome.is_ok() == hit);
        assert!(bench.reports.iter().any(done), "{file} {object}");
    }
}

#[test]
fn a_machine_that_moves_without_a_print_and_an_unknown_word_are_busy_and_start_nothing() {
    for change in [json!({"idle_timeout": {"state": "Printing"}}), json!({"print_stats": {"state": "dancing"}})] {
        let mut bench = Bench::up();
        bench.changes(change.clone());
        assert_eq!(bench.heard().activity, Activity::Busy);
        bench.order(start());
        let mut answer: Value = serde_json::from_str(&picture("standby", "")).unwrap();
        for (object, fields) in change.as_object().unwrap() {
            answer["result"]["status"][object].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        }
        answer["result"]["eventtime"] = json!(1e6);
        bench.reply(QUERY, 200, &answer.to_string());
        assert!(matches!(bench.last(), Report::StartRefused { .. }));
        assert!(!bench.is_asked(START));
    }
}

// Sending.

#[test]
fn a_new_file_gets_a_folder_that_settles_is_uploaded_with_its_hash_copied_and_checked_and_nothing_is_started() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 400, r#"{"error": {"message": "Directory does not exist"}}"#);
    assert_eq!(bench.reply("POST /server/files/directory", 200, "{}"), json!({"path": "gcodes/gantry"}));
    bench.pass(2_999);
    assert!(!bench.is_asked("POST /server/files/upload"));
    bench.pass(1);
    let Body::Multipart { fields, file: Some(file) } = &bench.find("POST /server/files/upload").unwrap().body else { panic!() };
    assert!(fields.contains(&("checksum", "0".repeat(64))) && fields.contains(&("path", "gantry".to_owned())));
    assert_eq!(file.name, format!("{}.gcode", "0".repeat(32)));
    bench.wire(Wire::Uploaded { id: bench.open_id("POST /server/files/upload"), bytes: 700 });
    assert_eq!(bench.last(), Report::SendProgress { attempt: attempt(), sent_bytes: 700 });
    bench.reply("POST /server/files/upload", 201, r#"{"print_started": false}"#);
    let copied = bench.reply("POST /server/files/copy", 200, "{}");
    assert_eq!(copied["dest"], format!("gcodes/{OURS}"));
    bench.reply(FOLDER, 200, &listing(&[("0", 1253), ("a", 1253)]));
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    assert!(!bench.is_asked(START));
}

#[test]
fn content_that_is_there_is_not_uploaded_again_and_a_copy_that_is_there_is_enough() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 200, &listing(&[("0", 1253)]));
    bench.reply("POST /server/files/copy", 200, "{}");
    bench.reply(FOLDER, 200, &listing(&[("0", 1253), ("a", 1253)]));
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    bench.order(send());
    bench.reply(FOLDER, 200, &listing(&[("0", 1253), ("a", 1253)]));
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
}

#[test]
fn content_cut_short_is_uploaded_anew_and_a_copy_cut_short_is_copied_over() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 200, &listing(&[("0", 12), ("a", 12)]));
    bench.reply("POST /server/files/upload", 201, "{}");
    bench.reply("POST /server/files/copy", 200, "{}");
    bench.reply(FOLDER, 200, &listing(&[("0", 1253), ("a", 12)]));
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
}

#[test]
fn a_server_that_adds_labels_to_what_it_gets_is_believed() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 200, &listing(&[("0", 1400)]));
    bench.reply("POST /server/files/upload", 201, "{}");
    bench.reply("POST /server/files/copy", 200, "{}");
    bench.reply(FOLDER, 200, &listing(&[("0", 1400), ("a", 1400)]));
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
}

#[test]
fn an_upload_cut_in_the_middle_fails_by_the_link_and_the_next_try_begins_anew() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 200, &listing(&[]));
    bench.no_reply("POST /server/files/upload", NoAnswer::Cut("reset".to_owned()));
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
    assert!(bench.open.is_empty());
    bench.order(send());
    assert!(bench.is_asked(FOLDER));
}

#[test]
fn what_hinders_a_file_is_told_apart() {
    for (reply, problem) in [
        (Ok(507), SendProblem::StorageFull),
        (Ok(415), SendProblem::Refused),
        (Ok(422), SendProblem::Link),
        (Ok(403), SendProblem::Link),
        (Ok(500), SendProblem::Link),
        (Err(NoAnswer::ContentMissing), SendProblem::ContentMissing),
    ] {
        let mut bench = Bench::up();
        bench.order(send());
        bench.reply(FOLDER, 200, &listing(&[]));
        match reply {
            Ok(status) => drop(bench.reply("POST /server/files/upload", status, "{}")),
            Err(why) => bench.no_reply("POST /server/files/upload", why),
        }
        assert!(matches!(bench.last(), Report::SendFailed { problem: told, .. } if told == problem), "{problem:?}");
    }
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(FOLDER, 200, r#"{"result": {"files": [], "disk_usage": {"free": 1000}}}"#);
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::StorageFull, .. }));
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
fn a_start_looks_first_and_prints_the_copy_and_may_take_minutes() {
    let mut bench = Bench::up();
    bench.order(start());
    assert!(!bench.is_asked(START));
    bench.reply(QUERY, 200, &picture("standby", ""));
    assert!(bench.find(START).unwrap().deadline_ms >= 60_000);
    assert_eq!(bench.reply(START, 200, r#"{"result": "ok"}"#), json!({"filename": OURS}));
    assert_eq!(bench.last(), Report::StartAccepted { attempt: attempt() });
}

#[test]
fn a_printer_that_is_busy_paused_away_or_silent_is_never_told_to_start() {
    for reply in [
        (200, picture("printing", FOREIGN)),
        (200, picture("paused", FOREIGN)),
        (503, r#"{"error": {"message": "Klippy Host not connected"}}"#.to_owned()),
    ] {
        let mut bench = Bench::up();
        bench.order(start());
        bench.reply(QUERY, reply.0, &reply.1);
        assert!(matches!(bench.last(), Report::StartRefused { .. }), "{reply:?}");
        assert!(!bench.is_asked(START));
    }
    let mut silent = Bench::up();
    silent.order(start());
    silent.no_reply(QUERY, NoAnswer::Silent);
    for mut bench in [silent, Bench::new()] {
        bench.order(start());
        assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { .. })));
        assert!(!bench.is_asked(START));
    }
}

#[test]
fn a_start_that_is_refused_is_refused_in_its_words_and_ends_nothing() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.reply(QUERY, 200, &picture("standby", ""));
    bench.reply(START, 400, r#"{"error": {"message": "SD busy"}}"#);
    bench.reply(QUERY, 200, &picture("printing", FOREIGN));
    assert_eq!(bench.last(), Report::StartRefused { attempt: attempt(), detail: "SD busy".to_owned() });
    assert!(bench.ends().is_empty());
}

#[test]
fn a_refused_start_whose_file_is_loaded_all_the_same_is_no_refusal() {
    for reply in [(200, picture("printing", OURS)), (500, String::new())] {
        let mut bench = Bench::up();
        bench.order(start());
        bench.reply(QUERY, 200, &picture("standby", ""));
        bench.reply(START, 400, r#"{"error": {"message": "Unknown command in a macro"}}"#);
        bench.clock += 1.0;
        bench.reply(QUERY, reply.0, &reply.1);
        assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
    }
}

#[test]
fn a_start_without_an_answer_is_never_sent_again() {
    for reply in [Err(NoAnswer::Silent), Err(NoAnswer::Cut("reset".to_owned())), Ok(500), Ok(503)] {
        let mut bench = Bench::up();
        bench.order(start());
        bench.reply(QUERY, 200, &picture("standby", ""));
        match reply {
            Ok(status) => drop(bench.reply(START, status, "")),
            Err(why) => bench.no_reply(START, why),
        }
        assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
        for _ in 0..10 {
            bench.shows("standby", "");
            bench.pass(5_000);
        }
        assert!(!bench.is_asked(START));
    }
}

#[test]
fn two_start_orders_in_a_row_send_one_start_and_one_for_what_prints_sends_none() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.reply(QUERY, 200, &picture("standby", ""));
    bench.order(start());
    assert_eq!(bench.asks.iter().filter(|ask| *ask == START).count(), 1);
    let mut bench = Bench::printing();
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
    assert!(!bench.is_asked(START));
}

// Pause, resume, cancel.

#[test]
fn an_act_looks_first_whose_print_it_is_and_touches_no_other() {
    for (state, file, hit) in
        [("printing", OURS, true), ("printing", FOREIGN, false), ("standby", "", false), ("complete", OURS, false)]
    {
        let mut bench = Bench::printing();
        bench.order(Order::Pause { command: command(), token: token() });
        bench.clock += 1.0;
        bench.reply(QUERY, 200, &bench.whole(state, file));
        assert_eq!(bench.is_asked("POST /printer/print/pause"), hit, "{state} {file}");
        if !hit {
            let missed = Report::Acted { command: command(), outcome: Err(ActProblem::NotThatPrint) };
            assert!(bench.reports.contains(&missed));
        }
    }
}

#[test]
fn an_act_ends_as_the_printer_says_and_without_a_link_it_is_not_sent() {
    let acted = |bench: &Bench, outcome| bench.reports.contains(&Report::Acted { command: command(), outcome });
    for (status, outcome) in [(200, Ok(())), (400, Err(ActProblem::Refused("no".to_owned()))), (503, Err(ActProblem::Unanswered))]
    {
        let mut bench = Bench::printing();
        bench.order(Order::Resume { command: command(), token: token() });
        bench.reply(QUERY, 200, &bench.whole("paused", OURS));
        bench.reply("POST /printer/print/resume", status, r#"{"error": {"message": "no"}}"#);
        assert!(acted(&bench, outcome));
    }
    let mut bench = Bench::new();
    bench.order(Order::Pause { command: command(), token: token() });
    assert!(acted(&bench, Err(ActProblem::NoLink)));
}

// Ends.

#[test]
fn a_recorded_print_that_comes_to_its_end_is_told_once() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/print_done.jsonl"));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [COMPLETED]);
}

#[test]
fn a_recorded_emergency_stop_fails_the_print_once_in_klippers_words() {
    let mut bench = Bench::up();
    bench.plays(include_str!("fixtures/printer_shutdown.jsonl"));
    bench.pass(60_000);
    assert_eq!(bench.ends(), [BROKE]);
    let told =
        bench.reports.iter().find_map(|report| if let Report::Ended { detail, .. } = report { detail.clone() } else { None });
    assert!(told.unwrap().starts_with("Shutdown due to webhooks request"));
}

#[test]
fn a_restart_of_klipper_in_the_print_is_found_in_the_history_when_it_is_back() {
    let mut bench = Bench::printing();
    bench.plays(include_str!("fixtures/klipper_restarted.jsonl"));
    assert!(bench.ends().is_empty());
    bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
    bench.reply(QUERY, 200, include_str!("fixtures/idle.json"));
    bench.pass(2_000);
    bench.reply(PAST, 200, include_str!("fixtures/history.json"));
    assert_eq!(bench.ends(), [BROKE]);
}

#[test]
fn a_cancel_by_us_a_cancel_at_the_screen_and_a_failure_end_differently() {
    let mut bench = Bench::printing();
    bench.shows("cancelled", OURS);
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::AtPrinter)]);

    let mut bench = Bench::printing();
    bench.order(Order::Cancel { command: None, token: token() });
    bench.reply(QUERY, 200, &bench.whole("printing", OURS));
    assert!(bench.reports.iter().any(|report| matches!(report, Report::Mark { mark, .. } if mark == "cancel_asked")));
    bench.shows("cancelled", OURS);
    bench.reply("POST /printer/print/cancel", 200, "{}");
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::Requested)]);

    let mut bench = Bench::printing();
    bench.changes(json!({"print_stats": {"state": "error", "message": "Move out of range"}}));
    let failed = Report::Ended { token: token(), end: BROKE, detail: Some("Move out of range".to_owned()) };
    assert!(bench.reports.contains(&failed));
}

#[test]
fn a_paused_print_that_somebody_starts_another_over_was_cancelled_as_the_history_says() {
    let mut bench = Bench::printing();
    bench.shows("paused", OURS);
    bench.shows("printing", FOREIGN);
    assert!(bench.ends().is_empty());
    bench.finished("cancelled");
    bench.shows("printing", FOREIGN);
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::AtPrinter)]);
}

#[test]
fn a_loss_of_contact_over_the_end_is_made_up_for_by_state_or_history() {
    for (state, file, past, end) in [
        ("complete", OURS, "", COMPLETED),
        ("cancelled", OURS, "", End::Cancelled(CancelReason::AtPrinter)),
        ("standby", "", "completed", COMPLETED),
        ("printing", FOREIGN, "error", BROKE),
    ] {
        let mut bench = Bench::printing();
        bench.cut();
        bench.back(state, file);
        bench.pass(2_000);
        if !past.is_empty() {
            bench.reply(PAST, 200, &history(&[(OURS, past)]));
        }
        bench.pass(60_000);
        assert_eq!(bench.ends(), [end], "{state} {past}");
    }
}

#[test]
fn a_loss_of_contact_in_the_print_ends_nothing() {
    let mut bench = Bench::printing();
    bench.cut();
    bench.back("printing", OURS);
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    assert_eq!(bench.heard().print.unwrap().token, Some(token()));
}

#[test]
fn a_history_that_proves_nothing_is_asked_three_times_and_then_told_as_that() {
    for (status, body, told) in [
        (200, history(&[(OURS, "interrupted")]), History::Silent),
        (200, history(&[(OURS, "server_exit")]), History::Silent),
        (500, String::new(), History::Silent),
        (200, history(&[(FOREIGN, "completed")]), History::NeverSaw),
    ] {
        let mut bench = Bench::printing();
        bench.shows("standby", "");
        for _ in 0..3 {
            bench.pass(2_000);
            bench.reply(PAST, status, &body);
        }
        assert_eq!(bench.last(), Report::History { token: token(), history: told });
        assert_eq!(bench.heard().activity, Activity::Idle);
        assert!(bench.ends().is_empty());
    }
}

#[test]
fn how_a_print_ended_is_told_before_the_printer_is_shown_without_it() {
    let mut bench = Bench::printing();
    bench.reports.clear();
    bench.shows("standby", "");
    bench.order(start());
    assert!(matches!(bench.reports.as_slice(), [Report::StartRefused { .. }]));
    bench.reports.clear();
    bench.pass(2_000);
    bench.reply(PAST, 200, &history(&[(OURS, "completed")]));
    let [Report::Ended { .. }, Report::Heard(seen)] = bench.reports.as_slice() else { panic!("{:?}", bench.reports) };
    assert_eq!(seen.activity, Activity::Idle);
}

#[test]
fn state_and_history_together_give_one_end() {
    let mut bench = Bench::printing();
    bench.finished("completed");
    assert!(bench.ends().is_empty());
    bench.shows("complete", OURS);
    bench.finished("completed");
    bench.pass(60_000);
    assert_eq!(bench.ends(), [COMPLETED]);
}

#[test]
fn an_end_that_stands_there_when_we_connect_is_no_event() {
    let mut bench = Bench::new();
    bench.order(Order::Watch(Some(watched(None))));
    bench.reply(SERVER, 200, include_str!("fixtures/server.json"));
    bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
    bench.reply(QUERY, 200, &picture("complete", OURS));
    bench.pass(60_000);
    assert!(bench.ends().is_empty());
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.shown_token), (Activity::Finished, Some(token())));
}

#[test]
fn the_past_of_a_token_is_what_the_history_proves() {
    let requested = End::Cancelled(CancelReason::Requested);
    let at_printer = End::Cancelled(CancelReason::AtPrinter);
    for (jobs, mark, past) in [
        (vec!["completed"], None, History::Ended(COMPLETED)),
        (vec!["cancelled"], None, History::Ended(at_printer)),
        (vec!["cancelled"], Some("cancel_asked"), History::Ended(requested)),
        (vec!["error"], None, History::Ended(BROKE)),
        (vec!["klippy_shutdown"], None, History::Ended(BROKE)),
        (vec!["klippy_disconnect"], None, History::Ended(BROKE)),
        (vec!["in_progress"], None, History::Silent),
        (vec!["server_exit"], None, History::Silent),
        (vec!["a new word"], None, History::Silent),
        (vec![], None, History::NeverSaw),
        (vec!["completed", "completed"], None, History::Ended(COMPLETED)),
        (vec!["completed", "cancelled"], None, History::Silent),
    ] {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(mark))));
        bench.order(Order::Recall { token: token() });
        let told: Vec<(&str, &str)> = jobs.iter().map(|status| (OURS, *status)).collect();
        bench.reply(PAST, 200, &history(&told));
        assert_eq!(bench.last(), Report::History { token: token(), history: past }, "{jobs:?}");
    }
}

#[test]
fn a_history_that_is_not_kept_or_not_whole_never_says_never_seen() {
    let many: Vec<(&str, &str)> = vec![(FOREIGN, "completed"); 100];
    for (status, body) in [(404, "{}".to_owned()), (500, String::new()), (200, history(&many))] {
        let mut bench = Bench::up();
        bench.order(Order::Recall { token: token() });
        bench.reply(PAST, status, &body);
        assert_eq!(bench.last(), Report::History { token: token(), history: History::Silent });
    }
    let mut bench = Bench::up();
    bench.shows("standby", OURS);
    bench.order(Order::Recall { token: token() });
    bench.reply(PAST, 200, &history(&[]));
    assert_eq!(bench.last(), Report::History { token: token(), history: History::Silent });
}

#[test]
fn an_end_that_klipper_still_shows_is_believed_over_a_history_that_lost_it() {
    let mut bench = Bench::up();
    bench.shows("complete", OURS);
    bench.order(Order::Recall { token: token() });
    bench.reply(PAST, 200, &history(&[(OURS, "interrupted")]));
    assert_eq!(bench.last(), Report::History { token: token(), history: History::Ended(COMPLETED) });
}

#[test]
fn tidying_removes_the_copy_and_the_oldest_uploads_and_nothing_else() {
    let upload = |age: u32| json!({"filename": format!("{age:032x}.gcode"), "size": 1, "modified": f64::from(1000 - age)});
    let mut files: Vec<Value> = (0..22).map(upload).collect();
    files.push(json!({"filename": "holiday.gcode", "size": 1, "modified": 1.0}));
    files.push(json!({"filename": "bbbbbbbbbbbbbbbb.gcode", "size": 1, "modified": 1.0}));
    let mut bench = Bench::up();
    bench.order(Order::Tidy { token: token() });
    bench.reply(&format!("DELETE /server/files/gcodes/{OURS}"), 200, "");
    bench.reply(FOLDER, 200, &json!({"result": {"files": files}}).to_string());
    let removed: Vec<&str> = bench.open.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(removed, [20, 21].map(|age: u32| format!("/server/files/gcodes/gantry/{age:032x}.gcode")));
}

// The bench.

/// A core, its clock and Klipper's, and what it asked and told.
struct Bench {
    core: Core,
    now: Timestamp,
    clock: f64,
    open: Vec<Call>,
    asks: Vec<String>,
    texts: Vec<Value>,
    reports: Vec<Report>,
    moments: Vec<Timestamp>,
}

impl Bench {
    /// A core that has just been made and asks who is there.
    fn new() -> Self {
        Self::with(None)
    }

    fn with(key: Option<&str>) -> Self {
        let core = Core::new("http://mainsail.local".to_owned(), key.map(|key| Secret::new(key.to_owned())));
        let (now, clock) = (Timestamp::from_millis(1_000_000), 7000.0);
        let (open, asks, texts) = (Vec::new(), Vec::new(), Vec::new());
        let mut bench = Self { core, now, clock, open, asks, texts, reports: Vec::new(), moments: Vec::new() };
        bench.give(Input::Wake);
        bench
    }

    /// Connected, Klipper ready and idle, its socket open and subscribed, nothing under way, nothing remembered.
    fn up() -> Self {
        let mut bench = Self::new();
        bench.reply(SERVER, 200, include_str!("fixtures/server.json"));
        bench.wire(Wire::SocketOpened);
        bench.reply(LIST, 200, include_str!("fixtures/objects.json"));
        bench.reply(QUERY, 200, &picture("standby", ""));
        let mut subscribed: Value = serde_json::from_str(&picture("standby", "")).unwrap();
        subscribed["id"] = json!(2);
        bench.wire(Wire::SocketText(subscribed.to_string()));
        bench.open.clear();
        bench.reports.clear();
        bench
    }

    fn printing() -> Self {
        let mut bench = Self::up();
        bench.shows("printing", OURS);
        bench
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
                Output::Ask(Ask::SocketSend(text)) => self.texts.push(serde_json::from_str(text.expose()).unwrap()),
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

    fn tell(&mut self, method: &str, params: Value) {
        self.wire(Wire::SocketText(json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()));
    }

    fn changes(&mut self, change: Value) {
        self.clock += 0.25;
        self.tell("notify_status_update", json!([change, self.clock]));
    }

    fn shows(&mut self, state: &str, file: &str) {
        self.changes(json!({"print_stats": {"state": state, "filename": file}}));
    }

    fn finished(&mut self, status: &str) {
        self.tell("notify_history_changed", json!([{"action": "finished", "job": {"filename": OURS, "status": status}}]));
    }

    fn plays(&mut self, recording: &str) {
        recording.lines().for_each(|line| self.wire(Wire::SocketText(line.to_owned())));
    }

    /// A whole picture of this moment.
    fn whole(&self, state: &str, file: &str) -> String {
        picture_at(self.clock, state, file)
    }

    fn cut(&mut self) {
        self.wire(Wire::SocketClosed { why: "cut".to_owned() });
        self.no_reply(QUERY, NoAnswer::Unreachable("refused".to_owned()));
    }

    fn back(&mut self, state: &str, file: &str) {
        self.pass(1_000);
        self.reply(SERVER, 200, include_str!("fixtures/server.json"));
        self.reply(LIST, 200, include_str!("fixtures/objects.json"));
        self.reply(QUERY, 200, &picture(state, file));
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

    fn said(&self, method: &str) -> Value {
        self.texts.iter().find(|text| text["method"] == method).cloned().unwrap_or_else(|| panic!("{method} was not said"))
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
        let told = |report: &&Report| !matches!(report, Report::Heard(_) | Report::Beside(_));
        self.reports.iter().rev().find(told).cloned().expect("nothing was told")
    }

    fn beside(&self) -> Beside {
        let told = |report: &Report| if let Report::Beside(beside) = report { Some((**beside).clone()) } else { None };
        self.reports.iter().rev().find_map(told).unwrap_or_default()
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

/// Method and path; without the objects of a query, which are many.
fn named(call: &Call) -> String {
    let path = if call.path.starts_with("/printer/objects/query") { "/printer/objects/query" } else { &call.path };
    format!("{} {path}", call.method)
}

fn picture(state: &str, file: &str) -> String {
    picture_at(7000.0, state, file)
}

fn picture_at(clock: f64, state: &str, file: &str) -> String {
    let mut whole: Value = serde_json::from_str(include_str!("fixtures/idle.json")).unwrap();
    whole["result"]["eventtime"] = json!(clock);
    whole["result"]["status"]["print_stats"]["state"] = json!(state);
    whole["result"]["status"]["print_stats"]["filename"] = json!(file);
    whole.to_string()
}

/// What lies in our folder, by the letter of which its name is made.
fn listing(files: &[(&str, u64)]) -> String {
    let name =
        |letter: &str| if letter == "0" { format!("{}.gcode", "0".repeat(32)) } else { "aaaaaaaaaaaaaaaa.gcode".to_owned() };
    let files: Vec<Value> = files.iter().map(|(letter, size)| json!({"filename": name(letter), "size": size})).collect();
    json!({"result": {"files": files, "disk_usage": {"free": 1_000_000}}}).to_string()
}

fn history(jobs: &[(&str, &str)]) -> String {
    let jobs: Vec<Value> = jobs.iter().map(|(file, status)| json!({"filename": file, "status": status})).collect();
    json!({"result": {"count": jobs.len(), "jobs": jobs}}).to_string()
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
