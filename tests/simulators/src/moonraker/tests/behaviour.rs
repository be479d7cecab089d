//! What a healthy server does.

use super::{Bench, SIX_SECONDS};
use crate::moonraker::door::{Input, Person};
use crate::moonraker::settings::Settings;
use crate::web::Server as _;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::new(Settings::default())
}

fn status(bench: &mut Bench, object: &str) -> Value {
    bench.get(&format!("/printer/objects/query?{object}")).body["result"]["status"][object].clone()
}

#[test]
fn a_print_heats_extrudes_and_completes_and_nothing_is_counted_before_it_extrudes() {
    let mut bench = bench();
    bench.upload("a.gcode", &format!("M109 S121.3\n{SIX_SECONDS}"), json!({}));
    bench.call("POST", "/printer/print/start", json!({ "filename": "a.gcode" }));
    bench.pass(9_000);
    let stats = status(&mut bench, "print_stats");
    assert_eq!((&stats["state"], &stats["print_duration"]), (&json!("printing"), &json!(0.0)));
    bench.pass(4_000);
    let progress = status(&mut bench, "virtual_sdcard")["progress"].as_f64().unwrap();
    assert!((0.3..0.7).contains(&progress), "{progress}");
    bench.until("complete");
    assert_eq!(bench.last_job(), "completed");
    assert_eq!(bench.core.counters().prints_done, 1);
}

#[test]
fn a_change_is_told_with_only_what_changed_and_an_idle_printer_tells_only_of_itself() {
    let mut bench = bench();
    bench.pass(5_000);
    assert!(bench.notified("notify_status_update").is_empty());
    bench.start("a.gcode");
    let changes = bench.notified("notify_status_update");
    assert_eq!(changes[0][0]["print_stats"]["state"], "printing");
    assert!(changes[0][0].get("webhooks").is_none());
    bench.pass(1_000);
    assert_eq!(bench.notified("notify_proc_stat_update").len(), 1);
}

#[test]
fn a_restart_of_klipper_ends_the_print_and_drops_the_subscription_without_a_word() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(1_000);
    bench.give(Input::Person(Person::RestartKlipper));
    assert_eq!(bench.get("/printer/objects/query?webhooks").status, 503);
    assert_eq!(bench.get("/printer/info").status, 404);
    bench.until("standby");
    assert_eq!(bench.last_job(), "klippy_disconnect");
    bench.texts.clear();
    bench.start("a.gcode");
    bench.pass(5_000);
    assert!(bench.notified("notify_status_update").is_empty());
}

#[test]
fn a_start_over_a_paused_print_is_taken_and_the_paused_one_counts_as_cancelled() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.give(Input::Person(Person::Pause));
    bench.until("paused");
    assert_eq!(bench.start("b.gcode").status, 200);
    assert_eq!((bench.core.printing(), bench.core.counters().prints_cancelled), (Some("b.gcode"), 1));
}

#[test]
fn a_spool_that_runs_out_is_told_by_its_sensor_and_pauses() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.give(Input::Person(Person::Runout));
    bench.until("paused");
    let told = bench.get("/printer/objects/query?filament_switch_sensor%20spool").body;
    assert_eq!(told["result"]["status"]["filament_switch_sensor spool"]["filament_detected"], false);
}

#[test]
fn a_controller_that_is_lost_halts_klipper_until_it_is_back_and_restarted() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.give(Input::Person(Person::UnplugUsb));
    assert_eq!((bench.core.state(), bench.last_job()), ("shutdown", json!("klippy_shutdown")));
    assert_eq!(bench.start("b.gcode").status, 400);
    bench.give(Input::Person(Person::RestartKlipper));
    bench.until("error");
    bench.give(Input::Person(Person::PlugUsb));
    bench.give(Input::Person(Person::RestartKlipper));
    bench.until("standby");
}

#[test]
fn a_power_cut_keeps_files_and_history_and_the_job_that_ran_is_interrupted() {
    let mut bench = bench();
    bench.start("a.gcode");
    bench.pass(2_000);
    bench.give(Input::PowerCut { off_ms: 5_000 });
    assert_eq!(bench.texts.last(), Some(&json!("closed")));
    let request = bench.request("GET", "/server/info", Value::Null);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), Some(None));
    bench.pass(6_000);
    bench.until("standby");
    assert_eq!(bench.last_job(), "interrupted");
    assert_eq!(bench.get("/server/files/directory?path=gcodes").body["result"]["files"][0]["filename"], "a.gcode");
    assert_eq!(bench.core.counters().prints_failed, 1);
}

#[test]
fn a_copy_into_a_folder_that_was_just_made_is_never_answered_and_holds_up_all_files() {
    let mut bench = bench();
    bench.upload("a.gcode", SIX_SECONDS, json!({ "path": "new" }));
    let copy = |bench: &Bench| {
        bench.request("POST", "/server/files/copy", json!({ "source": "gcodes/new/a.gcode", "dest": "gcodes/new/b.gcode" }))
    };
    let request = copy(&bench);
    let id = bench.ask(request);
    bench.pass(60_000);
    assert_eq!(bench.answer(id), None);
    let request = bench.request("DELETE", "/server/files/gcodes/new/a.gcode", Value::Null);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id), None);
    bench.pass(1_200_000);
    let request = copy(&bench);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id).unwrap().unwrap().status, 200);
}

#[test]
fn a_key_that_is_shown_must_be_right_and_without_trust_one_must_be_shown() {
    let mut bench = bench();
    bench.key = Some("wrong".into());
    assert_eq!(bench.get("/server/info").status, 401);
    let mut strict = Bench::new(Settings { trusts_clients: false, ..Settings::default() });
    assert_eq!(strict.get("/server/info").status, 401);
    strict.key = Some(Settings::default().api_key);
    assert_eq!(strict.get("/server/info").status, 200);
}

#[test]
fn the_same_night_gives_the_same_answers() {
    let night = || {
        let mut bench = bench();
        for name in ["a.gcode", "b.gcode", "c.gcode"] {
            bench.start(name);
            bench.pass(9_000);
        }
        (format!("{:?}", bench.texts), format!("{:?}", bench.core.counters()))
    };
    assert_eq!(night(), night());
}
