//! Each fault, and that at most one print begins whatever it is.

use super::{Bench, CLIENT};
use crate::bambu::codes;
use crate::bambu::door::{ClientId, Input};
use crate::bambu::packets::{Heard, Told};
use crate::bambu::settings::{Faults, Model, ProgressTold};
use serde_json::json;

#[test]
fn a_silent_printer_answers_nothing_and_does_nothing() {
    let mut bench = Bench::with(Faults { silent: true, ..Faults::default() });
    bench.messages.clear();
    assert_eq!(bench.start(), None);
    bench.give(Input::Client { client: CLIENT, heard: Heard::Ping });
    bench.pass(600_000);
    assert!(bench.messages.is_empty());
    assert_eq!((bench.accepted(), bench.core.state()), (0, "IDLE"));
    assert!(!bench.others.iter().any(|(_, told)| *told == Told::Pong));
}

#[test]
fn a_slow_printer_does_it_at_once_and_says_so_later() {
    let mut bench = Bench::with(Faults { slow_ms: Some(30_000), ..Faults::default() });
    assert_eq!(bench.start(), None);
    assert_eq!((bench.accepted(), bench.core.state()), (1, "PREPARE"));
    bench.pass(29_999);
    assert_eq!(bench.told["gcode_state"], "IDLE");
    bench.pass(1);
    assert_eq!(bench.reply("t1").unwrap()["result"], "success");
    assert_eq!(bench.told["gcode_state"], "PREPARE");
}

#[test]
fn a_half_dead_printer_reports_and_hears_nothing() {
    let mut bench = Bench::with(Faults { half_dead: true, ..Faults::default() });
    bench.messages.clear();
    assert_eq!(bench.start(), None);
    let heard = Heard::Publish { id: Some(4), topic: bench.topic("request"), payload: b"{}".to_vec() };
    bench.give(Input::Client { client: CLIENT, heard });
    bench.pass(20_000);
    assert!(bench.messages.len() >= 3);
    assert_eq!((bench.accepted(), bench.core.state()), (0, "IDLE"));
    assert!(!bench.others.contains(&(CLIENT, Told::Acknowledged(4))));
}

#[test]
fn a_rejected_code_refuses_the_right_one() {
    let mut bench = Bench::with(Faults { reject_code: true, ..Faults::default() });
    bench.hello(ClientId(2), "12345678");
    assert_eq!(bench.others.last(), Some(&(ClientId(2), Told::Refused)));
}

#[test]
fn dropped_clients_stay_out_until_the_fault_is_lifted() {
    let mut bench = Bench::with(Faults { drop_clients: true, ..Faults::default() });
    bench.hello(ClientId(2), "12345678");
    assert_eq!(bench.dropped, [CLIENT, ClientId(2)]);
    bench.give(Input::Faults(Faults::default()));
    bench.listen(CLIENT);
    bench.printing();
    bench.give(Input::DropClients);
    assert_eq!(bench.dropped.last(), Some(&CLIENT));
}

#[test]
fn without_developer_mode_it_reports_and_verifies_no_command() {
    for model in [Model::X1c, Model::P1s] {
        let mut bench = Bench::of(model);
        bench.give(Input::Faults(Faults { developer_mode_off: true, ..Faults::default() }));
        let reply = bench.start().unwrap();
        assert_eq!((&reply["result"], &reply["reason"]), (&json!("failed"), &json!("mqtt message verify failed")));
        assert_eq!(reply["err_code"], codes::NOT_VERIFIED);
        bench.ask(json!({ "pushing": { "sequence_id": "0", "command": "pushall" } }));
        assert_eq!((&bench.told["gcode_state"], bench.accepted()), (&json!("IDLE"), 0));
        // Only some say it by themselves.
        let bits = bench.told.get("fun").map(|fun| u64::from_str_radix(fun.as_str().unwrap(), 16).unwrap());
        assert_eq!(bits.map(|bits| bits & 0x2000_0000), (model == Model::X1c).then_some(0x2000_0000));
    }
}

