//! What the core does, told by messages as the machine writes them: values in, values out, time handed in. Each of
//! the checks that every driver owes is here: an end that is shown at connect, changes, refused starts, files that are
//! cut, starts that never show, cancels told from failures, lost contact, a wrong code, another machine.

use bytes::Bytes;
use domain::attempt::{AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::{Activity, Control};
use domain::recovery::History;
use domain::text::{Fingerprint, Serial};
use domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::core::Core;
use super::wire::Message;
use crate::broker::{Ask, FileFault, FileWork, Filed, NoLine, Packing, Refusal, Shown, Wire};
use crate::contract::{
    ActProblem, Content, Feed, Input, LinkProblem, Observation, Order, Output, PrinterProtocol as _, Report, SendProblem, Watched,
};

const SERIAL: &str = "01P00A123456789";
const COMPLETED: End = End::Completed { inferred: false };
const BROKE: End = End::Failed(FailureReason::PrinterError);
const OURS: &str = "gantry_aaaaaaaaaaaaaaaa";
const CANCEL_CODE: u32 = 50_348_044;

// The line.

#[test]
fn a_machine_is_heard_once_all_of_it_was_told() {
    let mut bench = Bench::new();
    assert_eq!(bench.opened, ["device/01P00A123456789/report"]);
    bench.wire(Wire::Opened);
    assert_eq!(bench.commands(), ["get_version", "pushall"]);
    bench.tell(json!({"command": "push_status", "msg": 1, "nozzle_temper": 30}));
    assert!(bench.reports.is_empty(), "a change says nothing without the picture that it changes");
    bench.answer("get_version", json!({"module": [{"name": "ota", "sw_ver": "01.08.02.00"}]}));
    bench.tell(picture("IDLE", ""));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print, seen.control, seen.fault), (Activity::Idle, None, Control::Ok, None));
    assert_eq!(seen.firmware.as_deref(), Some("01.08.02.00"));
    assert!((seen.telemetry.bed.unwrap().actual_celsius - 25.5).abs() < 1e-9, "numbers may be texts");
    assert_eq!(seen.telemetry.chamber, None, "this model has no sensor there and tells a constant");
}

#[test]
fn a_wrong_code_is_told_once_and_tried_again_only_each_minute() {
    let mut bench = Bench::new();
    bench.wire(Wire::Closed(NoLine::WrongCode));
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::WrongCredential { .. })]));
    bench.pass(59_000);
    assert_eq!(bench.opened.len(), 1);
    bench.pass(1_000);
    bench.wire(Wire::Closed(NoLine::WrongCode));
    assert_eq!((bench.opened.len(), bench.reports.len()), (2, 1));
}

#[test]
fn a_certificate_that_is_not_believed_is_a_problem_of_its_own_and_waits_for_a_person() {
    let shown = Shown { sha256: Fingerprint::try_from("0f".repeat(32)).unwrap(), names: "01S00C000000001".to_owned() };
    let told = |refusal: Refusal| {
        let mut bench = Bench::new();
        bench.wire(Wire::Closed(NoLine::Certificate(refusal)));
        bench.pass(59_000);
        assert_eq!(bench.opened.len(), 1);
        let [Report::Lost(problem)] = bench.reports.as_slice() else { panic!("{:?}", bench.reports) };
        problem.to_string()
    };
    let other = told(Refusal::OtherMachine(shown.clone()));
    assert!(other.contains("is another machine") && other.contains("01S00C000000001") && other.contains(SERIAL), "{other}");
    let changed = told(Refusal::Changed(shown.clone()));
    assert!(changed.contains("another certificate than the one that was confirmed") && changed.contains("Nothing"), "{changed}");
    let unconfirmed = told(Refusal::Unconfirmed(shown));
    assert!(unconfirmed.contains(&"0f".repeat(32)) && unconfirmed.contains("confirm it"), "{unconfirmed}");
}

#[test]
fn an_unreachable_machine_is_tried_again_after_growing_pauses_by_a_new_client_each_time() {
    let mut bench = Bench::new();
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        let before = bench.opened.len();
        bench.wire(Wire::Closed(NoLine::Unreachable("connection refused".to_owned())));
        bench.pass(pause * 1000 - 1);
        assert_eq!(bench.opened.len(), before, "before {pause}");
        bench.pass(pause * 250 + 1);
        assert_eq!(bench.opened.len(), before + 1, "after {pause}");
    }
    assert_eq!(bench.reports.len(), 1);
    bench.clients.dedup();
    assert_eq!(bench.clients.len(), 8, "{:?}", bench.clients);
}

#[test]
fn a_broker_that_tells_nothing_of_the_serial_number_is_not_the_printer() {
    let mut bench = Bench::new();
    bench.wire(Wire::Opened);
    bench.pass(20_000);
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::OtherKind { .. })));
}

#[test]
fn a_quiet_machine_is_asked_whether_it_is_there_and_a_silent_one_is_given_up() {
    let mut bench = Bench::up();
    bench.pass(8_000);
    bench.answer("get_version", json!({"module": []}));
    assert!(matches!(bench.last(), Report::Heard(_)));
    // Reports come, and nobody answers.
    for _ in 0..60 {
        bench.pass(1_000);
        bench.tell(json!({"command": "push_status", "msg": 1}));
    }
    assert!(matches!(bench.last(), Report::Heard(_)), "what tells all the while is there");
    bench.pass(60_000);
    assert!(bench.reports.iter().any(|report| matches!(report, Report::Lost(LinkProblem::Silent { .. }))));
    assert!(bench.closed > 0);
}

