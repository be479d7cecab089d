//! What the core does with what the line tells it.

use domain::attempt::{AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::Activity;
use domain::recovery::History;
use domain::time::Timestamp;

use crate::contract::{
    ActProblem, Content, Input, LinkProblem, Observation, Order, Output, PrinterProtocol as _, Report, SendProblem, Watched,
};
use crate::marlin::core::Core;
use crate::marlin::gcode::{Look, Modes};
use crate::marlin::requests::{Ask, Wire};

const REQUESTED: End = End::Cancelled(CancelReason::Requested);
const COMPLETED: End = End::Completed { inferred: false };
const SIZE: u64 = 10_000_000;
const LAYING: Modes = Modes {
    relative: false,
    relative_e: true,
    inches: false,
    feedrate: Some(1800.0),
    homed: true,
    extruded: true,
    minutes_left: None,
};

// Link.

#[test]
fn a_board_is_greeted_after_its_start_and_heard_with_all_that_it_shows() {
    let bench = Bench::up();
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print, seen.fault, seen.shown_token), (Activity::Idle, None, None, None));
    assert_eq!(seen.firmware.as_deref(), Some("Marlin 2.1.2"));
    assert_eq!(seen.telemetry.nozzles.len(), 1);
    assert!(bench.said.contains(&"M155 S2".to_owned()));
}

#[test]
fn a_board_that_was_not_reset_is_greeted_after_a_short_silence_and_again_until_it_answers() {
    let mut bench = Bench::new();
    bench.wire(Wire::Opened);
    bench.pass(2_400);
    assert!(!bench.asks.contains(&Ask::Hello));
    bench.pass(200);
    assert_eq!(bench.count(&Ask::Hello), 1);
    bench.pass(3_000);
    assert_eq!(bench.count(&Ask::Hello), 2);
    bench.pass(60_000);
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::OtherKind { .. })]), "{:?}", bench.reports);
    assert!(bench.asks.contains(&Ask::Close));
}

#[test]
fn a_device_that_is_not_there_is_looked_for_each_second_and_told_once() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        assert_eq!(bench.asks.pop(), Some(Ask::Open));
        bench.wire(Wire::Closed("there is no such device".to_owned()));
        bench.pass(900);
        bench.asks.clear();
        bench.pass(100);
    }
    assert!(matches!(bench.reports.as_slice(), [Report::Lost(LinkProblem::Unreachable { .. })]));
}

#[test]
fn something_that_answers_and_is_no_board_is_named() {
    let mut bench = Bench::new();
    bench.wire(Wire::Opened);
    bench.hear("start");
    for _ in 0..5 {
        assert!(bench.reports.is_empty(), "an answer to another host may have come first");
        bench.wire(Wire::Ready);
        bench.do_all();
    }
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::OtherKind { .. })));
}

#[test]
fn a_board_that_falls_silent_is_lost_but_not_in_a_print_and_not_while_it_is_busy() {
    let mut bench = Bench::printing();
    bench.pass(170_000);
    assert!(!bench.is_lost());
    bench.hear("echo:busy: processing");
    bench.pass(170_000);
    assert!(!bench.is_lost(), "an answer after minutes is no error");
    let mut bench = Bench::up();
    bench.pass(31_000);
    assert!(matches!(bench.last(), Report::Lost(LinkProblem::PrinterDisconnected { .. })));
}

#[test]
fn what_a_report_does_not_name_stays_as_it_was() {
    let mut bench = Bench::up();
    bench.hear(" T:50.0 /60.0 B:40.0 /50.0 @:0");
    bench.hear("X:1.00 Y:2.00 Z:3.00 E:0.00 Count X:0 Y:0 Z:0");
    bench.hear("echo:something new");
    bench.pass(2_000);
    bench.hear("echo:again");
    assert_eq!(bench.heard().telemetry.bed.and_then(|bed| bed.target_celsius), Some(50.0));
}

#[test]
fn a_print_from_the_machines_card_is_somebody_elses() {
    let mut bench = Bench::up();
    bench.hear("Current file: BENCHY~1.GCO");
    bench.hear("SD printing byte 100/400");
    let seen = bench.heard();
    let print = seen.print.unwrap();
    assert_eq!((seen.activity, print.token, print.file.as_deref()), (Activity::Printing, None, Some("BENCHY~1.GCO")));
    assert_eq!(seen.telemetry.progress, Some(0.25));
    bench.order(start());
    bench.do_all();
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.order(Order::Cancel { command: Some(command(1)), token: token() });
    assert_eq!(bench.last(), &Report::Acted { command: command(1), outcome: Err(ActProblem::NotThatPrint) });
    bench.hear("Done printing file");
    assert_eq!((bench.heard().activity, bench.heard().print), (Activity::Idle, None));
}