#[test]
fn a_refused_start_is_accepted_and_fails_with_the_code() {
    let mut bench = Bench::with(Faults { refuse_starts: Some(0x0500_4008), ..Faults::default() });
    assert_eq!(bench.start().unwrap()["result"], "success");
    bench.state("FAILED");
    assert_eq!((&bench.told["print_error"], bench.begun()), (&json!(0x0500_4008), 0));
}

#[test]
fn an_ignored_start_is_accepted_and_never_prints() {
    let mut bench = Bench::with(Faults { ignore_starts: true, ..Faults::default() });
    assert_eq!(bench.start().unwrap()["result"], "success");
    bench.pass(3_600_000);
    assert_eq!((&bench.told["gcode_state"], &bench.told["subtask_name"]), (&json!("IDLE"), &json!("a")));
    assert_eq!((bench.accepted(), bench.begun()), (1, 0));
}

#[test]
fn a_late_start_prints_when_nobody_believes_in_it_any_more() {
    let mut bench = Bench::with(Faults { late_starts_ms: Some(120_000), ..Faults::default() });
    bench.start();
    bench.pass(119_000);
    assert_eq!(bench.core.state(), "IDLE");
    bench.pass(4000);
    assert_eq!(bench.core.state(), "RUNNING");
}

#[test]
fn a_start_whose_answer_is_lost_has_begun() {
    let mut bench = Bench::with(Faults { lose_start_answers: true, ..Faults::default() });
    assert_eq!(bench.start(), None);
    assert_eq!(bench.dropped, [CLIENT]);
    bench.pass(5000);
    assert_eq!((bench.accepted(), bench.begun()), (1, 1));
}

#[test]
fn progress_can_be_told_wrongly() {
    let percent = |progress, after_ms| {
        let mut bench = Bench::with(Faults { progress, ..Faults::default() });
        bench.printing();
        bench.pass(after_ms);
        assert_eq!(bench.core.state(), "RUNNING");
        bench.ask(json!({ "pushing": { "sequence_id": "0", "command": "pushall" } }));
        bench.told["mc_percent"].as_u64().unwrap()
    };
    assert!(percent(ProgressTold::Truth, 1500) < 30);
    assert_eq!(percent(ProgressTold::StuckAtZero, 5000), 0);
    assert_eq!(percent(ProgressTold::AlwaysHundred, 1000), 100);
    let jumping = [500, 1500].map(|after_ms| percent(ProgressTold::Jumping, after_ms));
    assert!(jumping.iter().any(|percent| *percent > 70) && jumping.iter().any(|percent| *percent < 30), "{jumping:?}");
}

#[test]
fn a_card_that_is_gone_or_broken_fails_the_start() {
    for (faults, code) in [
        (Faults { no_card: true, ..Faults::default() }, codes::NO_CARD),
        (Faults { card_broken: true, ..Faults::default() }, codes::CARD_BROKEN),
    ] {
        let mut bench = Bench::with(faults.clone());
        assert_eq!(bench.start().unwrap()["result"], "success");
        bench.state("FAILED");
        assert_eq!(bench.told["print_error"], code);
        bench.pass(10_000);
        assert_eq!(bench.told["sdcard"], !faults.no_card);
    }
}

#[test]
fn the_print_fails_at_the_asked_percent() {
    let mut bench = Bench::with(Faults { fail_at_percent: Some(50), ..Faults::default() });
    bench.printing();
    bench.pass(2900);
    assert_eq!(bench.core.state(), "RUNNING");
    bench.pass(200);
    assert_eq!((bench.core.state(), bench.core.counters().prints_failed), ("FAILED", 1));
}

#[test]
fn a_second_start_begins_nothing_under_any_fault() {
    let faults = [
        Faults::default(),
        Faults { slow_ms: Some(500), ..Faults::default() },
        Faults { lose_start_answers: true, ..Faults::default() },
        Faults { late_starts_ms: Some(500), ..Faults::default() },
        Faults { progress: ProgressTold::AlwaysHundred, ..Faults::default() },
    ];
    for fault in faults {
        let mut bench = Bench::with(fault.clone());
        for _ in 0..3 {
            bench.start();
            bench.pass(1000);
        }
        bench.pass(4000);
        assert_eq!(bench.begun(), 1, "{fault:?}");
    }
}