#[test]
fn nothing_is_asked_of_a_machine_that_is_not_there_and_nothing_is_asked_of_it_later() {
    let mut bench = Bench::up();
    bench.wire(Wire::Closed(NoLine::Cut("reset".to_owned())));
    bench.published.clear();
    bench.order(start());
    bench.order(Order::Pause { command: command(), token: token() });
    bench.order(Order::Cancel { command: Some(command()), token: token() });
    assert!(matches!(
        &bench.reports[bench.reports.len() - 3..],
        [
            Report::StartRefused { .. },
            Report::Acted { outcome: Err(ActProblem::NoLink), .. },
            Report::Acted { outcome: Err(ActProblem::NoLink), .. },
        ]
    ));
    bench.pass(2_000);
    bench.wire(Wire::Opened);
    bench.tell(picture("RUNNING", OURS));
    bench.pass(8_000);
    assert!(
        bench.commands().iter().all(|command| ["get_version", "pushall"].contains(&command.as_str())),
        "{:?}",
        bench.published
    );
}

// What it shows.

#[test]
fn a_change_without_a_field_keeps_the_old_value_lists_come_whole_and_numbers_may_be_texts() {
    let mut bench = Bench::up();
    bench.shows("RUNNING", "benchy");
    bench.changes(
        json!({"mc_percent": "41", "mc_remaining_time": 12, "layer_num": "7", "total_layer_num": 50, "lights_report": [1, 2]}),
    );
    bench.pass(1_000);
    bench.changes(json!({"nozzle_temper": "219.8", "total_layer_num": 0}));
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print.unwrap().file.as_deref()), (Activity::Printing, Some("benchy")));
    let telemetry = seen.telemetry;
    assert_eq!((telemetry.progress, telemetry.remaining_seconds), (Some(0.41), Some(720)));
    assert_eq!((telemetry.layer, telemetry.layers), (Some(7), Some(50)), "0 layers is not known");
    assert!((telemetry.nozzles[0].actual_celsius - 219.8).abs() < 1e-9);
}

#[test]
fn states_that_are_not_known_allow_nothing() {
    for word in ["", "OFFLINE", "A_NEW_WORD"] {
        let mut bench = Bench::up();
        bench.shows(word, "");
        assert_eq!(bench.heard().activity, Activity::Busy);
        bench.order(start());
        assert!(matches!(bench.last(), Report::StartRefused { .. }));
    }
}

#[test]
fn before_the_first_layer_a_print_is_being_prepared() {
    let mut bench = Bench::up();
    bench.shows("PREPARE", OURS);
    assert_eq!(bench.heard().activity, Activity::Preparing);
    bench.changes(json!({"gcode_state": "RUNNING", "stg_cur": 13, "layer_num": 0}));
    assert_eq!(bench.heard().activity, Activity::Preparing);
    bench.changes(json!({"stg_cur": 0, "layer_num": 1}));
    assert_eq!(bench.heard().activity, Activity::Printing);
}

#[test]
fn two_nozzles_are_told_apart_and_their_targets_read() {
    let mut bench = Bench::up();
    bench.changes(json!({"device": {"extruder": {"info": [{"id": 1, "temp": 30}, {"id": 0, "temp": (220 << 16) | 215}]}}}));
    bench.pass(1_000);
    bench.changes(json!({}));
    let nozzles = bench.heard().telemetry.nozzles;
    assert_eq!(
        nozzles.iter().map(|nozzle| (nozzle.actual_celsius, nozzle.target_celsius)).collect::<Vec<_>>(),
        [(215.0, Some(220.0)), (30.0, Some(0.0))]
    );
}

#[test]
fn why_a_print_stands_still_and_what_is_wrong_is_told_in_words_with_the_code() {
    let mut bench = Bench::printing();
    bench.changes(json!({"gcode_state": "PAUSE", "stg_cur": 16}));
    assert_eq!(bench.heard().print.unwrap().paused, Some(PauseReason::User));
    bench.changes(json!({"print_error": "50364420"}));
    let seen = bench.heard();
    let fault = seen.fault.unwrap();
    assert_eq!((fault.code.as_deref(), fault.text.as_str()), (Some("0300_8004"), "the filament ran out"));
    assert_eq!(seen.print.unwrap().paused, Some(PauseReason::Runout));
    bench.changes(json!({"gcode_state": "RUNNING", "print_error": 0, "hms": [{"attr": 50_335_744, "code": 131_073}]}));
    assert_eq!(bench.heard().fault.unwrap().code.as_deref(), Some("HMS_0300_1000_0002_0001"));
    bench.changes(json!({"hms": []}));
    assert_eq!(bench.heard().fault, None);
}

#[test]
fn units_and_external_spools_are_slots_with_what_is_in_them() {
    let mut bench = Bench::up();
    bench.changes(json!({
        "ams": {"tray_exist_bits": "b", "ams": [
            {"id": "0", "tray": [
                {"id": "0", "tray_type": "PLA", "tray_color": "FF0000FF", "remain": 50, "tray_weight": "1000"},
                {"id": "1", "tray_type": "PETG", "tray_color": "00ff00FF", "remain": -1},
                {"id": "2"},
                {"id": "3"},
            ]},
            {"id": "128", "tray": [{"id": "0", "tray_type": "PA-CF", "tray_color": "000000FF"}]},
        ]},
        "vt_tray": {"id": "254", "tray_type": ""},
    }));
    let seen = bench.heard();
    let told = |position: u8| {
        let slot = seen.slots.iter().find(|slot| slot.position == position).unwrap();
        (
            slot.name.as_str(),
            slot.loaded.as_ref().map(|loaded| (loaded.material.as_deref(), loaded.colour.as_deref(), loaded.grams)),
        )
    };
    assert_eq!(told(0), ("AMS A, slot 1", Some((Some("PLA"), Some("#FF0000"), Some(500.0)))));
    assert_eq!(told(1), ("AMS A, slot 2", Some((Some("PETG"), Some("#00FF00"), None))));
    assert_eq!(told(2), ("AMS A, slot 3", None));
    assert_eq!(told(3), ("AMS A, slot 4", Some((None, None, None))), "a spool of which nothing is known is not an empty slot");
    assert_eq!(told(128).0, "AMS HT A");
    assert_eq!(told(254), ("External spool", None));
    // A number of the unit changes, and its list of slots stays.
    bench.changes(json!({"ams": {"tray_now": "1"}}));
    assert_eq!(bench.view_slots(), seen.slots.len());
}

