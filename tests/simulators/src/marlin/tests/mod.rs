//! What the simulated board does, told by values and a clock in the hand. Wordings are those that the real firmware was seen to use.

use domain::time::Timestamp;

use super::core::Core;
use super::door::{Input, Output, Person};
use super::settings::{Faults, Settings};

#[test]
fn it_resets_when_its_line_is_opened_and_says_start() {
    let mut bench = Bench::closed(Settings::default());
    bench.input(Input::Opened);
    assert!(bench.take().is_empty());
    bench.pass(300);
    assert_eq!(bench.take()[0], "start");
    bench.input(Input::Closed);
    bench.input(Input::Opened);
    bench.pass(300);
    assert_eq!(bench.core.counters().boots, 2);
}

#[test]
fn a_line_out_of_order_or_with_a_wrong_sum_is_refused_in_the_firmwares_words() {
    let mut bench = Bench::new(Settings { advanced_ok: false, ..Settings::default() });
    assert_eq!(bench.say("N1 M400*38"), ["ok"]);
    assert_eq!(bench.say("N3 M400*36"), ["Error:Line Number is not Last Line Number+1, Last Line: 1", "Resend: 2", "ok"]);
    assert_eq!(bench.say("N2 M400*1"), ["Error:checksum mismatch, Last Line: 1", "Resend: 2", "ok"]);
    assert_eq!(bench.say("N2 M400"), ["Error:No Checksum with line number, Last Line: 1", "Resend: 2", "ok"]);
    assert_eq!(bench.say("N2 M400*37"), ["ok"]);
    assert_eq!(bench.core.program(), ["M110 N0", "M400", "M400"]);
}

#[test]
fn an_ok_tells_its_number_and_room_and_that_of_temperatures_does_not() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(bench.say("N1 M82*24"), ["ok N1 P16 B3"]);
    let told = bench.say("M105");
    assert!(told[0].starts_with("ok T:21.3 /0.00 B:21.3 /0.00") || told[0].starts_with("ok T:21.30 /0.00"), "{told:?}");
    assert_eq!(bench.say("M82"), ["ok P16 B3"]);
}

#[test]
fn moves_take_their_time_in_a_planner_and_are_waited_for() {
    let mut bench = Bench::new(Settings { planned_moves: 2, ..Settings::default() });
    // 10 mm at 600 mm/min: a second each.
    assert_eq!(bench.say("G1 X10 F600").len(), 1);
    assert_eq!(bench.say("G1 X20").len(), 1);
    assert!(bench.say("G1 X30").is_empty(), "the planner is full");
    bench.pass(990);
    assert!(bench.take().is_empty());
    bench.pass(20);
    assert_eq!(bench.take(), ["ok P0 B3"]);
    bench.say("M400");
    bench.pass(1_900);
    assert!(!bench.take().iter().any(|line| line.starts_with("ok")));
    bench.pass(200);
    assert!(bench.take().contains(&"ok P2 B3".to_owned()));
    assert_eq!(bench.core.counters().moves, 3);
}

#[test]
fn a_command_that_blocks_says_busy_every_two_seconds_and_heating_tells_how_far_it_is() {
    let mut bench = Bench::new(Settings::default());
    bench.say("M109 S101.3");
    bench.pass(6_900);
    let told = bench.take();
    assert_eq!(told.iter().filter(|line| *line == "echo:busy: processing").count(), 3);
    assert!(told.iter().any(|line| line.starts_with("T:") && line.ends_with("W:?")));
    bench.pass(1_200);
    assert!(bench.take().iter().any(|line| line.starts_with("ok")), "eighty degrees at ten a second");
}

#[test]
fn the_queue_holds_four_and_the_buffer_128_bytes_and_what_is_more_is_lost() {
    let mut bench = Bench::new(Settings::default());
    bench.say("G4 P1000");
    for _ in 0..3 {
        bench.say("M82");
    }
    bench.say(&"M83 ;".repeat(20));
    assert_eq!(bench.core.counters().overflown, 0);
    bench.say(&"M83 ;".repeat(20));
    assert!(bench.core.counters().overflown > 0);
}

#[test]
fn an_emergency_parser_ends_waiting_before_its_turn_and_without_one_nothing_does() {
    for (emergency_parser, expected) in [(true, 2), (false, 0)] {
        let mut bench = Bench::new(Settings { emergency_parser, ..Settings::default() });
        bench.say("M109 S250");
        let told = bench.say("M108");
        assert_eq!(told.iter().filter(|line| line.starts_with("ok")).count(), expected);
    }
}

