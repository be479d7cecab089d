//! What the recording cannot show: keys, push sockets, time, heat, people, power.

use super::{Bench, SIX_SECONDS, SOCKET};
use crate::octoprint::door::{Framing, Input, Person};
use crate::octoprint::settings::Settings;
use crate::web::Server as _;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::new(Settings::default())
}

#[test]
fn a_wrong_key_is_403_on_reads_and_400_on_writes() {
    let mut bench = bench();
    bench.key = "wrong".into();
    assert_eq!(bench.get("/api/job").status, 403);
    assert_eq!(bench.get("/api/version").status, 403);
    let start = bench.call("POST", "/api/job", json!({ "command": "start" }));
    assert_eq!((start.status, start.body), (400, json!({ "error": "CSRF validation failed" })));
    assert_eq!(bench.upload("a.gcode", SIX_SECONDS, json!({})).status, 400);
}

#[test]
fn a_bearer_token_is_as_good_as_a_key() {
    let mut bench = bench();
    let mut request = bench.request("GET", "/api/job", Value::Null);
    request.headers_mut().remove("x-api-key");
    let bearer = format!("Bearer {}", bench.key);
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let id = bench.ask(request);
    assert_eq!(bench.answer(id).unwrap().unwrap().status, 200);
}

#[test]
fn answers_are_written_as_a_real_server_writes_them() {
    let mut bench = bench();
    bench.upload("ä.gcode", "G28\n", json!({}));
    let request = bench.request("GET", "/api/version", Value::Null);
    let outputs = bench.core.handle(bench.now, Input::Request { id: super::RequestId(9), request });
    let text = format!("{outputs:?}");
    assert!(
        text.contains(r#"{\n  \"api\": \"0.1\",\n  \"server\": \"1.11.8\",\n  \"text\": \"OctoPrint 1.11.8\"\n}\n"#),
        "{text}"
    );
}

#[test]
fn a_push_socket_hears_connected_then_history_then_events() {
    let mut bench = bench();
    bench.texts.clear();
    bench.listen();
    let kinds: Vec<String> = bench.texts.iter().filter_map(|text| text.as_object()?.keys().next().cloned()).collect();
    assert_eq!(kinds, ["connected", "history", "timelapse", "event"]);
}

#[test]
fn a_push_socket_with_a_stale_session_must_log_in_again() {
    let mut bench = bench();
    bench.say(&json!({ "auth": "admin:stale" }));
    assert_eq!(bench.texts, [json!({ "reauthRequired": { "reason": "stale" } })]);
    bench.texts.clear();
    bench.start("a.gcode");
    bench.pass(2000);
    assert!(bench.texts.is_empty());
}

#[test]
fn the_throttle_sets_how_often_the_state_comes() {
    let mut bench = bench();
    bench.upload("a.gcode", ";TIME:600\nG28\n", json!({ "print": "true" }));
    for (throttle, expected) in [(1, 20), (4, 5)] {
        bench.say(&json!({ "throttle": throttle }));
        bench.pass(5000);
        bench.texts.clear();
        bench.pass(10_000);
        let currents = bench.texts.iter().filter(|text| text.get("current").is_some()).count();
        assert_eq!(currents, expected, "throttle {throttle}");
    }
}

#[test]
fn a_subscription_lets_only_the_named_events_through() {
    let mut bench = bench();
    bench.say(&json!({ "subscribe": { "state": false, "events": ["PrintDone"] } }));
    bench.start("a.gcode");
    bench.pass(10_000);
    assert!(bench.texts.iter().all(|text| text.get("current").is_none()));
    assert_eq!(bench.event_names(), ["PrintDone"]);
}

#[test]
fn a_sockjs_socket_wraps_its_messages() {
    let mut bench = bench();
    bench.give(Input::SocketClosed { socket: SOCKET });
    bench.texts.clear();
    bench.give(Input::SocketOpened { socket: SOCKET, door: Framing::SockJs });
    assert_eq!(bench.texts[0], json!("o"));
    assert!(bench.texts[1].as_str().unwrap().starts_with("a[{\"connected\":"), "{:?}", bench.texts);
    bench.give(Input::SocketText { socket: SOCKET, text: json!([json!({ "auth": "a:b" }).to_string()]).to_string() });
    assert_eq!(bench.texts[2], json!("a[{\"reauthRequired\":{\"reason\":\"stale\"}}]"));
}

#[test]
fn a_print_takes_the_time_that_the_file_names_divided_by_the_speed() {
    let mut bench = Bench::new(Settings { speed: 10, ..Settings::default() });
    bench.upload("a.gcode", ";TIME:600\nG28\n", json!({ "print": "true" }));
    let begun = bench.now;
    bench.until("Finishing");
    let took = bench.now.millis_since(begun);
    assert!((60_000..60_050).contains(&took), "{took} ms");
}

#[test]
fn a_fixed_duration_overrides_the_file_and_a_silent_file_takes_the_default() {
    let fixed = Settings { fixed_print_ms: Some(1000), ..Settings::default() };
    let silent = Settings { default_print_ms: 3000, ..Settings::default() };
    for (settings, content, ms) in [(fixed, ";TIME:600\n", 1000), (silent, "G28\n", 3000)] {
        let mut bench = Bench::new(settings);
        bench.upload("a.gcode", content, json!({ "print": "true" }));
        let begun = bench.now;
        bench.until("Finishing");
        assert!((ms..ms + 50).contains(&bench.now.millis_since(begun)));
    }
}

#[test]
fn the_nozzle_climbs_before_bytes_flow_and_cools_after() {
    let mut bench = bench();
    let content = format!(";TIME:60\nM140 S60\nM109 S121.3\n{}", "G1 X1 Y1\n".repeat(200));
    bench.upload("hot.gcode", &content, json!({ "print": "true" }));
    bench.pass(5000);
    let heat = bench.get("/api/printer").body["temperature"].clone();
    assert_eq!(heat["tool0"], json!({ "actual": 71.3, "offset": 0, "target": 121.3 }));
    assert_eq!(heat["bed"], json!({ "actual": 60.0, "offset": 0, "target": 60.0 }));
    let completion = |bench: &mut Bench| bench.get("/api/job").body["progress"]["completion"].as_f64().unwrap();
    assert!(completion(&mut bench) < 3.0);
    bench.pass(5000 + 30_000);
    assert!((50.0..53.0).contains(&completion(&mut bench)), "{}", completion(&mut bench));
    bench.until("Operational");
    bench.pass(3_600_000);
    assert_eq!(bench.get("/api/printer").body["temperature"]["tool0"]["actual"], json!(21.3));
}

#[test]
fn the_time_of_a_print_leaves_out_the_pause() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(2000);
    bench.call("POST", "/api/job", json!({ "command": "pause", "action": "pause" }));
    bench.pass(60_000);
    bench.call("POST", "/api/job", json!({ "command": "pause", "action": "resume" }));
    bench.until("Operational");
    let done = bench.events().into_iter().find(|event| event["type"] == "PrintDone").unwrap();
    assert_eq!(done["payload"]["time"], json!(6.0));
}