// Files.

#[test]
fn what_a_board_cannot_print_is_refused_before_it_is_waited_for() {
    let look = |look: Look| Ok(look);
    for (extension, found, problem) in [
        ("3mf", None, SendProblem::Refused),
        ("gcode", Some(look(Look::default())), SendProblem::Refused),
        ("gcode", Some(look(Look { is_binary: true, commands: 3, ..Look::default() })), SendProblem::Refused),
        ("gcode", Some(look(Look { too_long_at: Some(3), commands: 3, ..Look::default() })), SendProblem::Refused),
        ("gcode", Some(Err((SendProblem::ContentMissing, "gone".to_owned()))), SendProblem::ContentMissing),
    ] {
        let mut bench = Bench::up();
        bench.order(Order::Send {
            attempt: attempt(),
            token: token(),
            content: Content { extension: extension.to_owned(), ..content() },
        });
        if let Some(found) = found {
            bench.wire(Wire::Looked(content().sha256, found));
        }
        assert!(matches!(bench.last(), Report::SendFailed { problem: told, .. } if *told == problem), "{:?}", bench.last());
    }
    let mut bench = Bench::new();
    bench.order(Order::Send { attempt: attempt(), token: token(), content: content() });
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
}

#[test]
fn a_file_that_was_looked_through_starts_nothing() {
    let mut bench = Bench::up();
    bench.send();
    assert_eq!(bench.last(), &Report::Sent { attempt: attempt() });
    assert!(!bench.asks.iter().any(|ask| matches!(ask, Ask::Print(_))));
    assert!(bench.said.iter().all(|line| line.starts_with('M')), "{:?}", bench.said);
}

// Start and end.

#[test]
fn a_print_starts_after_a_fresh_look_and_is_done_when_the_board_says_where_its_last_move_ended() {
    let mut bench = Bench::printing();
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print.unwrap().token), (Activity::Preparing, Some(token())));
    bench.flows(SIZE / 2);
    assert_eq!(bench.heard().activity, Activity::Printing);
    bench.pass(1_500);
    bench.flows(SIZE / 2 + 1);
    assert!(bench.heard().telemetry.progress.unwrap() >= 0.5);
    bench.wire(Wire::Drained);
    assert_eq!(bench.said_last(2), ["M400", "M114"]);
    assert!(bench.ends().is_empty(), "it still moves");
    assert_eq!(bench.heard().activity, Activity::Printing);
    bench.hear("X:1.00 Y:2.00 Z:3.00 E:0.00 Count X:0 Y:0 Z:0");
    bench.do_all();
    assert_eq!(bench.ends(), [COMPLETED]);
    assert_eq!((bench.heard().activity, bench.heard().print), (Activity::Idle, None));
}

#[test]
fn an_ok_alone_does_not_end_a_print() {
    let mut bench = Bench::printing();
    bench.wire(Wire::Drained);
    bench.do_all();
    assert!(bench.ends().is_empty());
    assert_eq!(bench.said_last(2), ["M400", "M114"], "it is asked once more");
    bench.do_all();
    assert_eq!(bench.ends(), [COMPLETED], "a board that never tells is believed then");
}

#[test]
fn a_second_start_leaves_the_print_alone_and_says_so() {
    let mut bench = Bench::printing();
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartUnanswered { .. }));
    let other = Order::Start { attempt: attempt(), token: Token::new([9; 10]), content: content(), feeds: Vec::new() };
    bench.order(other);
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    assert_eq!(bench.asks.iter().filter(|ask| matches!(ask, Ask::Print(_))).count(), 1);
}

#[test]
fn a_file_that_cannot_be_opened_is_a_refused_start() {
    let mut bench = Bench::up();
    bench.order(start());
    bench.do_all();
    bench.wire(Wire::NotBegan("no such file".to_owned()));
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.order(start());
    bench.wire(Wire::Closed("gone".to_owned()));
    assert!(bench.reports.iter().any(|report| matches!(report, Report::StartRefused { detail, .. } if detail.contains("gone"))));
}