#[test]
fn a_machine_that_wants_signed_commands_is_out_of_control_with_advice() {
    for told in [json!({"fun": "3EC1AFFF9CFF"}), json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]})] {
        let mut bench = Bench::up();
        bench.changes(told);
        let seen = bench.heard();
        assert_eq!((seen.control, seen.fault), (Control::Denied, None));
        assert!(seen.control_advice.unwrap().contains("Developer Mode"));
        bench.order(start());
        let Report::StartRefused { detail, .. } = bench.last() else { panic!("{:?}", bench.last()) };
        assert!(detail.contains("Developer Mode"), "{detail}");
    }
    let mut bench = Bench::up();
    bench.changes(json!({"fun": "3EC18FFF9CFF"}));
    assert_eq!(bench.heard().control, Control::Ok);
}

#[test]
fn a_machine_that_first_says_so_to_a_command_is_out_of_control_from_then_on() {
    let mut bench = Bench::printing();
    bench.order(Order::Pause { command: command(), token: token() });
    bench.answer("pause", json!({"result": "failed", "reason": "mqtt message verify failed", "err_code": 84_033_543}));
    assert!(
        bench.acted().iter().any(|outcome| matches!(outcome, Err(ActProblem::Refused(why)) if why.contains("Developer Mode")))
    );
    assert_eq!(bench.heard().control, Control::Denied);
}

// A file's way.

#[test]
fn a_file_is_brought_under_the_name_of_its_content_packed_and_nothing_is_started() {
    let mut bench = Bench::up();
    bench.published.clear();
    bench.order(send());
    let [(id, FileWork::Put { name, packing: Packing::Zip { content, .. }, .. })] = bench.files.as_slice() else {
        panic!("{:?}", bench.files)
    };
    assert_eq!((name.as_str(), *content), ("gantry_07070707070707070707070707070707.gcode.3mf", "Metadata/plate_1.gcode"));
    let id = *id;
    bench.pass(1_000);
    bench.wire(Wire::Uploaded { id, bytes: 25, of: 100 });
    assert_eq!(*bench.last(), Report::SendProgress { attempt: attempt(), sent_bytes: 250 });
    bench.wire(Wire::Filed { id, outcome: Ok(Filed::Stored) });
    assert_eq!(*bench.last(), Report::Sent { attempt: attempt() });
    assert!(bench.commands().is_empty());
}

#[test]
fn an_archive_goes_as_it_is_and_other_files_do_not_go() {
    for (extension, plain) in [("gcode.3mf", Some(true)), ("gcode", Some(false)), ("bgcode", None)] {
        let mut bench = Bench::up();
        bench.order(Order::Send {
            attempt: attempt(),
            token: token(),
            content: Content { extension: extension.to_owned(), ..content() },
        });
        let packed = bench.files.first().map(|(_, work)| matches!(work, FileWork::Put { packing: Packing::Plain, .. }));
        assert_eq!(packed, plain, "{extension}");
        if plain.is_none() {
            assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Refused, .. }));
        }
    }
}

#[test]
fn a_file_that_did_not_arrive_is_told_with_whether_it_may_be_tried_again_and_no_start_is_sent() {
    for (fault, problem, words) in [
        (FileFault::Cut("reset".to_owned()), SendProblem::Link, "broke"),
        (FileFault::NotWhole { sent: 9, there: 4 }, SendProblem::Link, "4 of 9 bytes arrived"),
        (FileFault::NoRoom("552".to_owned()), SendProblem::StorageFull, "no room"),
        (FileFault::CannotCreate("553 Could not create file.".to_owned()), SendProblem::Refused, "check that a card is in"),
        (FileFault::WrongCode, SendProblem::Refused, "access code"),
        (FileFault::ContentMissing, SendProblem::ContentMissing, "not here"),
    ] {
        let mut bench = Bench::up();
        bench.published.clear();
        bench.order(send());
        let id = bench.files[0].0;
        bench.wire(Wire::Filed { id, outcome: Err(fault) });
        let Report::SendFailed { problem: told, detail, .. } = bench.last() else { panic!("{:?}", bench.last()) };
        assert!(*told == problem && detail.contains(words), "{told:?} {detail}");
        assert!(bench.commands().is_empty());
        // Another try is another work.
        bench.order(send());
        assert_eq!(bench.files.len(), 2);
    }
}

#[test]
fn a_send_that_is_stopped_is_given_up_and_nothing_follows() {
    let mut bench = Bench::up();
    bench.order(send());
    let id = bench.files[0].0;
    bench.order(Order::StopSending { attempt: attempt() });
    assert_eq!(bench.abandoned, [id]);
    let told = bench.reports.len();
    bench.wire(Wire::Filed { id, outcome: Ok(Filed::Stored) });
    assert_eq!(bench.reports.len(), told);
}

