//! Each fault, and that at most one print begins whatever it is.

use super::{Bench, SIX_SECONDS, SOCKET};
use crate::octoprint::door::{Framing, Input};
use crate::octoprint::settings::{Faults, ProgressTold, Settings};
use crate::web::Server as _;
use serde_json::{Value, json};

fn with(faults: Faults) -> Bench {
    let mut bench = Bench::new(Settings::default());
    bench.give(Input::Faults(faults));
    bench
}

#[test]
fn a_silent_server_answers_nothing_and_does_nothing() {
    let mut bench = with(Faults { silent: true, ..Faults::default() });
    let request = bench.upload_request("a.gcode", SIX_SECONDS, &json!({ "print": "true" }));
    let id = bench.ask(request);
    bench.pass(600_000);
    assert_eq!(bench.answer(id), None);
    assert!(bench.texts.is_empty());
    assert_eq!(bench.core.counters().uploads, 0);
}

#[test]
fn a_slow_server_does_it_at_once_and_says_so_later() {
    let mut bench = with(Faults { slow_ms: Some(30_000), ..Faults::default() });
    let request = bench.upload_request("a.gcode", SIX_SECONDS, &json!({}));
    let id = bench.ask(request);
    assert_eq!(bench.core.counters().uploads, 1);
    bench.pass(29_999);
    assert_eq!(bench.answer(id), None);
    bench.pass(1);
    assert_eq!(bench.answer(id).unwrap().unwrap().status, 201);
}

#[test]
fn refused_uploads_and_starts_change_nothing() {
    let faults = Faults { refuse_uploads: Some(500), ..Faults::default() };
    let mut bench = with(faults);
    assert_eq!(bench.upload("a.gcode", SIX_SECONDS, json!({})).status, 500);
    assert_eq!(bench.get("/api/files/local/a.gcode").status, 404);
    bench.give(Input::Faults(Faults { refuse_starts: Some(409), ..Faults::default() }));
    assert_eq!(bench.start("a.gcode").status, 409);
    assert_eq!(bench.call("POST", "/api/job", json!({ "command": "start" })).status, 409);
    let upload = bench.upload("b.gcode", SIX_SECONDS, json!({ "print": "true" }));
    assert_eq!(upload.body["effectivePrint"], false);
    assert_eq!(bench.core.counters().prints_begun.len(), 0);
}

#[test]
fn an_upload_cut_in_the_middle_leaves_no_file() {
    let mut bench = with(Faults { cut_uploads_after: Some(100), ..Faults::default() });
    let request = bench.upload_request("a.gcode", &"G1 X1\n".repeat(100), &json!({}));
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!(bench.get("/api/files/local/a.gcode").status, 404);
}

#[test]
fn an_ignored_start_is_accepted_and_never_prints() {
    let mut bench = with(Faults { ignore_starts: true, ..Faults::default() });
    assert_eq!(bench.start("a.gcode").status, 204);
    bench.pass(3_600_000);
    assert_eq!(bench.core.state(), "Operational");
    assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 0));
}

#[test]
fn a_late_start_prints_when_nobody_believes_in_it_any_more() {
    let mut bench = with(Faults { late_starts_ms: Some(120_000), ..Faults::default() });
    assert_eq!(bench.start("a.gcode").status, 204);
    bench.pass(119_000);
    assert_eq!(bench.core.state(), "Operational");
    bench.pass(2000);
    assert_eq!(bench.core.state(), "Printing");
}

#[test]
fn a_start_whose_answer_is_lost_has_begun() {
    let mut bench = with(Faults { lose_start_answers: true, ..Faults::default() });
    bench.upload("a.gcode", SIX_SECONDS, json!({}));
    let request = bench.request("POST", "/api/files/local/a.gcode", json!({ "command": "select", "print": true }));
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1));
}