#[test]
fn a_question_waits_for_a_person_or_the_hosts_answer() {
    let mut bench = Bench::new(Settings::default());
    let asked = bench.say("M0 Click");
    assert_eq!(asked, ["//action:prompt_begin Click to continue", "//action:prompt_button Continue", "//action:prompt_show"]);
    bench.pass(2_000);
    assert_eq!(bench.take(), ["echo:busy: paused for user"]);
    bench.input(Input::Person(Person::Click));
    assert_eq!(bench.take(), ["ok P16 B3"]);
    bench.say("M0");
    assert!(bench.say("M876 S0").contains(&"ok P16 B3".to_owned()));
}

#[test]
fn a_print_from_its_card_is_told_by_bytes_and_ends_in_words() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(bench.say("M27")[0], "Not SD printing");
    bench.input(Input::Person(Person::PrintFromCard("benchy~1.gco".to_owned())));
    bench.pass(60_000);
    bench.take();
    assert_eq!(bench.say("M27")[0], "SD printing byte 6000/60000");
    assert_eq!(bench.say("M27 C")[0], "Current file: BENCHY~1.GCO");
    bench.pass(540_000);
    assert!(bench.take().contains(&"Done printing file".to_owned()));
}

#[test]
fn a_halt_is_told_and_then_nothing_is_answered_until_a_reset() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Faults(Faults { halt_after: Some(2), ..Faults::default() }));
    let told = bench.say("M104 S200");
    assert_eq!(told[1..], ["Error:Printer halted. kill() called!", "//action:poweroff"]);
    assert!(bench.say("M105").is_empty());
    assert!(!bench.core.is_heating());
    bench.input(Input::Person(Person::Reset));
    bench.pass(300);
    assert_eq!(bench.take()[0], "start");
}

#[test]
fn a_power_cut_takes_the_line_and_all_that_was_on_the_machine() {
    let mut bench = Bench::new(Settings::default());
    bench.say("M104 S200");
    assert!(bench.core.is_heating());
    assert_eq!(bench.core.handle(bench.now, Input::PowerCut { off_ms: 1_000 }), [Output::Unplugged]);
    assert!(!bench.core.is_heating() && !bench.core.is_plugged());
    bench.pass(1_400);
    assert!(bench.core.is_plugged());
    assert_eq!(bench.core.counters().boots, 2);
}

#[test]
fn faults_of_the_line_come_when_they_are_due() {
    let mut bench = Bench::new(Settings { advanced_ok: false, ..Settings::default() });
    bench.input(Input::Faults(Faults { lose_ok_every: Some(2), ..Faults::default() }));
    let oks: usize = (0..10).map(|_| bench.say("M82").len()).sum();
    assert_eq!((oks, bench.core.counters().lost_oks), (5, 5));
    bench.input(Input::Faults(Faults { slow_ms: Some(100), ..Faults::default() }));
    assert!(bench.say("M82").is_empty());
    bench.pass(100);
    assert_eq!(bench.take(), ["ok"]);
}

struct Bench {
    core: Core,
    now: Timestamp,
    said: Vec<u8>,
}

impl Bench {
    fn closed(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        Self { core: Core::new(settings, now), now, said: Vec::new() }
    }

    /// One that has come up and took the first line.
    fn new(settings: Settings) -> Self {
        let mut bench = Self::closed(settings);
        bench.input(Input::Opened);
        bench.pass(300);
        bench.take();
        assert!(bench.say("N0 M110 N0*125")[0].starts_with("ok"));
        bench
    }

    fn input(&mut self, input: Input) {
        for output in self.core.handle(self.now, input) {
            if let Output::Bytes(bytes) = output {
                self.said.extend(bytes);
            }
        }
    }

    fn say(&mut self, line: &str) -> Vec<String> {
        self.input(Input::Bytes(format!("{line}\n").into_bytes()));
        self.take()
    }

    fn pass(&mut self, ms: i64) {
        let end = self.now.plus_millis(ms);
        while let Some(next) = self.core.next_wake().filter(|next| *next <= end) {
            self.now = next;
            self.input(Input::Wake);
        }
        self.now = end;
        self.input(Input::Wake);
    }

    fn take(&mut self) -> Vec<String> {
        String::from_utf8(std::mem::take(&mut self.said)).unwrap().lines().map(str::to_owned).collect()
    }
}