#[test]
fn only_uploads_of_ours_that_were_not_of_use_for_long_are_removed() {
    let mut bench = Bench::up();
    bench.order(send());
    let id = bench.files[0].0;
    bench.wire(Wire::Filed { id, outcome: Ok(Filed::Stored) });
    bench.order(Order::Tidy { token: token() });
    let (id, FileWork::List) = bench.files.last().unwrap() else { panic!() };
    let name = |n: usize| format!("gantry_{n:032x}.gcode.3mf");
    let mut names: Vec<String> = (0..22).map(name).collect();
    names.extend(
        ["gantry_07070707070707070707070707070707.gcode.3mf", "benchy.gcode.3mf", "gantry_me.gcode.3mf", "timelapse"]
            .map(str::to_owned),
    );
    let id = *id;
    bench.wire(Wire::Filed { id, outcome: Ok(Filed::Names(names)) });
    let Some((_, FileWork::Remove { names })) = bench.files.last() else { panic!() };
    assert_eq!(*names, [name(0), name(1), name(2)]);
}

// A start.

#[test]
fn a_start_goes_to_a_machine_that_just_answered_with_the_token_and_new_numbers_and_booleans() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.published.clear();
    bench.order(start());
    assert_eq!(bench.commands(), ["get_version"], "first whether it answers");
    bench.answer("get_version", json!({"module": []}));
    let said = bench.said("project_file");
    assert_eq!(said["subtask_name"], OURS);
    assert_eq!(said["url"], "ftp:///gantry_07070707070707070707070707070707.gcode.3mf");
    assert_eq!((&said["param"], &said["use_ams"]), (&json!("Metadata/plate_1.gcode"), &json!(false)));
    let task: u32 = said["task_id"].as_str().unwrap().parse().unwrap();
    assert!(task > 0 && task < 1 << 31 && said["project_id"] == said["task_id"] && said["subtask_id"] == said["task_id"]);
    assert!(
        ["timelapse", "bed_leveling", "flow_cali", "vibration_cali", "layer_inspect"]
            .iter()
            .all(|switch| said[switch].is_boolean())
    );
    bench.answer("project_file", json!({"result": "SUCCESS"}));
    assert_eq!(*bench.last(), Report::StartAccepted { attempt: attempt() });
}

#[test]
fn a_start_names_where_each_filament_comes_from() {
    let mut bench = Bench::up();
    bench.changes(json!({
        "ams": {"tray_exist_bits": "1f", "ams": [
            {"id": "0", "tray": [{"id": "0", "tray_type": "PLA"}, {"id": "1", "tray_type": "PLA"}]},
            {"id": "1", "tray": [{"id": "0", "tray_type": "PETG"}]},
            {"id": "129", "tray": [{"id": "0", "tray_type": "PA"}]},
        ]},
        "vt_tray": {"id": "254", "tray_type": "TPU"},
    }));
    let said = bench.started(&[(0, 1), (2, 4), (3, 129), (4, 254)]);
    assert_eq!(said["ams_mapping"], json!([1, -1, 4, 129, -1]));
    let pair = |unit: u8, slot: u8| json!({"ams_id": unit, "slot_id": slot});
    assert_eq!(said["ams_mapping2"], json!([pair(0, 1), pair(255, 255), pair(1, 0), pair(129, 0), pair(255, 0)]));
    assert_eq!(said["use_ams"], json!(true));
}

#[test]
fn a_mapping_that_does_not_fit_stops_the_start_here() {
    for (feeds, words) in
        [(vec![], "not said"), (vec![(0, 1)], "is empty"), (vec![(0, 9)], "not there"), (vec![(900, 0)], "901 filaments")]
    {
        let mut bench = Bench::up();
        bench.changes(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "tray_type": "PLA"}, {"id": "1"}]}]}}));
        bench.order(start_from(&feeds));
        bench.answer("get_version", json!({"module": []}));
        let Report::StartRefused { detail, .. } = bench.last() else { panic!("{:?}", bench.last()) };
        assert!(detail.contains(words) && !bench.commands().contains(&"project_file".to_owned()), "{detail}");
    }
}

#[test]
fn two_external_spools_have_numbers_of_their_own() {
    let mut bench = Bench::up();
    bench.changes(json!({"vir_slot": [{"id": "255", "tray_type": "PLA"}, {"id": "254", "tray_type": "PETG"}]}));
    let said = bench.started(&[(0, 255), (1, 254)]);
    assert_eq!((&said["ams_mapping"], &said["use_ams"]), (&json!([-1, -1]), &json!(false)));
    assert_eq!(said["ams_mapping2"], json!([{"ams_id": 255, "slot_id": 0}, {"ams_id": 254, "slot_id": 0}]));
}

#[test]
fn a_start_never_goes_to_a_machine_at_work_and_what_it_prints_is_left_alone() {
    for state in ["PREPARE", "SLICING", "RUNNING", "PAUSE"] {
        let mut bench = Bench::up();
        bench.shows(state, "benchy");
        bench.published.clear();
        bench.order(start());
        assert!(matches!(bench.last(), Report::StartRefused { .. }));
        assert!(bench.commands().is_empty());
    }
    // Somebody was faster.
    let mut bench = Bench::up();
    bench.order(start());
    bench.shows("RUNNING", "benchy");
    bench.answer("get_version", json!({"module": []}));
    assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { .. })));
    assert!(!bench.commands().contains(&"project_file".to_owned()) && bench.ends().is_empty());
}

