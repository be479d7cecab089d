//! The life of a print, and what is refused.

use super::{Bench, CLIENT, JOB};
use crate::bambu::codes;
use crate::bambu::door::{ClientId, Input, Person};
use crate::bambu::packets::{Heard, Told};
use crate::bambu::project::tests::{GCODE, file};
use crate::bambu::settings::{Model, Settings, Tray};
use serde_json::{Value, json};

#[test]
fn a_print_goes_from_prepare_over_heating_to_its_end() {
    let mut bench = Bench::of(Model::P1s);
    let reply = bench.start().unwrap();
    assert_eq!(
        (&reply["result"], &reply["command"], &reply["task_id"]),
        (&json!("success"), &json!("project_file"), &json!("12"))
    );
    bench.state("PREPARE");
    assert_eq!(bench.told["subtask_name"], "a");
    assert_eq!(bench.told["total_layer_num"], 0);
    bench.state("RUNNING");
    assert_eq!((&bench.told["stg_cur"], &bench.told["nozzle_target_temper"]), (&json!(2), &json!(220.0)));
    assert_eq!((&bench.told["mc_percent"], &bench.told["layer_num"]), (&json!(0), &json!(0)));
    bench.until("stg_cur", &json!(0));
    bench.pass(3100);
    assert_eq!((&bench.told["mc_percent"], &bench.told["layer_num"]), (&json!(50), &json!(6)));
    assert_eq!((&bench.told["total_layer_num"], &bench.told["mc_remaining_time"]), (&json!(10), &json!(1)));
    assert_eq!((&bench.told["task_id"], &bench.told["subtask_id"]), (&json!("12"), &json!("13")));
    assert_eq!(bench.told["ams"]["tray_now"], "0");
    bench.state("FINISH");
    assert_eq!((&bench.told["mc_percent"], &bench.told["mc_remaining_time"]), (&json!(100), &json!(0)));
    assert_eq!(bench.told["ams"]["tray_now"], "255");
    assert_eq!((bench.accepted(), bench.begun(), bench.core.counters().prints_done), (1, 1, 1));
}

#[test]
fn a_pause_takes_its_time_and_none_of_the_print() {
    let mut bench = Bench::of(Model::P1s);
    bench.printing();
    bench.print(json!({ "command": "pause", "param": "" }));
    assert_eq!(bench.core.state(), "RUNNING");
    bench.state("PAUSE");
    assert_eq!(bench.told["stg_cur"], 16);
    let percent = bench.told["mc_percent"].clone();
    bench.pass(60_000);
    assert_eq!(bench.told["mc_percent"], percent);
    bench.print(json!({ "command": "resume", "param": "" }));
    bench.state("RUNNING");
    bench.state("FINISH");
}

#[test]
fn a_cancel_is_a_failure_with_a_code_that_goes_away() {
    let mut bench = Bench::of(Model::P1s);
    bench.printing();
    bench.print(json!({ "command": "stop", "param": "" }));
    bench.state("FAILED");
    assert_eq!(bench.told["print_error"], codes::CANCELLED);
    bench.pass(1900);
    assert_eq!(bench.told["print_error"], codes::CANCELLED);
    bench.pass(200);
    assert_eq!((&bench.told["print_error"], &bench.told["gcode_state"]), (&json!(0), &json!("FAILED")));
    assert_eq!(bench.core.counters().prints_cancelled, 1);
}

#[test]
fn the_code_of_a_cancel_may_follow_the_state() {
    let mut bench = Bench::new(Settings { cancel_code_after_ms: 1000, ..Settings::of(Model::A1, 7) });
    bench.printing();
    bench.person(Person::Cancel);
    bench.state("FAILED");
    assert_eq!(bench.told["print_error"], 0);
    bench.pass(1000);
    assert_eq!(bench.told["print_error"], codes::CANCELLED);
    bench.pass(2000);
    assert_eq!(bench.told["print_error"], 0);
}