#[test]
fn progress_can_be_told_wrongly() {
    let completion = |told, after_ms| {
        let mut bench = with(Faults { progress: told, ..Faults::default() });
        bench.start("a.gcode");
        bench.pass(after_ms);
        assert_eq!(bench.core.state(), "Printing");
        bench.get("/api/job").body["progress"]["completion"].as_f64().unwrap()
    };
    assert!(completion(ProgressTold::Truth, 1500) < 30.0);
    assert_eq!(completion(ProgressTold::StuckAtZero, 5000), 0.0);
    assert_eq!(completion(ProgressTold::AlwaysHundred, 1000), 100.0);
    assert!(completion(ProgressTold::Jumping, 1500) > 70.0);
    assert!(completion(ProgressTold::Jumping, 2500) < 50.0);
}

#[test]
fn a_rejected_key_and_a_full_disk_are_told_apart() {
    let mut bench = with(Faults { reject_key: true, ..Faults::default() });
    assert_eq!(bench.get("/api/job").status, 403);
    bench.give(Input::Faults(Faults { disk_full: true, ..Faults::default() }));
    assert_eq!(bench.upload("a.gcode", SIX_SECONDS, json!({})).status, 507);
}

#[test]
fn a_disk_has_an_end_by_itself() {
    let mut bench = Bench::new(Settings { disk_bytes: 20, ..Settings::default() });
    assert_eq!(bench.upload("a.gcode", "0123456789", json!({})).status, 201);
    assert_eq!(bench.upload("b.gcode", "0123456789+", json!({})).status, 507);
}

#[test]
fn dropped_push_sockets_stay_closed_until_the_fault_is_lifted() {
    let mut bench = with(Faults { drop_push: true, ..Faults::default() });
    assert_eq!(bench.texts, [json!("closed")]);
    bench.give(Input::SocketOpened { socket: SOCKET, door: Framing::Raw });
    assert_eq!(bench.texts.len(), 2);
    bench.give(Input::Faults(Faults::default()));
    bench.listen();
    assert!(bench.texts.iter().any(|text| text.get("history").is_some()));
}

#[test]
fn the_cable_fails_at_the_asked_percent() {
    let mut bench = with(Faults { unplug_at_percent: Some(50), ..Faults::default() });
    bench.start("a.gcode");
    bench.pass(2900);
    assert_eq!(bench.core.state(), "Printing");
    bench.pass(200);
    assert_eq!(bench.core.state(), "Offline after error");
    assert_eq!(bench.core.counters().prints_failed, 1);
}

#[test]
fn a_second_start_begins_nothing_under_any_fault() {
    let faults = [
        Faults::default(),
        Faults { slow_ms: Some(500), ..Faults::default() },
        Faults { lose_start_answers: true, ..Faults::default() },
        Faults { progress: ProgressTold::AlwaysHundred, ..Faults::default() },
    ];
    for fault in faults {
        let mut bench = with(fault.clone());
        let upload = bench.upload_request("a.gcode", SIX_SECONDS, &json!({}));
        bench.ask(upload);
        for _ in 0..3 {
            let body = json!({ "command": "select", "print": true });
            let start = bench.request("POST", "/api/files/local/a.gcode", body);
            bench.ask(start);
        }
        bench.pass(2000);
        assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1), "{fault:?}");
    }
}

#[test]
fn the_control_door_works_whatever_else_is_broken() {
    let mut bench = with(Faults { silent: true, reject_key: true, ..Faults::default() });
    bench.key = "none".into();
    assert_eq!(bench.get("/sim/faults").body["silent"], true);
    assert_eq!(bench.call("POST", "/sim/faults", json!({ "typo": 1 })).status, 400);
    assert_eq!(bench.call("POST", "/sim/faults", json!({})).status, 204);
    assert_eq!(bench.call("POST", "/sim/screen", json!({ "act": "start", "file": "x.gco" })).status, 204);
    assert_eq!(bench.get("/sim/counters").body["prints_begun"], json!({ "x.gco": 1 }));
    assert_eq!(bench.call("POST", "/sim/power", json!({ "off_ms": 1000 })).status, 204);
    let request = bench.request("GET", "/api/job", Value::Null);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
}