#[test]
fn a_start_that_the_machine_refuses_is_refused_and_a_busy_one_says_so_by_its_error() {
    let mut bench = Bench::up();
    bench.start();
    bench.answer("project_file", json!({"result": "fail", "reason": "no file"}));
    assert_eq!(*bench.last(), Report::StartRefused { attempt: attempt(), detail: "no file".to_owned() });
    let mut bench = Bench::up();
    bench.start();
    bench.changes(json!({"gcode_state": "RUNNING", "subtask_name": "benchy", "print_error": 0x0500_4004}));
    assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { .. })));
    assert!(bench.ends().is_empty());
}

#[test]
fn a_start_without_an_answer_may_have_come_through_and_is_not_sent_again() {
    let mut bench = Bench::up();
    bench.start();
    bench.pass(10_000);
    assert!(bench.reports.iter().any(|report| matches!(report, Report::StartUnanswered { .. })));
    bench.wire(Wire::Closed(NoLine::Cut("reset".to_owned())));
    bench.pass(5_000);
    bench.wire(Wire::Opened);
    bench.tell(picture("IDLE", OURS));
    bench.pass(60_000);
    assert_eq!(bench.commands().iter().filter(|command| *command == "project_file").count(), 1);
}

#[test]
fn a_machine_that_does_not_answer_gets_no_start() {
    let mut bench = Bench::up();
    bench.order(start());
    for _ in 0..10 {
        bench.pass(1_000);
        bench.changes(json!({"wifi_signal": "-40dBm"}));
    }
    assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { .. })));
    assert!(!bench.commands().contains(&"project_file".to_owned()));
}

#[test]
fn an_accepted_start_that_never_becomes_a_print_leaves_the_machines_error_to_be_seen() {
    let mut bench = Bench::up();
    bench.start();
    bench.answer("project_file", json!({"result": "success"}));
    bench.changes(json!({"subtask_name": OURS, "print_error": 0x0500_C010_u32}));
    let seen = bench.heard();
    assert_eq!((seen.print, seen.activity), (None, Activity::Idle));
    assert_eq!(seen.fault.unwrap().text, "it cannot read or write its card");
    assert!(bench.ends().is_empty());
}

#[test]
fn a_print_that_is_rejected_while_it_is_prepared_has_failed_with_the_machines_words() {
    let mut bench = Bench::up();
    bench.start();
    bench.shows("PREPARE", OURS);
    bench.changes(json!({"gcode_state": "FAILED", "print_error": 0x0500_4003}));
    bench.pass(3_000);
    let Some(Report::Ended { end, detail, .. }) = bench.reports.iter().find(|report| matches!(report, Report::Ended { .. }))
    else {
        panic!()
    };
    assert_eq!((*end, detail.as_deref()), (BROKE, Some("it cannot read the file (0500_4003)")));
}

// Pause, resume, cancel.

#[test]
fn an_act_is_done_when_the_machine_answers_or_shows_it() {
    let mut bench = Bench::printing();
    bench.order(Order::Pause { command: command(), token: token() });
    assert!(bench.acted().is_empty());
    bench.changes(json!({"gcode_state": "PAUSE"}));
    assert_eq!(bench.acted(), [Ok(())]);
    bench.order(Order::Resume { command: command(), token: token() });
    bench.answer("resume", json!({"result": "success"}));
    assert_eq!(bench.acted(), [Ok(()), Ok(())]);
    bench.changes(json!({"gcode_state": "RUNNING"}));
    bench.order(Order::Pause { command: command(), token: token() });
    bench.pass(10_000);
    assert_eq!(bench.acted().last(), Some(&Err(ActProblem::Unanswered)));
}

#[test]
fn an_act_for_another_print_is_not_sent() {
    for (state, name) in [("RUNNING", "benchy"), ("RUNNING", "gantry_bbbbbbbbbbbbbbbb"), ("FINISH", OURS)] {
        let mut bench = Bench::up();
        bench.shows(state, name);
        bench.published.clear();
        bench.order(Order::Cancel { command: Some(command()), token: token() });
        assert_eq!(bench.acted(), [Err(ActProblem::NotThatPrint)], "{state} {name}");
        assert!(bench.commands().is_empty());
    }
}

// Ends.

#[test]
fn an_end_that_is_shown_at_connect_is_history() {
    for (state, name) in [("FINISH", OURS), ("FAILED", OURS), ("FINISH", "benchy")] {
        let mut bench = Bench::new();
        bench.wire(Wire::Opened);
        bench.tell(picture(state, name));
        bench.pass(10_000);
        assert!(bench.ends().is_empty() && bench.histories().is_empty(), "{state}");
        assert_eq!(bench.heard().activity, Activity::Finished);
    }
}

#[test]
fn cancel_by_us_cancel_at_the_screen_failure_and_lost_contact_are_four_different_things() {
    let by_us = {
        let mut bench = Bench::printing();
        bench.order(Order::Cancel { command: Some(command()), token: token() });
        bench.answer("stop", json!({"result": "success"}));
        bench.changes(json!({"gcode_state": "FAILED"}));
        bench.pass(3_000);
        (bench.ends(), bench.histories())
    };
    let at_the_screen = {
        let mut bench = Bench::printing();
        bench.changes(json!({"gcode_state": "FAILED"}));
        bench.pass(1_500);
        bench.changes(json!({"print_error": CANCEL_CODE}));
        bench.pass(3_000);
        (bench.ends(), bench.histories())
    };
    let failed = {
        let mut bench = Bench::printing();
        bench.changes(json!({"print_error": 0x0300_4006}));
        bench.changes(json!({"gcode_state": "FAILED"}));
        bench.pass(2_999);
        assert!(bench.ends().is_empty(), "the code of a cancel may still come");
        bench.pass(1);
        (bench.ends(), bench.histories())
    };
    let lost = {
        let mut bench = Bench::printing();
        bench.wire(Wire::Closed(NoLine::Cut("reset".to_owned())));
        bench.pass(60_000);
        assert!(bench.reports.iter().any(|report| matches!(report, Report::Lost(_))));
        (bench.ends(), bench.histories())
    };
    assert_eq!(by_us, (vec![End::Cancelled(CancelReason::Requested)], vec![]));
    assert_eq!(at_the_screen, (vec![End::Cancelled(CancelReason::AtPrinter)], vec![]));
    assert_eq!(failed, (vec![BROKE], vec![]));
    assert_eq!(lost, (vec![], vec![]));
}