#[test]
fn cancelled_here_cancelled_there_failed_and_cut_off_are_four_different_ends() {
    let failed = |reason| End::Failed(reason);
    for (how, expected) in [
        ("here", REQUESTED),
        ("there", End::Cancelled(CancelReason::AtPrinter)),
        ("failed", failed(FailureReason::PrinterError)),
        ("cut", failed(FailureReason::HostLost)),
        ("restarted", failed(FailureReason::PrinterError)),
        ("file", failed(FailureReason::FileMissing)),
    ] {
        let mut bench = Bench::printing();
        bench.flows(1_000);
        match how {
            "here" => bench.order(Order::Cancel { command: Some(command(1)), token: token() }),
            "there" => bench.hear("//action:cancel"),
            "failed" => {
                bench.hear("Error:Thermal Runaway, system stopped! Heater_ID: 0");
                bench.hear("Error:Printer halted. kill() called!");
            }
            "cut" => bench.wire(Wire::Closed("it is gone".to_owned())),
            "restarted" => bench.wire(Wire::Restarted("the board came up anew".to_owned())),
            _ => bench.wire(Wire::Broken("I/O error".to_owned())),
        }
        bench.do_all();
        bench.hear("Error:Printer halted. kill() called!");
        assert_eq!(bench.ends(), [expected], "{how}");
        bench.order(Order::Recall { token: token() });
        assert_eq!(bench.last(), &Report::History { token: token(), history: History::Ended(expected) });
    }
}

#[test]
fn a_cancel_switches_everything_off_before_it_is_told() {
    let mut bench = Bench::printing();
    bench.flows(1_000);
    bench.said.clear();
    bench.order(Order::Cancel { command: Some(command(1)), token: token() });
    assert!(bench.asks.contains(&Ask::Forget));
    assert!(bench.asks.contains(&Ask::Urgent("M108".to_owned())), "heating is not waited for");
    assert_eq!(bench.said.first().map(String::as_str), Some("M104 S0"));
    for line in ["M140 S0", "M107", "M400", "M84"] {
        assert!(bench.said.contains(&line.to_owned()), "{line}");
    }
    assert!(bench.ends().is_empty());
    assert_eq!(bench.heard().activity, Activity::Busy);
    bench.order(Order::Cancel { command: None, token: token() });
    bench.hear("echo:busy: processing");
    assert_eq!(bench.count(&Ask::Urgent("M108".to_owned())), 2, "heating that stood in the queue is not waited for either");
    bench.do_all();
    assert_eq!(bench.ends(), [REQUESTED]);
}

#[test]
fn without_an_emergency_parser_nothing_is_sent_out_of_turn() {
    let mut bench = Bench::new();
    bench.greet(&["Cap:EMERGENCY_PARSER:0", "Cap:AUTOREPORT_TEMP:0"]);
    bench.start();
    bench.order(Order::Cancel { command: None, token: token() });
    assert!(!bench.asks.iter().any(|ask| matches!(ask, Ask::Urgent(_))));
}

#[test]
fn the_line_lost_after_the_last_line_proves_nothing() {
    for lost in [Wire::Closed("gone".to_owned()), Wire::Restarted("anew".to_owned())] {
        let mut bench = Bench::printing();
        bench.wire(Wire::Drained);
        bench.wire(lost);
        assert!(bench.ends().is_empty());
        assert!(bench.reports.contains(&Report::History { token: token(), history: History::Silent }));
    }
}

#[test]
fn a_stopped_board_is_a_fault_in_its_words_until_it_comes_up_anew() {
    let mut bench = Bench::up();
    bench.hear("Error:MINTEMP triggered, system stopped! Heater_ID: bed");
    bench.hear("Error:Printer halted. kill() called!");
    let fault = bench.heard().fault.unwrap().text;
    assert!(fault.starts_with("MINTEMP triggered, system stopped!"), "{fault}");
    bench.reports.clear();
    bench.pass(120_000);
    assert!(!bench.is_lost(), "to open the line again would reset it, and nobody has looked yet");
    assert_eq!(bench.heard().activity, Activity::Error);
    bench.order(start());
    assert!(matches!(bench.last(), Report::StartRefused { .. }));
    bench.asks.clear();
    bench.hear("start");
    bench.answers(&["Cap:AUTOREPORT_TEMP:1"]);
    assert_eq!((bench.heard().activity, bench.heard().fault), (Activity::Idle, None));
}

