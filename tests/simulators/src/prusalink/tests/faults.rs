//! Each fault, and that at most one print begins whatever it is.

use super::{Bench, SIX_SECONDS};
use crate::prusalink::door::{Input, Person};
use crate::prusalink::settings::{Faults, ProgressTold, Settings};
use crate::web::Server as _;
use serde_json::json;

#[test]
fn a_silent_server_answers_nothing_and_does_nothing() {
    let mut bench = Bench::with(Faults { silent: true, ..Faults::default() });
    let request = bench.put_request("a.gcode", SIX_SECONDS, &[("print-after-upload", "?1")]);
    let id = bench.ask(request);
    bench.pass(600_000);
    assert_eq!((bench.answer(id), bench.core.counters().uploads), (None, 0));
}

#[test]
fn a_slow_server_does_it_at_once_and_says_so_later() {
    let mut bench = Bench::with(Faults { slow_ms: Some(30_000), ..Faults::default() });
    let request = bench.put_request("a.gcode", SIX_SECONDS, &[]);
    let id = bench.ask(request);
    assert_eq!(bench.core.counters().uploads, 1);
    bench.pass(29_999);
    assert_eq!(bench.answer(id), None);
    bench.pass(1);
    assert_eq!(bench.answer(id).unwrap().unwrap().status, 201);
}

#[test]
fn refused_uploads_and_starts_change_nothing_and_a_refusal_after_the_last_byte_does() {
    let mut bench = Bench::with(Faults { refuse_uploads: Some(500), ..Faults::default() });
    assert_eq!(bench.put("a.gcode", SIX_SECONDS, &[]).status, 500);
    assert_eq!(bench.get("/api/v1/files/usb/a.gcode").status, 404);
    bench.give(Input::Faults(Faults { refuse_starts: Some(409), ..Faults::default() }));
    assert_eq!((bench.start("a.gcode").status, bench.begun("a.gcode")), (409, 0));
    bench.give(Input::Faults(Faults { refuse_stored: Some(409), ..Faults::default() }));
    assert_eq!(bench.put("b.gcode", SIX_SECONDS, &[]).status, 409);
    assert_eq!(bench.get("/api/v1/files/usb/b.gcode").status, 200);
}

#[test]
fn an_upload_cut_in_the_middle_leaves_no_file() {
    let mut bench = Bench::with(Faults { cut_uploads_after: Some(10), ..Faults::default() });
    let request = bench.put_request("a.gcode", SIX_SECONDS, &[]);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!(bench.get("/api/v1/files/usb/a.gcode").status, 404);
}

#[test]
fn an_ignored_start_is_accepted_and_never_prints() {
    let mut bench = Bench::with(Faults { ignore_starts: true, ..Faults::default() });
    assert_eq!(bench.start("a.gcode").status, 204);
    bench.pass(3_600_000);
    assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 0));
}

#[test]
fn a_late_start_prints_when_nobody_believes_in_it_any_more_unless_its_file_is_gone() {
    for (removed, begun) in [(false, 1), (true, 0)] {
        let mut bench = Bench::with(Faults { late_starts_ms: Some(120_000), ..Faults::default() });
        bench.start("a.gcode");
        bench.pass(119_000);
        assert_eq!(bench.begun("a.gcode"), 0);
        if removed {
            bench.call("DELETE", "/api/v1/files/usb/a.gcode");
        }
        bench.pass(2_000);
        assert_eq!(bench.begun("a.gcode"), begun);
    }
}

#[test]
fn a_start_whose_answer_is_lost_has_begun() {
    let mut bench = Bench::with(Faults { lose_start_answers: true, ..Faults::default() });
    bench.put("a.gcode", SIX_SECONDS, &[]);
    let request = bench.request("POST", "/api/v1/files/usb/a.gcode", "", &[]);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1));
}

#[test]
fn progress_can_be_told_wrongly() {
    let told = |progress, after_ms| {
        let mut bench = Bench::with(Faults { progress, ..Faults::default() });
        bench.start("a.gcode");
        bench.pass(after_ms);
        bench.get("/api/v1/status").body["job"]["progress"].as_f64().unwrap()
    };
    assert_eq!(told(ProgressTold::Truth, 1_500), 25.0);
    assert_eq!(told(ProgressTold::StuckAtZero, 5_000), 0.0);
    assert_eq!(told(ProgressTold::AlwaysHundred, 1_000), 100.0);
    assert_eq!((told(ProgressTold::Jumping, 1_500), told(ProgressTold::Jumping, 2_500)), (75.0, 41.0));
}

#[test]
fn a_rejected_key_a_full_drive_and_a_small_one_are_told_apart() {
    let mut bench = Bench::with(Faults { reject_key: true, ..Faults::default() });
    assert_eq!(bench.get("/api/v1/job").status, 401);
    bench.give(Input::Faults(Faults { disk_full: true, ..Faults::default() }));
    assert_eq!(bench.put("a.gcode", SIX_SECONDS, &[]).status, 507);
    let mut small = Bench::new(Settings { disk_bytes: 20, ..Settings::default() });
    assert_eq!(small.put("a.gcode", SIX_SECONDS, &[]).status, 201);
    assert_eq!(small.put("b.gcode", SIX_SECONDS, &[]).status, 507);
}

#[test]
fn a_print_can_fail_at_the_asked_percent_and_a_finish_can_be_hidden() {
    let mut bench = Bench::with(Faults { fail_at_percent: Some(50), ..Faults::default() });
    bench.start("a.gcode");
    bench.pass(2_900);
    assert_eq!(bench.core.state(), "PRINTING");
    bench.pass(200);
    assert_eq!((bench.core.state(), bench.core.counters().prints_failed), ("ERROR", 1));
    bench.person(Person::Mend);
    bench.give(Input::Faults(Faults { hide_finish: true, ..Faults::default() }));
    bench.start("a.gcode");
    bench.pass(10_000);
    assert_eq!((bench.core.state(), bench.core.counters().prints_done), ("IDLE", 1));
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
        let mut bench = Bench::with(fault.clone());
        let put = bench.put_request("a.gcode", SIX_SECONDS, &[]);
        bench.ask(put);
        for _ in 0..3 {
            let start = bench.request("POST", "/api/v1/files/usb/a.gcode", "", &[]);
            bench.ask(start);
        }
        bench.pass(2_000);
        assert_eq!((bench.accepted("a.gcode"), bench.begun("a.gcode")), (1, 1), "{fault:?}");
    }
}

#[test]
fn the_control_door_works_whatever_else_is_broken() {
    let mut bench = Bench::with(Faults { silent: true, reject_key: true, ..Faults::default() });
    bench.key = None;
    assert_eq!(bench.get("/sim/faults").body["silent"], true);
    assert_eq!(bench.control("/sim/faults", &json!({ "typo": 1 })).status, 400);
    assert_eq!(bench.control("/sim/faults", &json!({})).status, 204);
    assert_eq!(bench.control("/sim/screen", &json!({ "act": "start", "file": "x.gco" })).status, 204);
    assert_eq!(bench.get("/sim/counters").body["prints_begun"], json!({ "x.gco": 1 }));
    assert_eq!(bench.control("/sim/power", &json!({ "off_ms": 1000 })).status, 204);
    let request = bench.request("GET", "/api/v1/job", "", &[]);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
}