#[test]
fn a_cancels_code_counts_also_if_it_comes_first_or_the_machine_goes_idle() {
    for last in ["FAILED", "IDLE"] {
        let mut bench = Bench::printing();
        bench.changes(json!({"print_error": CANCEL_CODE}));
        bench.pass(2_000);
        bench.changes(json!({"print_error": 0}));
        bench.changes(json!({"gcode_state": last}));
        bench.pass(3_000);
        assert_eq!(bench.ends(), [End::Cancelled(CancelReason::AtPrinter)], "{last}");
    }
}

#[test]
fn the_code_of_an_earlier_cancel_does_not_cancel_the_next_print() {
    let mut bench = Bench::printing();
    bench.changes(json!({"gcode_state": "FAILED", "print_error": CANCEL_CODE}));
    bench.changes(json!({"print_error": 0}));
    bench.changes(json!({"gcode_state": "RUNNING", "subtask_name": "gantry_bbbbbbbbbbbbbbbb"}));
    bench.changes(json!({"gcode_state": "FAILED", "print_error": 0x0300_4006}));
    bench.pass(3_000);
    assert_eq!(bench.ends(), [End::Cancelled(CancelReason::AtPrinter), BROKE]);
}

#[test]
fn a_print_that_comes_to_its_end_has_completed_once_whatever_tells_it_twice() {
    let mut bench = Bench::printing();
    bench.changes(json!({"gcode_state": "FINISH", "mc_percent": 100}));
    bench.changes(json!({"gcode_state": "FINISH", "print_error": CANCEL_CODE}));
    bench.tell(picture("FINISH", OURS));
    bench.pass(5_000);
    assert_eq!(bench.ends(), [COMPLETED]);
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.shown_token), (Activity::Finished, Some(token())));
}

#[test]
fn an_end_while_contact_was_lost_is_found_afterwards() {
    let after = |state: &str, error: u32, cancelled: bool| {
        let mut bench = Bench::printing();
        if cancelled {
            bench.order(Order::Cancel { command: None, token: token() });
        }
        bench.wire(Wire::Closed(NoLine::Cut("reset".to_owned())));
        bench.pass(2_000);
        bench.wire(Wire::Opened);
        let mut told = picture(state, OURS);
        told["print_error"] = json!(error);
        bench.tell(told);
        bench.pass(3_000);
        (bench.ends(), bench.histories())
    };
    assert_eq!(after("FINISH", 0, false), (vec![COMPLETED], vec![]));
    assert_eq!(after("FAILED", 0, true), (vec![End::Cancelled(CancelReason::Requested)], vec![]));
    assert_eq!(after("FAILED", 0x0300_4006, false), (vec![BROKE], vec![]));
    assert_eq!(after("FAILED", 0, false), (vec![], vec![History::Silent]), "the code of a cancel is gone by then");
    assert_eq!(after("IDLE", 0, false), (vec![], vec![History::Silent]));
}

#[test]
fn a_machine_that_was_switched_off_in_the_print_proves_nothing() {
    let mut bench = Bench::printing();
    bench.wire(Wire::Closed(NoLine::Cut("reset".to_owned())));
    bench.pass(2_000);
    bench.wire(Wire::Opened);
    bench.tell(picture("IDLE", ""));
    bench.pass(3_000);
    assert_eq!((bench.ends(), bench.histories()), (vec![], vec![History::Silent]));
}

#[test]
fn another_print_over_ours_leaves_ours_unproven() {
    let mut bench = Bench::printing();
    bench.changes(json!({"subtask_name": "benchy"}));
    bench.pass(3_000);
    assert_eq!((bench.ends(), bench.histories()), (vec![], vec![History::Silent]));
}

#[test]
fn after_a_restart_of_ours_a_finished_print_is_believed_only_if_it_was_seen_or_could_not_be_an_older_one() {
    for (mark, proven) in [(Some("ran"), true), (Some("from_rest"), true), (Some("cancel_asked"), true), (None, false)] {
        let mut bench = Bench::new();
        bench.order(watch(mark));
        bench.wire(Wire::Opened);
        bench.tell(picture("FINISH", OURS));
        bench.order(Order::Recall { token: token() });
        let expected = if proven { History::Ended(COMPLETED) } else { History::Silent };
        assert_eq!(bench.histories(), [expected], "{mark:?}");
    }
}

#[test]
fn what_proves_a_print_later_is_kept_with_its_attempt() {
    let marks = |bench: &Bench| -> Vec<String> {
        let mark = |report: &Report| if let Report::Mark { mark, .. } = report { Some(mark.clone()) } else { None };
        bench.reports.iter().filter_map(mark).collect()
    };
    let mut bench = Bench::up();
    bench.start();
    bench.shows("RUNNING", OURS);
    bench.order(Order::Cancel { command: None, token: token() });
    assert_eq!(marks(&bench), ["from_rest", "ran", "cancel_asked"]);
    let mut bench = Bench::up();
    bench.shows("FINISH", "benchy");
    bench.start();
    assert!(marks(&bench).is_empty(), "the finished print before it would look like ours");
}

