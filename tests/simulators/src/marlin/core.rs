//! The simulated board without io: bytes, a person, a fault or the passing of time go in, bytes come out. No clock, no line, no
//! randomness: the same inputs always give the same outputs. The caller hands in the time and calls again with `Input::Wake` at
//! `next_wake`.

use std::collections::VecDeque;

use domain::time::Timestamp;

use super::card::Card;
use super::door::{Counters, Input, Output, Person};
use super::machine::{Heated, Machine, Waits};
use super::receiver::{Command, Read, Receiver};
use super::settings::{Faults, Settings};

/// `busy` is said so often.
const BUSY_MS: i64 = 2_000;

/// A heater is looked at so often while it is waited for.
const HEAT_LOOK_MS: i64 = 20;

/// While a heater is waited for, temperatures are told so often.
const HEAT_TOLD_MS: i64 = 1_000;

/// One simulated board.
#[derive(Debug)]
pub struct Core {
    pub(super) settings: Settings,
    faults: Faults,
    pub(super) counters: Counters,
    program: Vec<String>,
    pub(super) now: Timestamp,
    receiver: Receiver,
    pub(super) queue: VecDeque<Command>,
    /// The command at the head of the queue blocks.
    pub(super) waits: Option<Waits>,
    pub(super) machine: Machine,
    pub(super) card: Option<Card>,
    pub(super) report_ms: Option<i64>,
    reported_at: Timestamp,
    busy_told_at: Timestamp,
    heat_told_at: Timestamp,
    held: VecDeque<(Timestamp, Vec<u8>)>,
    oks: u64,
    booting_until: Option<Timestamp>,
    off_until: Option<Timestamp>,
    pub(super) halted: bool,
    plugged: bool,
    opened: bool,
}

