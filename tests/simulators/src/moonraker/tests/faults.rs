//! Each fault, and that at most one print begins whatever it is.

use super::{Bench, SIX_SECONDS, SOCKET};
use crate::moonraker::door::Input;
use crate::moonraker::settings::{Faults, ProgressTold, Settings};
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
    bench.pass(60_000);
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
    let mut bench = with(Faults { refuse_uploads: Some(500), ..Faults::default() });
    assert_eq!(bench.upload("a.gcode", SIX_SECONDS, json!({})).status, 500);
    bench.give(Input::Faults(Faults { refuse_starts: Some(400), ..Faults::default() }));
    assert_eq!(bench.start("a.gcode").status, 400);
    let upload = bench.upload("b.gcode", SIX_SECONDS, json!({ "print": "true" }));
    assert_eq!((upload.status, &upload.body["print_started"]), (201, &json!(false)));
    assert!(bench.core.counters().prints_begun.is_empty());
}

#[test]
fn an_upload_cut_in_the_middle_leaves_no_file() {
    let mut bench = with(Faults { cut_uploads_after: Some(100), ..Faults::default() });
    let request = bench.upload_request("a.gcode", &"G1 X1\n".repeat(100), &json!({}));
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!(bench.get("/server/files/directory?path=gcodes").body["result"]["files"], json!([]));
}

#[test]
fn an_ignored_start_is_accepted_and_never_prints() {
    let mut bench = with(Faults { ignore_starts: true, ..Faults::default() });
    assert_eq!(bench.start("a.gcode").status, 200);
    bench.pass(600_000);
    assert_eq!((bench.core.state(), bench.accepted("a.gcode"), bench.begun("a.gcode")), ("standby", 1, 0));
}

#[test]
fn a_late_start_prints_when_nobody_believes_in_it_any_more() {
    let mut bench = with(Faults { late_starts_ms: Some(120_000), ..Faults::default() });
    assert_eq!(bench.start("a.gcode").status, 200);
    bench.pass(119_000);
    assert_eq!(bench.core.state(), "standby");
    bench.pass(2_000);
    assert_eq!(bench.core.state(), "printing");
}

#[test]
fn a_start_whose_answer_is_lost_has_begun() {
    let mut bench = with(Faults { lose_start_answers: true, ..Faults::default() });
    bench.upload("a.gcode", SIX_SECONDS, json!({}));
    let request = bench.request("POST", "/printer/print/start", json!({ "filename": "a.gcode" }));
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1));
}

#[test]
fn progress_can_be_told_wrongly() {
    let progress = |told, after_ms| {
        let mut bench = with(Faults { progress: told, ..Faults::default() });
        bench.start("a.gcode");
        bench.pass(after_ms);
        let told = bench.get("/printer/objects/query?display_status").body;
        told["result"]["status"]["display_status"]["progress"].as_f64().unwrap()
    };
    assert!(progress(ProgressTold::Truth, 1_500) < 0.3);
    assert!(progress(ProgressTold::StuckAtZero, 5_000) < 0.01);
    assert!(progress(ProgressTold::AlwaysHundred, 1_000) > 0.99);
    assert!(progress(ProgressTold::Jumping, 1_500) > 0.7);
}

#[test]
fn a_rejected_key_and_a_full_disk_are_told_apart() {
    let mut bench = with(Faults { reject_key: true, ..Faults::default() });
    assert_eq!(bench.get("/server/info").status, 401);
    bench.give(Input::Faults(Faults { disk_full: true, ..Faults::default() }));
    assert_eq!(bench.upload("a.gcode", SIX_SECONDS, json!({})).status, 500);
}

#[test]
fn dropped_sockets_stay_closed_until_the_fault_is_lifted() {
    let mut bench = with(Faults { drop_push: true, ..Faults::default() });
    assert_eq!(bench.texts, [json!("closed")]);
    bench.give(Input::SocketOpened { socket: SOCKET, door: () });
    assert_eq!(bench.texts.len(), 2);
    bench.give(Input::Faults(Faults::default()));
    bench.give(Input::SocketOpened { socket: SOCKET, door: () });
    bench.subscribe();
    assert!(bench.texts.iter().any(|text| text.pointer("/result/status").is_some()));
}

#[test]
fn the_controller_fails_at_the_asked_percent() {
    let mut bench = with(Faults { unplug_at_percent: Some(50), ..Faults::default() });
    bench.start("a.gcode");
    bench.pass(2_900);
    assert_eq!(bench.core.state(), "printing");
    bench.pass(200);
    assert_eq!((bench.core.state(), bench.core.counters().prints_failed), ("shutdown", 1));
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
            let start = bench.request("POST", "/printer/print/start", json!({ "filename": "a.gcode" }));
            bench.ask(start);
        }
        bench.pass(2_000);
        assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1), "{fault:?}");
    }
}

#[test]
fn the_control_door_works_whatever_else_is_broken() {
    let mut bench = with(Faults { silent: true, reject_key: true, ..Faults::default() });
    bench.key = Some("none".into());
    assert_eq!(bench.get("/sim/faults").body["silent"], true);
    assert_eq!(bench.call("POST", "/sim/faults", json!({ "typo": 1 })).status, 400);
    assert_eq!(bench.call("POST", "/sim/faults", json!({})).status, 204);
    assert_eq!(bench.call("POST", "/sim/screen", json!({ "act": "start", "file": "x.gcode" })).status, 204);
    assert_eq!(bench.get("/sim/counters").body["prints_begun"], json!({ "x.gcode": 1 }));
    assert_eq!(bench.call("POST", "/sim/power", json!({ "off_ms": 1000 })).status, 204);
    let request = bench.request("GET", "/server/info", Value::Null);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
}