#[test]
fn what_is_said_of_a_line_is_no_fault_of_the_print() {
    let mut bench = Bench::printing();
    for line in [
        "Error:checksum mismatch, Last Line: 2",
        "Error:Line Number is not Last Line Number+1, Last Line: 2",
        "Error:SD init fail",
    ] {
        bench.hear(line);
    }
    bench.do_all();
    assert!(bench.ends().is_empty());
}

// Pauses.

#[test]
fn a_pause_parks_and_a_resume_puts_everything_back() {
    let mut bench = Bench::printing();
    bench.hear(" T:205.0 /205.0 B:60.0 /60.0");
    bench.flows(5_000);
    bench.order(Order::Pause { command: command(1), token: token() });
    assert!(bench.asks.contains(&Ask::Hold));
    bench.wire(Wire::Held { acked: 5_100, modes: LAYING });
    assert_eq!(bench.said_last(2), ["M400", "M114"]);
    bench.hear("X:11.00 Y:22.00 Z:0.60 E:3.25 Count X:0 Y:0 Z:0");
    bench.do_all();
    assert_eq!(bench.said_last(6), ["G91", "M83", "G1 E-2 F1800", "G1 Z5 F600", "G90", "M400"]);
    assert_ne!(bench.heard().activity, Activity::Paused, "it is still on its way out");
    bench.do_all();
    assert_eq!(bench.last_act(), &Report::Acted { command: command(1), outcome: Ok(()) });
    assert_eq!(bench.heard().print.unwrap().paused, Some(PauseReason::User));
    bench.order(Order::Resume { command: command(2), token: token() });
    assert_eq!(
        bench.said_last(8),
        ["G1 X11.000 Y22.000 F6000", "G1 Z0.600 F600", "M83", "G1 E2 F1800", "G92 E3.25000", "G90", "M83", "G1 F1800"]
    );
    assert_eq!(bench.count(&Ask::GoOn), 0, "not before the tool is back");
    bench.do_all();
    assert_eq!(bench.count(&Ask::GoOn), 1);
    assert_eq!(bench.last_act(), &Report::Acted { command: command(2), outcome: Ok(()) });
    assert_eq!(bench.heard().activity, Activity::Printing);
}

#[test]
fn a_machine_that_does_not_know_its_zero_is_paused_where_it_stands() {
    let mut bench = Bench::printing();
    bench.order(Order::Pause { command: command(1), token: token() });
    bench.hear("X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0");
    bench.do_all();
    assert_eq!(bench.said_last(2), ["M400", "M114"]);
    assert_eq!(bench.heard().activity, Activity::Paused);
}

#[test]
fn the_machine_may_ask_its_host_to_pause_and_says_why() {
    for (asked, reason) in [("//action:pause", PauseReason::User), ("//action:out_of_filament T0", PauseReason::Runout)] {
        let mut bench = Bench::printing();
        bench.hear(asked);
        assert!(bench.asks.contains(&Ask::Hold));
        bench.do_all();
        bench.do_all();
        assert_eq!(bench.heard().print.unwrap().paused, Some(reason));
        bench.hear("//action:resume");
        bench.do_all();
        assert_eq!(bench.count(&Ask::GoOn), 1);
    }
    let mut bench = Bench::printing();
    bench.said.clear();
    bench.hear("//action:paused");
    assert!(bench.said.is_empty(), "the board has parked by itself");
    assert_eq!(bench.heard().activity, Activity::Paused);
}

#[test]
fn a_question_at_the_machine_shows_as_a_pause_and_is_answered_by_a_resume() {
    let mut bench = Bench::printing();
    for line in
        ["//action:prompt_begin Click", "//action:prompt_button Continue", "//action:prompt_show", "echo:busy: paused for user"]
    {
        bench.hear(line);
    }
    let seen = bench.heard();
    assert_eq!((seen.activity, seen.print.unwrap().paused), (Activity::Paused, Some(PauseReason::Prompt)));
    bench.order(Order::Resume { command: command(1), token: token() });
    assert!(bench.asks.contains(&Ask::Urgent("M876 S0".to_owned())));
    assert_eq!(bench.last_act(), &Report::Acted { command: command(1), outcome: Ok(()) });
}