#[test]
fn a_cancel_while_it_looks_at_the_file_prints_nothing() {
    let mut bench = Bench::of(Model::P1s);
    bench.start();
    bench.print(json!({ "command": "stop" }));
    bench.pass(60_000);
    assert_eq!((bench.core.state(), bench.begun()), ("FAILED", 0));
}

#[test]
fn a_busy_printer_refuses_a_start_and_goes_on() {
    let mut bench = Bench::of(Model::P1s);
    bench.printing();
    let reply = bench.start().unwrap();
    assert_eq!((&reply["result"], &reply["err_code"]), (&json!("failed"), &json!(codes::BUSY)));
    assert_eq!(bench.told["print_error"], codes::BUSY);
    bench.state("FINISH");
    assert_eq!((bench.accepted(), bench.begun(), bench.told["print_error"].clone()), (1, 1, json!(0)));
}

/// What becomes of a start that was accepted.
fn check(more: &Value, expected: u32) {
    let mut bench = Bench::of(Model::P1s);
    bench.core.card.create("/half.3mf");
    bench.core.card.append("/half.3mf", &file(GCODE, &[1])[..200]).unwrap();
    bench.core.card.create("/three.3mf");
    bench.core.card.append("/three.3mf", &file(GCODE, &[3])).unwrap();
    assert_eq!(bench.start_with(more).unwrap()["result"], "success", "{more}");
    bench.pass(60_000);
    if expected == 0 {
        assert_eq!((bench.core.state(), bench.begun()), ("FINISH", 1), "{more}");
    } else {
        assert_eq!((bench.core.state(), bench.begun()), ("FAILED", 0), "{more}");
        assert_eq!(bench.told["print_error"], expected, "{more}");
    }
}

#[test]
fn a_start_is_accepted_and_fails_if_its_file_is_not_good() {
    let sum = format!("{:x}", md5::compute(file(GCODE, &[1])));
    check(&json!({ "md5": sum }), 0);
    check(&json!({ "md5": "0123456789abcdef0123456789abcdef" }), codes::UNREADABLE);
    check(&json!({ "url": "ftp:///nothing.3mf" }), codes::NO_FILE);
    check(&json!({ "url": "ftp:///half.3mf" }), codes::UNREADABLE);
    check(&json!({ "param": "Metadata/plate_2.gcode" }), codes::UNREADABLE);
    check(&json!({ "url": "ftp:///dr\u{fc}ck.3mf" }), codes::BAD_PATH);
    check(&json!({ "url": format!("file:///sdcard{JOB}") }), 0);
}

#[test]
fn each_filament_of_the_plate_needs_a_filled_slot() {
    check(&json!({ "ams_mapping": [2] }), 0);
    check(&json!({ "ams_mapping": [3] }), codes::RUNOUT);
    check(&json!({ "ams_mapping": [4] }), codes::NO_MAPPING);
    check(&json!({ "ams_mapping": [-1] }), codes::NO_MAPPING);
    check(&json!({ "ams_mapping": [] }), codes::NO_MAPPING);
    // Filaments that the plate does not use need none.
    check(&json!({ "url": "ftp:///three.3mf", "ams_mapping": [-1, -1, 1] }), 0);
    check(&json!({ "url": "ftp:///three.3mf", "ams_mapping": [1] }), codes::NO_MAPPING);
    // No bool, no AMS.
    check(&json!({ "use_ams": 1 }), codes::EXTERNAL_RUNOUT);
    check(&json!({ "use_ams": false, "ams_mapping": [0] }), codes::EXTERNAL_RUNOUT);
    let outside = json!([{ "ams_id": 255, "slot_id": 0 }]);
    check(&json!({ "ams_mapping": [-1], "ams_mapping2": outside }), codes::EXTERNAL_RUNOUT);
}

#[test]
fn the_external_spool_feeds_what_no_slot_does() {
    let mut bench = Bench::of(Model::A1);
    bench.person(Person::Load { unit: None, slot: 0, tray: Tray::pla("FFFFFFFF") });
    bench.start_with(&json!({ "use_ams": false, "ams_mapping": [-1], "ams_mapping2": [{ "ams_id": 255, "slot_id": 0 }] }));
    bench.state("RUNNING");
    assert_eq!(bench.told["ams"]["tray_now"], "254");
    assert_eq!(bench.told["vt_tray"]["tray_type"], "PLA");
}