#[test]
fn a_cancel_tells_cancelled_and_then_failed_with_the_reason_cancelled() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(2000);
    bench.events();
    bench.call("POST", "/api/job", json!({ "command": "cancel" }));
    bench.until("Operational");
    let mut events = bench.events();
    events.retain(|event| event["type"].as_str().is_some_and(|name| name.starts_with("Print")));
    let told = |event: &Value| event["payload"]["state_id"].as_str().or(event["type"].as_str()).map(str::to_owned);
    let names: Vec<String> = events.iter().filter_map(told).collect();
    assert_eq!(names, ["PrintCancelling", "CANCELLING", "PrintCancelled", "PrintFailed", "OPERATIONAL"]);
    assert_eq!(events[3]["payload"]["reason"], "cancelled");
    assert_eq!(bench.core.counters().prints_cancelled, 1);
}

#[test]
fn a_copy_inherits_the_print_history_of_its_original() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.until("Operational");
    bench.call("POST", "/api/files/local/a.gcode", json!({ "command": "copy", "destination": "b.gcode" }));
    assert_eq!(bench.get("/api/files/local/b.gcode").body["prints"]["success"], 1);
}

#[test]
fn a_file_from_the_card_is_a_foreign_print_that_no_upload_knows() {
    let mut bench = bench();
    bench.give(Input::Person(Person::Start { file: "benchy.gco".into() }));
    bench.pass(1000);
    let job = bench.get("/api/job").body;
    assert_eq!((&job["state"], &job["job"]["file"]["origin"]), (&json!("Printing from SD"), &json!("sdcard")));
    assert_eq!(bench.start("a.gcode").status, 409);
    bench.give(Input::Person(Person::Cancel));
    bench.until("Operational");
    assert_eq!((bench.begun("benchy.gco"), bench.accepted("benchy.gco")), (1, 0));
}

#[test]
fn a_person_pauses_resumes_and_cancels_our_print() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.until("Printing");
    bench.give(Input::Person(Person::Pause));
    bench.until("Paused");
    bench.give(Input::Person(Person::Resume));
    bench.until("Printing");
    bench.give(Input::Person(Person::Cancel));
    bench.until("Operational");
    assert_eq!(bench.get("/api/files/local/a.gcode").body["prints"]["failure"], 1);
}

#[test]
fn a_pulled_cable_ends_the_print_and_only_a_new_connection_helps() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(3000);
    bench.give(Input::Person(Person::UnplugUsb));
    assert_eq!(bench.get("/api/printer").status, 409);
    let job = bench.get("/api/job").body;
    assert_eq!(job["state"], "Offline after error");
    assert_eq!(job["job"]["file"]["path"], Value::Null);
    let failed = bench.events().into_iter().find(|event| event["type"] == "PrintFailed").unwrap();
    assert_eq!(failed["payload"]["reason"], "error");

    bench.call("POST", "/api/connection", json!({ "command": "connect" }));
    bench.until("Offline after error");
    bench.give(Input::Person(Person::PlugUsb));
    bench.call("POST", "/api/connection", json!({ "command": "connect" }));
    bench.until("Operational");
}

#[test]
fn a_power_cut_keeps_the_files_and_forgets_the_print_and_the_sessions() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(2000);
    bench.texts.clear();
    bench.give(Input::PowerCut { off_ms: 5000 });
    assert_eq!(bench.texts, [json!("closed")]);
    let request = bench.request("GET", "/api/job", Value::Null);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    bench.pass(6000);
    bench.until("Operational");
    assert_eq!(bench.get("/api/job").body["job"]["file"]["path"], Value::Null);
    let file = bench.get("/api/files/local/a.gcode").body;
    assert_eq!((&file["size"], &file["prints"]), (&json!(SIX_SECONDS.len()), &Value::Null));
    assert_eq!(bench.core.counters().prints_failed, 1);
}

#[test]
fn the_same_night_gives_the_same_answers() {
    let night = || {
        let mut bench = bench();
        for name in ["a.gcode", "b.gcode", "c.gcode"] {
            bench.start(name);
            bench.pass(9000);
        }
        (format!("{:?}", bench.texts), format!("{:?}", bench.core.counters()))
    };
    assert_eq!(night(), night());
}