impl Core {
    /// A board that has come up, and nobody listens yet.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            machine: Machine::cold(&settings, now),
            card: settings.card.clone().map(Card::with),
            settings,
            faults: Faults::default(),
            counters: Counters::default(),
            program: Vec::new(),
            now,
            receiver: Receiver::default(),
            queue: VecDeque::new(),
            waits: None,
            report_ms: None,
            reported_at: now,
            busy_told_at: now,
            heat_told_at: now,
            held: VecDeque::new(),
            oks: 0,
            booting_until: None,
            off_until: None,
            halted: false,
            plugged: true,
            opened: false,
        }
    }

    /// Takes one input at the moment it comes.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.now = now;
        self.pass(&mut out);
        self.take(input, &mut out);
        self.pass(&mut out);
        if self.faults.silent || !self.plugged {
            out.retain(|output| !matches!(output, Output::Bytes(_)));
        }
        out
    }

    /// When `Input::Wake` is due next, if nothing else comes.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.off_until.is_some() || self.booting_until.is_some() {
            return self.off_until.or(self.booting_until);
        }
        let held = self.held.front().map(|(due, _)| *due);
        let report = self.report_ms.map(|every| self.reported_at.plus_millis(every));
        let look = self.waits.and_then(|waits| match waits {
            Waits::Heat(_) => Some(self.now.plus_millis(HEAT_LOOK_MS)),
            Waits::Not | Waits::Until(_) | Waits::Room | Waits::Still { .. } | Waits::Person => self.machine.looked_at(waits),
        });
        let busy = self.waits.map(|_| self.busy_told_at.plus_millis(BUSY_MS));
        let card = self.card.as_ref().and_then(|card| card.ends_at(self.settings.speed));
        [held, report, look, busy, card].into_iter().flatten().min().map(|at| at.max(self.now.plus_millis(1)))
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        counters.overflown += self.receiver.overflown;
        counters.moves += self.machine.made;
        counters
    }

    /// All commands that it took, in order, if they are kept.
    pub fn program(&self) -> &[String] {
        &self.program
    }

    /// Whether anything is to be warm.
    pub fn is_heating(&self) -> bool {
        self.machine.target(Heated::Nozzle) > 0.0 || self.machine.target(Heated::Bed) > 0.0
    }

    /// Where the tool is: x, y, z and filament.
    pub fn place(&self) -> [f64; 4] {
        self.machine.place()
    }

    /// What moves are counted by: from the last place, filament too, and the speed in mm a minute.
    pub fn modes(&self) -> (bool, bool, f64) {
        self.machine.modes()
    }

    /// What its display says.
    pub fn display(&self) -> &str {
        &self.machine.display
    }

    /// Motors and fan have power.
    pub fn is_powered(&self) -> (bool, bool) {
        (self.machine.motors, self.machine.fan)
    }

    /// It prints from its card.
    pub fn prints_from_card(&self) -> bool {
        self.card.as_ref().is_some_and(|card| card.ends_at(1).is_some())
    }

    /// It has stopped over a fault.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// A host can open its line.
    pub fn is_plugged(&self) -> bool {
        self.plugged && self.off_until.is_none()
    }

    fn take(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Opened => {
                self.opened = true;
                if self.settings.resets_on_open || self.counters.boots == 0 {
                    self.reset();
                }
            }
            Input::Closed => self.opened = false,
            Input::Bytes(bytes) if self.is_awake() => self.bytes(&bytes, out),
            Input::Bytes(_) | Input::Wake => {}
            Input::Person(person) => self.person(person, out),
            Input::Faults(faults) => self.faults = faults,
            Input::PowerCut { off_ms } => {
                self.reset();
                self.booting_until = None;
                self.off_until = Some(self.now.plus_millis(i64::try_from(off_ms).unwrap_or(i64::MAX)));
                out.push(Output::Unplugged);
            }
        }
    }

    fn is_awake(&self) -> bool {
        self.booting_until.is_none() && self.off_until.is_none() && !self.halted && !self.faults.silent
    }

    fn person(&mut self, person: Person, out: &mut Vec<Output>) {
        match person {
            Person::Pause => self.say("//action:pause", out),
            Person::Resume => self.say("//action:resume", out),
            Person::Cancel => self.say("//action:cancel", out),
            Person::Runout => self.say("//action:out_of_filament T0", out),
            Person::Click => self.released(),
            Person::PrintFromCard(name) => {
                let now = self.now;
                if let Some(card) = &mut self.card {
                    card.select(&name);
                    card.go_on(now);
                }
            }
            Person::Reset => self.reset(),
            Person::Unplug => {
                self.plugged = false;
                out.push(Output::Unplugged);
            }
            Person::Plug => {
                self.plugged = true;
                out.push(Output::Plugged);
            }
        }
    }

    /// Comes up with an empty memory.
    fn reset(&mut self) {
        let boot_ms = i64::try_from(self.settings.boot_ms).unwrap_or(i64::MAX);
        self.counters.moves += self.machine.made;
        self.counters.overflown += self.receiver.overflown;
        self.machine = Machine::cold(&self.settings, self.now);
        self.card = self.settings.card.clone().map(Card::with);
        self.receiver = Receiver::default();
        self.queue.clear();
        self.waits = None;
        self.report_ms = None;
        self.held.clear();
        self.halted = false;
        self.booting_until = Some(self.now.plus_millis(boot_ms));
    }

    /// Everything whose time has come.
    fn pass(&mut self, out: &mut Vec<Output>) {
        let now = self.now;
        if self.off_until.take_if(|until| *until <= now).is_some() {
            self.booting_until = Some(now.plus_millis(i64::try_from(self.settings.boot_ms).unwrap_or(i64::MAX)));
            out.push(Output::Plugged);
        }
        if self.booting_until.take_if(|until| *until <= now).is_some() {
            self.counters.boots += 1;
            for line in
                ["start", "echo:Marlin bugfix-2.1.x", "echo: Last Updated: 2023-01-01 | Author: (none)", "echo:SD init fail"]
            {
                self.say(line, out);
            }
        }
        if self.booting_until.is_some() || self.off_until.is_some() || self.halted {
            return;
        }
        self.machine.pass(now);
        let card_ended = self.card.as_mut().is_some_and(|card| {
            let ended = card.ends_at(self.settings.speed).is_some_and(|end| end <= now);
            if ended {
                card.stop();
            }
            ended
        });
        if card_ended {
            self.say("Done printing file", out);
        }
        self.work(out);
        self.tell(out);
        while self.held.front().is_some_and(|(due, _)| *due <= now) {
            let bytes = self.held.pop_front().map(|(_, bytes)| bytes).unwrap_or_default();
            out.push(Output::Bytes(bytes));
        }
    }

    /// What it tells by itself.
    fn tell(&mut self, out: &mut Vec<Output>) {
        let now = self.now;
        if self.report_ms.is_some_and(|every| now.millis_since(self.reported_at) >= every) {
            self.reported_at = now;
            let line = format!(" {}", self.machine.temperatures(now));
            self.say(&line, out);
        }
        let Some(waits) = self.waits else { return };
        if matches!(waits, Waits::Heat(_)) && now.millis_since(self.heat_told_at) >= HEAT_TOLD_MS {
            self.heat_told_at = now;
            let line = format!("{} W:?", self.machine.temperatures(now));
            self.say(&line, out);
        }
        if self.settings.says_busy && now.millis_since(self.busy_told_at) >= BUSY_MS {
            self.busy_told_at = now;
            let person = matches!(waits, Waits::Person);
            self.say(if person { "echo:busy: paused for user" } else { "echo:busy: processing" }, out);
        }
    }

    fn bytes(&mut self, bytes: &[u8], out: &mut Vec<Output>) {
        for byte in bytes {
            if let Some(text) = self.receiver.push(*byte)
                && self.settings.emergency_parser
            {
                self.at_once(&text, out);
            }
            self.work(out);
            if !self.is_awake() {
                return;
            }
        }
    }

    /// Reads lines while there is room for them, and does commands until one blocks.
    fn work(&mut self, out: &mut Vec<Output>) {
        loop {
            while self.queue.len() < self.settings.queue_lines && self.is_awake() {
                match self.receiver.next(&self.faults) {
                    Some(Read::Taken(command)) => self.queued(command, out),
                    Some(Read::Refused { words, wanted }) => self.refused(&words, wanted, out),
                    None => break,
                }
            }
            let Some(command) = self.queue.front().cloned() else { return };
            let waits = match self.waits {
                Some(waits) => waits,
                None => {
                    self.busy_told_at = self.now;
                    self.begin(&command.text, out)
                }
            };
            match self.machine.still_waits(self.now, waits) {
                Waits::Not => {
                    self.waits = None;
                    if waits == Waits::Room {
                        self.machine.go(self.now, &command.text);
                    }
                    self.ok(&command, out);
                    self.queue.pop_front();
                }
                waits @ (Waits::Until(_) | Waits::Room | Waits::Still { .. } | Waits::Heat(_) | Waits::Person) => {
                    self.waits = Some(waits);
                    return;
                }
            }
        }
    }

    fn queued(&mut self, command: Command, out: &mut Vec<Output>) {
        self.counters.taken += 1;
        if self.settings.keeps_program {
            self.program.push(command.text.clone());
        }
        self.queue.push_back(command);
        if self.faults.reset_after.is_some_and(|after| self.counters.taken >= after) {
            self.faults.reset_after = None;
            self.reset();
        } else if self.faults.halt_after.is_some_and(|after| self.counters.taken >= after) {
            self.faults.halt_after = None;
            self.halt("Error:Thermal Runaway, system stopped! Heater_ID: 0", out);
        }
    }

    fn refused(&mut self, words: &str, wanted: i64, out: &mut Vec<Output>) {
        self.counters.resends += 1;
        self.say(&format!("Error:{words}"), out);
        self.say(&format!("Resend: {wanted}"), out);
        if !self.faults.resends_without_ok {
            self.say("ok", out);
        }
    }

    fn ok(&mut self, command: &Command, out: &mut Vec<Output>) {
        self.oks += 1;
        if self.faults.lose_ok_every.is_some_and(|every| self.oks.is_multiple_of(every)) {
            self.counters.lost_oks += 1;
            return;
        }
        let mut line = "ok".to_owned();
        if command.text.starts_with("M105") {
            line = format!("ok {}", self.machine.temperatures(self.now));
        } else if self.settings.advanced_ok {
            let number = command.number.map_or(String::new(), |number| format!(" N{number}"));
            let room = self.settings.queue_lines - self.queue.len();
            line = format!("ok{number} P{} B{room}", self.machine.free());
        }
        let mut bytes = format!("{line}\n").into_bytes();
        if self.faults.noise_every.is_some_and(|every| self.oks.is_multiple_of(every)) {
            bytes.splice(0..0, *b"\xff\xfe\xb0C noise\r\n\n");
        }
        match self.faults.slow_ms {
            Some(ms) => self.held.push_back((self.now.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX)), bytes)),
            None => out.push(Output::Bytes(bytes)),
        }
    }

    pub(super) fn say(&mut self, line: &str, out: &mut Vec<Output>) {
        let bytes = format!("{line}\n").into_bytes();
        // What is said later must not come before what is held back.
        match self.held.back() {
            Some((due, _)) => self.held.push_back((*due, bytes)),
            None => out.push(Output::Bytes(bytes)),
        }
    }
}