#[test]
fn of_a_failed_print_nobody_saw_end_only_our_cancel_or_a_fault_is_believed() {
    for (mark, error, expected) in [
        (Some("cancel_asked"), 0, History::Ended(End::Cancelled(CancelReason::Requested))),
        (Some("ran"), CANCEL_CODE, History::Ended(End::Cancelled(CancelReason::AtPrinter))),
        (Some("ran"), 0x0300_4006, History::Ended(BROKE)),
        (Some("ran"), 0, History::Silent),
        (Some("from_rest"), 0x0300_4006, History::Silent),
        (None, 0x0300_4006, History::Silent),
    ] {
        let mut bench = Bench::new();
        bench.order(watch(mark));
        bench.wire(Wire::Opened);
        let mut told = picture("FAILED", OURS);
        told["print_error"] = json!(error);
        bench.tell(told);
        bench.order(Order::Recall { token: token() });
        assert_eq!(bench.histories(), [expected], "{mark:?} {error:X}");
    }
}

#[test]
fn a_foreign_print_is_shown_and_is_nobodys() {
    let mut bench = Bench::up();
    bench.shows("RUNNING", "benchy");
    let print = bench.heard().print.unwrap();
    assert_eq!((print.token, print.file.as_deref()), (None, Some("benchy")));
    bench.shows("FINISH", "benchy");
    bench.pass(10_000);
    assert!(bench.ends().is_empty() && bench.histories().is_empty());
}

// What comes from outside may be anything.

proptest! {
    #[test]
    fn no_bytes_break_the_core_and_what_it_asks_stays_bounded(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..10)
    ) {
        let mut bench = Bench::up();
        for message in messages {
            bench.wire(Wire::Message(Bytes::from(message)));
        }
        prop_assert!(bench.published.len() < 10);
    }

    #[test]
    fn no_report_breaks_the_core(fields in proptest::collection::vec((field(), value()), 0..30)) {
        let mut bench = Bench::printing();
        for (name, value) in fields {
            let mut change = json!({"command": "push_status", "msg": 1});
            change[name] = value;
            bench.tell(change);
            bench.pass(1_000);
        }
        bench.order(Order::Recall { token: token() });
    }
}

#[test]
fn a_machine_that_tells_more_and_more_is_not_kept_in_full() {
    let mut bench = Bench::up();
    for n in 0..30 {
        let many: serde_json::Map<String, Value> = (0..2_000).map(|m| (format!("field_{n}_{m}"), json!(m))).collect();
        bench.changes(Value::Object(many));
    }
    assert!(bench.kept() < 25_000, "{}", bench.kept());
    assert!(Message::read(&[b'['; 100_000]).is_none());
}