#[test]
fn an_act_for_another_print_or_without_a_line_touches_nothing() {
    let mut bench = Bench::printing();
    let other = Token::new([9; 10]);
    bench.asks.clear();
    bench.order(Order::Pause { command: command(1), token: other.clone() });
    assert_eq!(bench.last(), &Report::Acted { command: command(1), outcome: Err(ActProblem::NotThatPrint) });
    bench.order(Order::Cancel { command: Some(command(2)), token: other });
    assert_eq!(bench.last(), &Report::Acted { command: command(2), outcome: Err(ActProblem::NotThatPrint) });
    assert!(bench.asks.is_empty());
    let mut bench = Bench::new();
    bench.order(Order::Resume { command: command(3), token: token() });
    assert_eq!(bench.last(), &Report::Acted { command: command(3), outcome: Err(ActProblem::NoLink) });
}

#[test]
fn a_pause_that_is_overtaken_by_the_loss_of_the_line_is_unanswered() {
    let mut bench = Bench::printing();
    bench.order(Order::Pause { command: command(1), token: token() });
    bench.wire(Wire::Closed("gone".to_owned()));
    assert_eq!(bench.last_act(), &Report::Acted { command: command(1), outcome: Err(ActProblem::Unanswered) });
}

// After a restart of the agent.

#[test]
fn a_print_whose_host_died_has_failed_and_its_heaters_are_switched_off() {
    let mut bench = Bench::new();
    bench.order(Order::Watch(Some(watched(Stage::Printing, None))));
    bench.greet(&["Cap:AUTOREPORT_TEMP:1"]);
    bench.order(Order::Recall { token: token() });
    let history = History::Ended(End::Failed(FailureReason::HostLost));
    assert_eq!(bench.last(), &Report::History { token: token(), history });
    assert!(bench.said.contains(&"M104 S0".to_owned()) && bench.said.contains(&"M140 S0".to_owned()));
}

#[test]
fn a_print_whose_host_died_near_its_end_may_be_whole_and_a_cancelled_one_is_cancelled() {
    for (mark, expected) in [("near_end", History::Silent), ("cancel_asked", History::Ended(REQUESTED))] {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(Stage::Printing, Some(mark)))));
        bench.order(Order::Recall { token: token() });
        assert_eq!(bench.last(), &Report::History { token: token(), history: expected }, "{mark}");
    }
}

#[test]
fn what_never_started_leaves_the_heaters_as_somebody_set_them() {
    let mut bench = Bench::up();
    bench.said.clear();
    bench.order(Order::Watch(Some(watched(Stage::Sending, None))));
    bench.order(Order::Watch(None));
    assert!(bench.said.is_empty());
}

#[test]
fn the_mark_that_a_print_is_near_its_end_is_kept_before_its_last_lines_are_said() {
    let mut bench = Bench::printing();
    let mark = Report::Mark { token: token(), mark: "near_end".to_owned() };
    bench.flows(SIZE - 300_000);
    assert!(!bench.reports.contains(&mark));
    bench.flows(SIZE - 100_000);
    assert_eq!(bench.reports.iter().filter(|report| **report == mark).count(), 1);
}

#[test]
fn the_display_is_told_each_percent_unless_the_file_does_it() {
    for (tells_progress, expected) in [(false, 1), (true, 0)] {
        let mut bench = Bench::up();
        bench.order(Order::Send { attempt: attempt(), token: token(), content: content() });
        bench.wire(Wire::Looked(content().sha256, Ok(Look { commands: 9, tells_progress, ..Look::default() })));
        bench.start();
        bench.flows(SIZE / 100);
        bench.flows(SIZE / 100 + 1);
        assert_eq!(bench.said.iter().filter(|line| **line == "M73 P1").count(), expected);
    }
}

fn token() -> Token {
    Token::new([1; 10])
}

fn attempt() -> AttemptId {
    AttemptId::derived([1; 32])
}

fn command(number: u8) -> CommandId {
    CommandId::derived([number; 32])
}

fn content() -> Content {
    Content { sha256: ContentHash::new([7; 32]), size_bytes: SIZE, extension: "gcode".to_owned() }
}

fn start() -> Order {
    Order::Start { attempt: attempt(), token: token(), content: content(), feeds: Vec::new() }
}

fn watched(stage: Stage, mark: Option<&str>) -> Watched {
    let state = AttemptState::Active(stage);
    Watched { attempt: attempt(), token: token(), content: content(), state, mark: mark.map(str::to_owned) }
}

struct Bench {
    core: Core,
    now: Timestamp,
    asks: Vec<Ask>,
    said: Vec<String>,
    open: Vec<u64>,
    reports: Vec<Report>,
    wakes: Vec<Timestamp>,
}