#[test]
fn a_printer_without_an_ams_has_no_mapping() {
    let mut bench = Bench::new(Settings { ams: Vec::new(), ..Settings::of(Model::P1s, 7) });
    assert_eq!(bench.told["ams"]["ams_exist_bits"], "0");
    bench.start();
    bench.state("FAILED");
    assert_eq!(bench.told["print_error"], codes::NO_AMS);
}

#[test]
fn a_spool_that_is_taken_out_leaves_a_bare_slot() {
    let mut bench = Bench::of(Model::P1s);
    assert_eq!(bench.told["ams"]["tray_exist_bits"], "7");
    bench.person(Person::Load { unit: Some(0), slot: 1, tray: Tray::empty() });
    assert_eq!(bench.told["ams"]["tray_exist_bits"], "5");
    assert_eq!(bench.told["ams"]["ams"][0]["tray"][1], json!({ "id": "1" }));
}

#[test]
fn a_runout_pauses_and_a_failure_stays_until_somebody_closes_it() {
    let mut bench = Bench::of(Model::P1s);
    bench.printing();
    bench.person(Person::Runout);
    assert_eq!((&bench.told["gcode_state"], &bench.told["print_error"]), (&json!("PAUSE"), &json!(codes::RUNOUT)));
    assert_eq!(bench.told["stg_cur"], 6);
    bench.person(Person::Resume);
    bench.state("RUNNING");
    assert_eq!(bench.told["print_error"], 0);
    bench.person(Person::Health { messages: vec![(0x0300_0100, 0x0001_0007)] });
    bench.person(Person::Fail { print_error: 0x0300_4014 });
    bench.pass(60_000);
    assert_eq!((&bench.told["gcode_state"], &bench.told["print_error"]), (&json!("FAILED"), &json!(0x0300_4014)));
    assert_eq!(bench.told["hms"], json!([{ "attr": 0x0300_0100, "code": 0x0001_0007 }]));
    bench.print(json!({ "command": "clean_print_error" }));
    assert_eq!(bench.told["print_error"], 0);
    assert_eq!(bench.core.counters().prints_failed, 1);
}

#[test]
fn speed_light_and_temperatures_are_told_as_they_are_set() {
    let mut bench = Bench::of(Model::X1c);
    bench.print(json!({ "command": "print_speed", "param": "3" }));
    bench.ask(json!({ "system": { "sequence_id": "1", "command": "ledctrl", "led_node": "chamber_light", "led_mode": "off" } }));
    bench.print(json!({ "command": "gcode_line", "param": "M104 S200\nM140 S60\n" }));
    bench.pass(10_000);
    assert_eq!((&bench.told["spd_lvl"], &bench.told["spd_mag"]), (&json!(3), &json!(124)));
    assert_eq!(bench.told["lights_report"][0]["mode"], "off");
    assert_eq!((&bench.told["nozzle_target_temper"], &bench.told["bed_target_temper"]), (&json!(200.0), &json!(60.0)));
    assert_eq!(bench.print(json!({ "command": "print_speed", "param": "9" })).unwrap()["result"], "failed");
    assert_eq!(bench.print(json!({ "command": "dance" })), None);
}

#[test]
fn the_version_names_printer_firmware_and_ams() {
    let mut bench = Bench::of(Model::P1s);
    bench.ask(json!({ "info": { "sequence_id": "5", "command": "get_version" } }));
    let told = &bench.messages.last().unwrap()["info"];
    assert_eq!(told["sequence_id"], "5");
    let modules = told["module"].as_array().unwrap();
    let ota = modules.iter().find(|module| module["name"] == "ota").unwrap();
    assert_eq!((&ota["sw_ver"], &ota["product_name"]), (&json!("01.08.02.00"), &json!("Bambu Lab P1S")));
    assert!(modules.iter().any(|module| module["name"] == "ams/0"));
}

