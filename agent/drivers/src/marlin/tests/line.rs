//! The line, held to a board that is as strict as Marlin about numbers.

use std::collections::VecDeque;

use domain::time::Timestamp;
use proptest::prelude::*;

use crate::marlin::feed::{Next, Source};
use crate::marlin::frame::frame;
use crate::marlin::line::{Event, Line};
use crate::marlin::wire::Said;

const OK: &str = "ok";

/// A file of so many commands.
struct Commands {
    next: u32,
    of: u32,
}

impl Source for Commands {
    fn next(&mut self, command: &mut Vec<u8>) -> Next {
        if self.next == self.of {
            return Next::End;
        }
        self.next += 1;
        command.extend_from_slice(format!("G1 X{}", self.next).as_bytes());
        Next::Command { upto: u64::from(self.next) * 10 }
    }
}

struct Bench {
    line: Line,
    now: Timestamp,
    source: Commands,
    sent: Vec<String>,
    events: Vec<Event>,
}

impl Bench {
    /// A line whose numbers agree, with a file of so many commands.
    fn new(of: u32) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let mut bench =
            Self { line: Line::default(), now, source: Commands { next: 0, of }, sent: Vec::new(), events: Vec::new() };
        let mut out = Vec::new();
        bench.line.hello(now, &mut out);
        bench.collect(&out);
        assert_eq!(bench.take(), ["", "N0 M110 N0*125"]);
        bench.hear(OK);
        assert_eq!(std::mem::take(&mut bench.events), [Event::Ready]);
        bench.line.begin();
        bench.fill();
        bench
    }

    fn collect(&mut self, out: &[u8]) {
        let mut out = out.to_vec();
        self.line.fill(self.now, &mut self.source, &mut out, &mut self.events);
        self.sent.extend(String::from_utf8(out).unwrap().lines().map(str::to_owned));
    }

    fn fill(&mut self) {
        self.collect(&[]);
    }

    fn hear(&mut self, line: &str) {
        self.line.hear(self.now, Said::of(line.as_bytes()), &mut self.events);
        self.fill();
    }

    fn pass(&mut self, ms: i64) {
        for _ in 0..ms / 50 {
            self.now = self.now.plus_millis(50);
            self.line.tick(self.now);
            self.fill();
        }
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    /// The commands of what was sent.
    fn commands(&mut self) -> Vec<String> {
        self.take().iter().map(|line| command_of(line)).collect()
    }

    /// The numbers of what was sent.
    fn numbers(&mut self) -> Vec<u32> {
        self.take().iter().map(|line| number_of(line)).collect()
    }
}

#[test]
fn a_line_is_framed_as_every_host_does_it() {
    for (number, command, expected) in [(3, "T0", "N3 T0*57\n"), (4, "G92 E0", "N4 G92 E0*67\n"), (5, "G28", "N5 G28*22\n")] {
        let mut wire = Vec::new();
        frame(number, command.as_bytes(), &mut wire);
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }
}

fn command_of(line: &str) -> String {
    line.split('*').next().unwrap()[line.find(' ').unwrap() + 1..].to_owned()
}

fn number_of(line: &str) -> u32 {
    line[1..line.find(' ').unwrap()].parse().unwrap()
}

#[test]
fn one_line_at_a_time_is_on_its_way_until_the_board_tells_its_room() {
    let mut bench = Bench::new(10);
    assert_eq!(bench.numbers(), [1]);
    bench.hear(OK);
    assert_eq!(bench.numbers(), [2]);
    bench.hear("ok N2 P15 B3");
    assert_eq!(bench.numbers(), [3, 4, 5]);
    bench.hear("ok N3 P15 B1");
    assert_eq!(bench.numbers(), [6], "as much as it had room for when it was empty");
}