fn field() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "gcode_state",
        "subtask_name",
        "print_error",
        "hms",
        "ams",
        "vt_tray",
        "vir_slot",
        "fun",
        "mc_percent",
        "mc_remaining_time",
        "layer_num",
        "total_layer_num",
        "stg_cur",
        "nozzle_temper",
        "device",
        "bed_temper",
        "msg",
    ])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
        proptest::sample::select(vec!["RUNNING", "PAUSE", "FAILED", "FINISH", "IDLE", OURS, "ffffffffffffffffff"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let keys = proptest::sample::select(vec![
            "ams",
            "tray",
            "id",
            "tray_type",
            "tray_color",
            "remain",
            "extruder",
            "info",
            "temp",
            "attr",
            "code",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(keys, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

// The bench.

struct Bench {
    core: Core,
    now: Timestamp,
    woken_at: Vec<Timestamp>,
    reports: Vec<Report>,
    opened: Vec<String>,
    clients: Vec<String>,
    closed: usize,
    published: Vec<Value>,
    files: Vec<(u64, FileWork)>,
    abandoned: Vec<u64>,
}

impl Bench {
    fn new() -> Self {
        let serial: Serial = SERIAL.parse().unwrap();
        let mut bench = Self {
            core: Core::new("192.168.1.20".to_owned(), &serial),
            now: Timestamp::from_millis(1_000_000_000),
            woken_at: Vec::new(),
            reports: Vec::new(),
            opened: Vec::new(),
            clients: Vec::new(),
            closed: 0,
            published: Vec::new(),
            files: Vec::new(),
            abandoned: Vec::new(),
        };
        bench.input(Input::Wake);
        bench
    }

    /// Connected to an idle machine.
    fn up() -> Self {
        let mut bench = Self::new();
        bench.wire(Wire::Opened);
        bench.answer("get_version", json!({"module": []}));
        bench.tell(picture("IDLE", ""));
        bench
    }

    /// Ours is on it.
    fn printing() -> Self {
        let mut bench = Self::up();
        bench.order(watch(None));
        bench.shows("RUNNING", OURS);
        bench
    }

    fn input(&mut self, input: Input<Wire>) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::WakeAt(moment) => self.woken_at.push(moment),
                Output::Report(report) => self.reports.push(report),
                Output::Ask(Ask::Open { client_id, topic }) => {
                    self.opened.push(topic);
                    self.clients.push(client_id);
                }
                Output::Ask(Ask::Publish { topic, payload }) => {
                    assert_eq!(topic, "device/01P00A123456789/request");
                    self.published.push(serde_json::from_str(&payload).unwrap());
                }
                Output::Ask(Ask::Close) => self.closed += 1,
                Output::Ask(Ask::Files { id, work }) => self.files.push((id, work)),
                Output::Ask(Ask::Abandon(id)) => self.abandoned.push(id),
            }
        }
    }

    fn wire(&mut self, wire: Wire) {
        self.input(Input::Wire(wire));
    }

    fn order(&mut self, order: Order) {
        self.input(Input::Order(order));
    }

    /// Time passes, and every asked moment comes in its turn.
    fn pass(&mut self, millis: i64) {
        let until = self.now.plus_millis(millis);
        while let Some(next) = self.woken_at.iter().copied().filter(|moment| *moment <= until).min() {
            self.woken_at.retain(|moment| *moment != next);
            self.now = self.now.max(next);
            self.input(Input::Wake);
        }
        self.now = until;
    }

    fn message(&mut self, message: &Value) {
        self.wire(Wire::Message(Bytes::from(message.to_string())));
    }

    fn tell(&mut self, report: Value) {
        self.message(&json!({"print": report}));
    }

    fn changes(&mut self, change: Value) {
        let mut report = json!({"command": "push_status", "msg": 1, "sequence_id": "2021"});
        report.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.tell(report);
    }

    fn shows(&mut self, state: &str, name: &str) {
        self.changes(json!({"gcode_state": state, "subtask_name": name}));
    }

    /// The machine answers the newest command of that name.
    fn answer(&mut self, command: &str, fields: Value) {
        let of = |message: &Value| {
            let (class, body) = message.as_object()?.iter().next()?;
            (body["command"] == command).then(|| (class.clone(), body["sequence_id"].clone()))
        };
        let (class, number) =
            self.published.iter().rev().find_map(of).unwrap_or_else(|| panic!("{command}: {:?}", self.published));
        let mut body = fields;
        body["command"] = json!(command);
        body["sequence_id"] = number;
        self.message(&json!({class: body}));
    }

    fn start(&mut self) {
        self.order(start());
        self.answer("get_version", json!({"module": []}));
        assert!(self.commands().contains(&"project_file".to_owned()));
    }

    fn started(&mut self, feeds: &[(u32, u8)]) -> Value {
        self.order(start_from(feeds));
        self.answer("get_version", json!({"module": []}));
        self.said("project_file")
    }

    fn said(&self, command: &str) -> Value {
        let of = |message: &Value| message.as_object()?.values().find(|body| body["command"] == command).cloned();
        self.published.iter().rev().find_map(of).unwrap_or_else(|| panic!("{command}: {:?}", self.published))
    }

    fn commands(&self) -> Vec<String> {
        let command = |message: &Value| message.as_object()?.values().next()?["command"].as_str().map(str::to_owned);
        self.published.iter().filter_map(command).collect()
    }

    fn last(&self) -> &Report {
        self.reports.last().unwrap()
    }

    fn heard(&self) -> Observation {
        let heard = |report: &Report| if let Report::Heard(seen) = report { Some(Observation::clone(seen)) } else { None };
        self.reports.iter().rev().find_map(heard).unwrap()
    }

    fn view_slots(&self) -> usize {
        self.core.view.slots().len()
    }

    fn kept(&self) -> usize {
        format!("{:?}", self.core.view).matches("field_").count()
    }

    fn ends(&self) -> Vec<End> {
        self.reports.iter().filter_map(|report| if let Report::Ended { end, .. } = report { Some(*end) } else { None }).collect()
    }

    fn histories(&self) -> Vec<History> {
        let history = |report: &Report| if let Report::History { history, .. } = report { Some(*history) } else { None };
        self.reports.iter().filter_map(history).collect()
    }

    fn acted(&self) -> Vec<Result<(), ActProblem>> {
        let outcome = |report: &Report| if let Report::Acted { outcome, .. } = report { Some(outcome.clone()) } else { None };
        self.reports.iter().filter_map(outcome).collect()
    }
}

/// All that a small machine tells, in short.
fn picture(state: &str, name: &str) -> Value {
    json!({
        "command": "push_status", "msg": 0, "sequence_id": "1", "gcode_state": state, "subtask_name": name, "gcode_file": "",
        "print_error": 0, "hms": [], "mc_percent": 0, "mc_remaining_time": "0", "layer_num": 0, "total_layer_num": 0, "stg_cur": 255,
        "nozzle_temper": 25, "nozzle_target_temper": 0, "bed_temper": "25.5", "bed_target_temper": 0, "chamber_temper": 5,
        "wifi_signal": "-45dBm", "sdcard": true, "spd_lvl": 2,
    })
}

fn token() -> Token {
    Token::read("aaaaaaaaaaaaaaaa").unwrap()
}

fn attempt() -> AttemptId {
    AttemptId::derived([1; 32])
}

fn command() -> CommandId {
    CommandId::derived([2; 32])
}

fn content() -> Content {
    Content { sha256: ContentHash::new([7; 32]), size_bytes: 1000, extension: "gcode".to_owned() }
}

fn watch(mark: Option<&str>) -> Order {
    let state = AttemptState::Active(Stage::Printing);
    let mark = mark.map(str::to_owned);
    Order::Watch(Some(Watched { attempt: attempt(), token: token(), content: content(), state, mark }))
}

fn send() -> Order {
    Order::Send { attempt: attempt(), token: token(), content: content() }
}

fn start() -> Order {
    start_from(&[])
}

fn start_from(feeds: &[(u32, u8)]) -> Order {
    let feeds = feeds.iter().map(|(filament, position)| Feed { filament: *filament, position: *position }).collect();
    Order::Start { attempt: attempt(), token: token(), content: content(), feeds }
}