#[test]
fn a_wrong_code_and_any_other_topic_end_the_connection() {
    let mut bench = Bench::of(Model::P1s);
    bench.hello(ClientId(2), "wrong");
    assert_eq!(bench.others.pop(), Some((ClientId(2), Told::Refused)));
    assert_eq!(bench.dropped, [ClientId(2)]);
    let code = bench.core.settings().access_code.clone();
    let nosy = [
        Heard::Subscribe { id: 1, filters: vec!["#".into()] },
        Heard::Subscribe { id: 1, filters: vec![bench.topic("report"), bench.topic("request")] },
        Heard::Publish { id: None, topic: bench.topic("report"), payload: Vec::new() },
    ];
    for (number, heard) in (3..).zip(nosy) {
        let client = ClientId(number);
        bench.hello(client, &code);
        bench.give(Input::Client { client, heard });
        assert_eq!(bench.dropped.last(), Some(&client));
    }
    assert!(!bench.dropped.contains(&CLIENT));
}

#[test]
fn few_clients_are_served_at_once() {
    let mut bench = Bench::of(Model::A1Mini);
    let code = bench.core.settings().access_code.clone();
    for number in 2..=5 {
        bench.hello(ClientId(number), &code);
    }
    assert_eq!(bench.dropped, [ClientId(5)]);
    bench.give(Input::Client { client: ClientId(2), heard: Heard::Gone });
    bench.hello(ClientId(6), &code);
    assert_eq!(bench.dropped, [ClientId(5)]);
}

#[test]
fn what_is_published_with_an_id_is_acknowledged() {
    let mut bench = Bench::of(Model::P1s);
    let heard = Heard::Publish { id: Some(9), topic: bench.topic("request"), payload: b"no json".to_vec() };
    bench.give(Input::Client { client: CLIENT, heard });
    assert_eq!(bench.others.last(), Some(&(CLIENT, Told::Acknowledged(9))));
}

#[test]
fn a_print_from_the_screen_is_no_start_of_a_client() {
    let mut bench = Bench::of(Model::P1s);
    bench.person(Person::Start { file: JOB.into() });
    bench.state("RUNNING");
    assert_eq!((&bench.told["subtask_name"], &bench.told["task_id"]), (&json!("a"), &json!("0")));
    assert_eq!((bench.accepted(), bench.begun()), (0, 1));
}

#[test]
fn a_power_cut_ends_print_and_connections_and_leaves_the_card() {
    let mut bench = Bench::of(Model::P1s);
    bench.printing();
    bench.give(Input::PowerCut { off_ms: 5000 });
    assert_eq!(bench.dropped, [CLIENT]);
    bench.hello(ClientId(2), "12345678");
    assert_eq!(bench.dropped, [CLIENT, ClientId(2)]);
    bench.pass(5000);
    bench.listen(CLIENT);
    assert_eq!((&bench.told["gcode_state"], &bench.told["subtask_name"]), (&json!("IDLE"), &json!("")));
    assert_eq!(bench.core.counters().prints_failed, 1);
    bench.printing();
}

#[test]
fn a_printer_that_can_offers_to_go_on_after_a_power_cut() {
    let mut bench = Bench::new(Settings { resumes_after_power_loss: true, ..Settings::of(Model::X1c, 7) });
    bench.printing();
    bench.pass(3000);
    bench.give(Input::PowerCut { off_ms: 5000 });
    bench.pass(5000);
    bench.listen(CLIENT);
    assert_eq!((&bench.told["gcode_state"], &bench.told["print_error"]), (&json!("PAUSE"), &json!(codes::POWER_LOST)));
    assert_eq!((&bench.told["mc_percent"], &bench.told["task_id"]), (&json!(50), &json!("12")));
    bench.print(json!({ "command": "resume" }));
    bench.state("FINISH");
    assert_eq!((bench.begun(), bench.core.counters().prints_done, bench.core.counters().prints_failed), (1, 1, 0));
}