#[test]
fn no_more_bytes_are_on_their_way_than_a_receive_buffer_holds() {
    let mut bench = Bench::new(0);
    bench.hear("ok N0 P15 B16");
    for id in 0..16 {
        bench.line.command(id, format!("M117 {}", "x".repeat(40)));
    }
    bench.fill();
    let sent = bench.take();
    assert!(sent.iter().map(|line| line.len() + 1).sum::<usize>() <= 127, "{sent:?}");
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_refused_line_is_sent_again_and_the_ok_behind_the_refusal_is_no_answer() {
    let mut bench = Bench::new(10);
    bench.take();
    bench.hear("Error:checksum mismatch, Last Line: 0");
    bench.hear("Resend: 1");
    assert!(bench.take().is_empty());
    bench.hear(OK);
    assert_eq!(bench.numbers(), [1]);
    bench.hear(OK);
    assert_eq!(bench.numbers(), [2]);
    assert_eq!(bench.line.acked(), 10);
}

#[test]
fn a_board_that_says_no_ok_behind_a_refusal_is_not_waited_for() {
    let mut bench = Bench::new(10);
    bench.take();
    bench.hear("rs N1");
    bench.pass(50);
    assert!(bench.take().is_empty());
    bench.pass(100);
    assert_eq!(bench.numbers(), [1]);
    bench.hear(OK);
    assert_eq!(bench.numbers(), [2]);
}

#[test]
fn a_burst_of_refusals_of_the_lines_behind_sends_the_refused_one_again_once() {
    let mut bench = Bench::new(20);
    bench.hear("ok N1 P15 B4");
    assert_eq!(bench.numbers(), [1, 2, 3, 4, 5]);
    for _ in 0..4 {
        bench.hear("Resend: 2");
        bench.hear(OK);
    }
    assert_eq!(bench.numbers(), [2], "one at a time until it is taken");
    bench.hear("ok N2 P15 B3");
    assert_eq!(bench.numbers(), [3, 4, 5, 6]);
}

#[test]
fn fifty_lines_back_are_kept_and_sent_again_word_for_word() {
    let mut bench = Bench::new(200);
    let first = bench.take();
    let mut before = first;
    for number in 1..=60 {
        bench.hear(&format!("ok N{number}"));
        before.extend(bench.take());
    }
    // The last lines' answers came early; the board is where it says it is.
    bench.hear("Resend: 54");
    bench.hear(OK);
    // Line 61 was on its way and is refused too, or was thrown away with it.
    bench.pass(150);
    bench.hear("ok N54");
    bench.hear("ok N55");
    let again = bench.take();
    assert_eq!(again, before[53..56]);
}

#[test]
fn an_ok_that_was_lost_is_found_out_by_sending_the_line_again() {
    let mut bench = Bench::new(10);
    bench.take();
    bench.pass(14_900);
    assert!(bench.take().is_empty());
    bench.pass(200);
    assert_eq!(bench.numbers(), [1]);
    // The board had it: it wants the next.
    bench.hear("Resend: 2");
    bench.hear(OK);
    assert_eq!(bench.numbers(), [2]);
    assert_eq!(bench.line.acked(), 10);
    assert_eq!(bench.line.counts.doubts, 1);
}

#[test]
fn a_board_that_waits_with_nothing_to_do_has_lost_an_ok() {
    let mut bench = Bench::new(10);
    bench.take();
    bench.hear("wait");
    assert!(bench.take().is_empty(), "it may have said so before the line came");
    bench.pass(1_000);
    bench.hear("wait");
    assert_eq!(bench.numbers(), [1]);
}

#[test]
fn busy_is_a_sign_of_life_and_no_answer() {
    let mut bench = Bench::new(10);
    bench.take();
    for _ in 0..60 {
        bench.pass(2_000);
        bench.hear("echo:busy: processing");
    }
    assert!(bench.take().is_empty());
    bench.pass(5_100);
    assert_eq!(bench.numbers(), [1], "a board that says busy is doubted sooner");
}

#[test]
fn the_number_in_an_ok_stands_for_those_before_it() {
    let mut bench = Bench::new(20);
    bench.hear("ok N1 P15 B4");
    bench.take();
    bench.hear("ok N4 P15 B3");
    assert_eq!(bench.line.acked(), 40);
    assert_eq!(bench.numbers(), [6, 7, 8]);
    bench.hear("ok N3 P15 B3");
    assert_eq!(bench.line.acked(), 40, "one that comes late changes nothing");
}

#[test]
fn a_board_that_comes_up_anew_gets_nothing_more() {
    for words in ["start", "Resend: 1"] {
        let mut bench = Bench::new(200);
        for number in 1..=100 {
            bench.hear(&format!("ok N{number}"));
        }
        bench.take();
        bench.events.clear();
        bench.hear(words);
        assert!(matches!(bench.events.as_slice(), [Event::Restarted(_)]), "{words}");
        bench.hear(OK);
        bench.pass(60_000);
        assert!(bench.take().is_empty(), "{words}");
    }
}

#[test]
fn a_pause_takes_hold_at_once_and_commands_go_before_the_rest_of_the_file() {
    let mut bench = Bench::new(10);
    bench.hear("ok N1 P15 B2");
    bench.take();
    bench.line.feed(false);
    bench.line.command(7, "M400".to_owned());
    bench.hear("ok N2 P15 B2");
    bench.hear("ok N3 P15 B2");
    assert_eq!(bench.commands(), ["M400"]);
    bench.hear("ok N4 P15 B2");
    assert!(bench.events.contains(&Event::Done(7)));
    assert!(bench.take().is_empty());
    bench.line.feed(true);
    bench.fill();
    assert_eq!(bench.commands(), ["G1 X4", "G1 X5"]);
}

#[test]
fn the_file_is_over_when_its_last_line_was_taken_and_not_before() {
    let mut bench = Bench::new(2);
    bench.hear(OK);
    assert!(bench.events.is_empty());
    bench.hear(OK);
    assert_eq!(bench.events, [Event::Drained]);
    let mut empty = Bench::new(0);
    assert_eq!(std::mem::take(&mut empty.events), [Event::Drained]);
}

#[test]
fn an_urgent_word_goes_out_at_once_and_its_ok_is_its_own() {
    let mut bench = Bench::new(10);
    bench.take();
    let mut out = Vec::new();
    bench.line.urgent("M108", &mut out);
    bench.collect(&out);
    assert_eq!(bench.take(), ["M108"]);
    bench.hear(OK);
    assert!(bench.take().is_empty());
    bench.hear(OK);
    assert_eq!(bench.numbers(), [2]);
}

/// What a strict board on a bad line does with each line, and with each answer.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Good,
    Garbled,
    Lost,
    AnswerLost,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![12 => Just(Luck::Good), 1 => Just(Luck::Garbled), 1 => Just(Luck::Lost), 1 => Just(Luck::AnswerLost)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_line_does_the_board_takes_each_command_once_and_in_order(
        lucks in prop::collection::vec(luck(), 1..120), advanced: bool, of in 1_u32..80,
    ) {
        let mut bench = Bench::new(of);
        let mut lucks = lucks.into_iter();
        let mut wire: VecDeque<String> = bench.take().into();
        let (mut last, mut taken) = (0, Vec::new());
        for _ in 0..4_000 {
            if bench.events.contains(&Event::Drained) {
                break;
            }
            let Some(line) = wire.pop_front() else {
                bench.pass(1_000);
                wire.extend(bench.take());
                continue;
            };
            let luck = lucks.next().unwrap_or(Luck::Good);
            let number = number_of(&line);
            if matches!(luck, Luck::Lost) {
                continue;
            }
            if matches!(luck, Luck::Garbled) || number != last + 1 {
                bench.hear(&format!("Resend: {}", last + 1));
                bench.hear(OK);
            } else {
                last = number;
                taken.push(command_of(&line));
                if !matches!(luck, Luck::AnswerLost) {
                    bench.hear(&if advanced { format!("ok N{number} P15 B3") } else { OK.to_owned() });
                }
            }
            wire.extend(bench.take());
        }
        let wanted: Vec<String> = (1..=of).map(|at| format!("G1 X{at}")).collect();
        prop_assert_eq!(taken, wanted);
        prop_assert!(bench.events.contains(&Event::Drained));
        prop_assert!(!bench.events.iter().any(|event| matches!(event, Event::Restarted(_))));
    }

    #[test]
    fn whatever_a_board_says_the_line_holds_and_stays_small(said in prop::collection::vec(any_words(), 0..200)) {
        let mut bench = Bench::new(1_000);
        let mut bytes = 0;
        for words in said {
            bench.hear(&words);
            bench.pass(100);
            bytes = bench.take().iter().map(String::len).sum::<usize>().max(bytes);
            bench.events.clear();
        }
        prop_assert!(bytes < 4_096);
    }
}

fn any_words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ok".to_owned()),
        (0_u32..40, 0_u32..40).prop_map(|(number, room)| format!("ok N{number} P15 B{room}")),
        any::<u32>().prop_map(|number| format!("ok N{number}")),
        (0_u32..1_100).prop_map(|number| format!("Resend: {number}")),
        any::<u32>().prop_map(|number| format!("Resend:{number}")),
        Just("wait".to_owned()),
        Just("echo:busy: processing".to_owned()),
        ".{0,60}",
    ]
}
