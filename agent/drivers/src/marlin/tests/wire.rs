//! What lines of boards, and of files, mean.

use proptest::prelude::*;

use crate::contract::LinkProblem;
use crate::marlin::Device;
use crate::marlin::gcode::{Look, Modes, command};
use crate::marlin::wire::{Action, Busy, Position, Said, Taken, Told};

#[test]
fn what_a_line_means_for_the_flow_is_read_in_all_its_dialects() {
    let ok = |number, room, reports| Said::Ok(Taken { number, room, reports });
    for (line, expected) in [
        ("ok", ok(None, None, false)),
        ("ok N12 P15 B3", ok(Some(12), Some(3), false)),
        ("ok P15 B3", ok(None, Some(3), false)),
        ("ok 12", ok(Some(12), None, false)),
        ("ok T:19.37 /0.00 B:19.37 /0.00 @:0 B@:0", ok(None, None, true)),
        ("ok X:1.00 Y:2.00 Z:3.00 E:0.00 Count: A:0", ok(None, None, true)),
        ("okay then", Said::Other),
        ("Resend: 3", Said::Resend(3)),
        ("Resend:4", Said::Resend(4)),
        ("rs N5", Said::Resend(5)),
        ("rs 6", Said::Resend(6)),
        ("Resend: soon", Said::Other),
        ("echo:busy: processing", Said::Busy(Busy::Working)),
        ("busy:processing", Said::Busy(Busy::Working)),
        ("echo:busy: paused for user", Said::Busy(Busy::ForPerson)),
        ("echo:busy: paused for input", Said::Busy(Busy::ForPerson)),
        ("wait", Said::Wait),
        ("start", Said::Start),
        ("\u{0}\u{0}start\r", Said::Start),
        ("startup", Said::Other),
        ("Error:Printer halted. kill() called!", Said::Halted),
        ("!! Fan failed", Said::Halted),
        ("fatal: thermal", Said::Halted),
        (" T:21.3 /0.00 B:21.3 /0.00 @:0 B@:0", Said::Other),
        ("", Said::Other),
    ] {
        assert_eq!(Said::of(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn temperatures_of_one_tool_of_more_and_of_a_prusa_are_read() {
    let read = |line: &str| {
        let Told::Readings(readings) = Told::read(line) else { panic!("{line}") };
        readings
    };
    let one = read("ok T:19.37 /0.00 B:20.50 /60.00 @:0 B@:0");
    assert_eq!((one.nozzles.len(), one.bed.unwrap().target_celsius), (1, Some(60.0)));
    let two = read(" T:200.1 /200.0 B:60.0 /60.0 C:30.2 /0.00 T0:200.1 /200.0 T1:25.0 /0.0 @:127 B@:10 @0:127 @1:0");
    assert_eq!(two.nozzles.len(), 2);
    assert_eq!(two.nozzles[1].target_celsius, Some(0.0));
    assert!(two.chamber.is_some());
    let prusa = read("ok T:25.1 /0.0 B:24.9 /0.0 T0:25.1 /0.0 @:0 B@:0 P:0.0 A:27.4");
    assert_eq!(prusa.nozzles.len(), 1);
    let joined = read("T:210.00/210.00 B:60.00/60.00");
    assert_eq!(joined.nozzles[0].target_celsius, Some(210.0));
    assert_eq!(Told::read("T:hot"), Told::Other);
}

#[test]
fn what_a_board_is_does_and_asks_is_read() {
    for (line, expected) in [
        (
            "FIRMWARE_NAME:Marlin 2.1.2 (Jun  1 2023 10:00:00) SOURCE_CODE_URL:github.com PROTOCOL_VERSION:1.0",
            Told::Firmware("Marlin 2.1.2 (Jun 1 2023 10:00:00)".to_owned()),
        ),
        ("Cap:EMERGENCY_PARSER:1", Told::Cap("EMERGENCY_PARSER".to_owned(), true)),
        ("Cap:SDCARD:0", Told::Cap("SDCARD".to_owned(), false)),
        ("SD printing byte 123/4567", Told::OnCard(123, 4567)),
        ("SD printing byte x/4567", Told::Other),
        ("Not SD printing", Told::NothingOnCard),
        ("Done printing file", Told::NothingOnCard),
        ("Current file: BENCHY~1.GCO", Told::CardFile("BENCHY~1.GCO".to_owned())),
        ("File opened: a.gco Size: 12", Told::CardFile("a.gco".to_owned())),
        ("X:10.00 Y:20.50 Z:0.30 E:-1.20 Count X:800 Y:1640 Z:120", Told::At(Position { x: 10.0, y: 20.5, z: 0.3, e: -1.2 })),
        ("//action:pause", Told::Action(Action::Pause)),
        ("// action:paused", Told::Action(Action::Paused)),
        ("//action:prompt_begin Filament  runout", Told::Action(Action::PromptBegin("Filament runout".to_owned()))),
        ("//action:notification Ready", Told::Action(Action::Other)),
        ("//action:out_of_filament T0", Told::Action(Action::OutOfFilament)),
        (
            "Error:Heating failed, system stopped! Heater_ID: 0",
            Told::Fault("Heating failed, system stopped! Heater_ID: 0".to_owned()),
        ),
        ("echo:Now fresh file: x", Told::Other),
    ] {
        assert_eq!(Told::read(line), expected, "{line}");
    }
}

#[test]
fn of_a_files_line_only_what_a_board_needs_is_passed_on() {
    for (line, expected) in [
        ("G1 X1 Y2 ; a comment", Some("G1 X1 Y2")),
        ("  M104 S200\r", Some("M104 S200")),
        ("; all comment", None),
        ("", None),
        ("N12 G1 X1*57", Some("G1 X1")),
        ("M117 5*3", Some("M117 5*3")),
        ("M110 N0", None),
        ("M117 see M110 Now", None),
        ("M112", None),
        ("M108", None),
        ("M28 x.gco", None),
        ("M23 x.gco", None),
        ("M24", None),
        ("M155 S1", None),
        ("M997", None),
        ("M118 ok", None),
        ("M118 A1 action:notification hello", Some("M118 A1 action:notification hello")),
        ("M280 P0 S10", Some("M280 P0 S10")),
        ("T0", Some("T0")),
        ("EXCLUDE_OBJECT_START NAME=a", None),
        ("M0 Click", Some("M0 Click")),
    ] {
        assert_eq!(command(line.as_bytes()), expected.map(str::as_bytes), "{line}");
    }
    let long = format!("M117 {}", "x".repeat(300));
    assert_eq!(command(long.as_bytes()).unwrap().len(), 82, "words for the display are cut");
}

#[test]
fn what_a_file_has_set_is_known_for_a_pause() {
    let mut modes = Modes::default();
    for line in ["G21", "G90", "M83", "G28 X Y", "G1 X10 E0.5 F1800", "G1X20E.4", "M73 P10 R42"] {
        modes.pass(line.as_bytes());
    }
    let expected = Modes {
        relative: false,
        relative_e: true,
        inches: false,
        feedrate: Some(1800.0),
        homed: true,
        extruded: true,
        minutes_left: Some(42.0),
    };
    assert_eq!(modes, expected);
    modes.pass(b"G91");
    modes.pass(b"M82");
    assert!(modes.relative && !modes.relative_e);
}

#[test]
fn a_file_is_looked_through_for_what_cannot_be_printed() {
    let mut look = Look::default();
    for line in ["; head\n", "G28\n", "M73 P0 R1\n", "G1 X1 Y1 ; move\n"] {
        look.pass(line.as_bytes());
    }
    assert_eq!((look.commands, look.too_long_at, look.is_binary, look.tells_progress), (3, None, false, true));
    look.pass(format!("G1 X1 {}\n", "Y1 ".repeat(40)).as_bytes());
    assert_eq!(look.too_long_at, Some(5));
    look.pass(b"PK\x00\x01");
    assert!(look.is_binary);
}

#[test]
fn an_address_is_a_device_and_perhaps_a_baud_rate() {
    let device = |path: &str, baud| Device { path: path.to_owned(), baud };
    assert_eq!(Device::read("/dev/serial/by-id/usb-a-if00"), Ok(device("/dev/serial/by-id/usb-a-if00", 115_200)));
    assert_eq!(Device::read(" /dev/ttyUSB0@250000 "), Ok(device("/dev/ttyUSB0", 250_000)));
    for wrong in ["", "COM3", "ttyUSB0", "/dev/ttyUSB0@fast", "/dev/ttyUSB0@7", "/dev/a b", "http://printer"] {
        assert!(matches!(Device::read(wrong), Err(LinkProblem::BadSetting { setting: "address", .. })), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_board_or_a_file_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Said::of(&bytes);
        let told = Told::read(&String::from_utf8_lossy(&bytes));
        if let Told::Readings(readings) = told {
            prop_assert!(readings.nozzles.len() <= 8);
        }
        if let Some(command) = command(&bytes) {
            Modes::default().pass(command);
        }
        Look::default().pass(&bytes);
    }

    #[test]
    fn no_words_of_a_board_do_harm(words in "(ok|Resend:|T:|X:|SD printing byte |//action:|Cap:|FIRMWARE_NAME:|busy:| |N|[0-9]{1,12}|/|:|\\PC){0,12}") {
        let _ = (Said::of(words.as_bytes()), Told::read(&words), command(words.as_bytes()));
    }
}