impl Bench {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let core = Core::new("/dev/serial/by-id/usb-a".to_owned());
        let (asks, said, open, reports, wakes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut bench = Self { core, now, asks, said, open, reports, wakes };
        bench.input(Input::Wake);
        assert_eq!(bench.asks, [Ask::Open]);
        bench
    }

    fn up() -> Self {
        let mut bench = Self::new();
        bench.greet(&["Cap:AUTOREPORT_TEMP:1", "Cap:EMERGENCY_PARSER:1", "Cap:PROMPT_SUPPORT:1", "Cap:SDCARD:1"]);
        bench
    }

    fn printing() -> Self {
        let mut bench = Self::up();
        bench.start();
        bench
    }

    fn greet(&mut self, caps: &[&str]) {
        self.wire(Wire::Opened);
        self.hear("start");
        self.answers(caps);
    }

    /// The answers to a greeting.
    fn answers(&mut self, caps: &[&str]) {
        assert!(self.asks.contains(&Ask::Hello));
        self.wire(Wire::Ready);
        self.hear("FIRMWARE_NAME:Marlin 2.1.2 SOURCE_CODE_URL:x EXTRUDER_COUNT:1");
        caps.iter().for_each(|cap| self.hear(cap));
        self.do_all();
        self.hear("Not SD printing");
        self.hear("ok T:21.0 /0.0 B:21.0 /0.0 @:0");
        self.do_all();
    }

    fn send(&mut self) {
        self.order(Order::Send { attempt: attempt(), token: token(), content: content() });
        self.wire(Wire::Looked(content().sha256, Ok(Look { commands: 9, tells_progress: true, ..Look::default() })));
    }

    fn start(&mut self) {
        self.order(start());
        assert!(!self.asks.iter().any(|ask| matches!(ask, Ask::Print(_))), "not before a fresh look");
        self.do_all();
        assert!(self.asks.contains(&Ask::Print(content())));
        self.wire(Wire::Began(SIZE));
        assert!(self.reports.contains(&Report::StartAccepted { attempt: attempt() }));
    }

    fn flows(&mut self, acked: u64) {
        self.wire(Wire::Flows { acked, modes: LAYING });
    }

    fn hear(&mut self, line: &str) {
        self.wire(Wire::Heard(line.to_owned()));
    }

    fn wire(&mut self, wire: Wire) {
        self.input(Input::Wire(wire));
    }

    fn order(&mut self, order: Order) {
        self.input(Input::Order(order));
    }

    fn input(&mut self, input: Input<Wire>) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Ask(Ask::Say { id, text }) => {
                    self.open.push(id);
                    self.said.push(text);
                }
                Output::Ask(ask) => self.asks.push(ask),
                Output::Report(report) => self.reports.push(report),
                Output::WakeAt(moment) => self.wakes.push(moment),
            }
        }
    }

    /// The board does all that was said so far.
    fn do_all(&mut self) {
        for id in std::mem::take(&mut self.open) {
            self.wire(Wire::Done(id));
        }
    }

    fn pass(&mut self, ms: i64) {
        let end = self.now.plus_millis(ms);
        while let Some(next) = self.wakes.iter().min().copied().filter(|next| *next <= end) {
            self.wakes.retain(|wake| *wake != next);
            self.now = self.now.max(next);
            self.input(Input::Wake);
        }
        self.now = end;
    }

    fn last(&self) -> &Report {
        self.reports.last().unwrap()
    }

    fn last_act(&self) -> &Report {
        self.reports.iter().rfind(|report| matches!(report, Report::Acted { .. })).unwrap()
    }

    fn heard(&self) -> Observation {
        let heard =
            self.reports.iter().rev().find_map(|report| {
                if let Report::Heard(observation) = report { Some(observation.as_ref().clone()) } else { None }
            });
        heard.unwrap()
    }

    fn is_lost(&self) -> bool {
        self.reports.iter().any(|report| matches!(report, Report::Lost(_)))
    }

    fn ends(&self) -> Vec<End> {
        let end_of = |report: &Report| if let Report::Ended { end, .. } = report { Some(*end) } else { None };
        self.reports.iter().filter_map(end_of).collect()
    }

    fn count(&self, ask: &Ask) -> usize {
        self.asks.iter().filter(|asked| *asked == ask).count()
    }

    fn said_last(&self, count: usize) -> Vec<String> {
        self.said[self.said.len().saturating_sub(count)..].to_vec()
    }
}
