//! The simulated server without io: a request, a person, a fault or the passing of time goes in, answers come
//! out. No clock, no socket, no randomness: the same inputs always give the same outputs, so a whole night can be
//! run in a moment. The caller hands in the time and calls again with `Input::Wake` at `next_wake`.

use super::door::{Counters, Input, Output, Person, RequestId};
use super::files::Disk;
use super::machine::{End, Machine, Print, Verb};
use super::rest;
use super::settings::{Faults, Settings};
use crate::clock::later;
use crate::web::held::Held;
use crate::web::{Server, control};
use bytes::Bytes;
use domain::time::Timestamp;
use std::convert::Infallible;

/// One simulated server with its printer.
#[derive(Debug)]
pub struct Core {
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) disk: Disk,
    pub(super) machine: Machine,
    pub(super) counters: Counters,
    held: Held,
    late_start: Option<(Timestamp, String)>,
    off_until: Option<Timestamp>,
}

impl Core {
    /// The file of the print that is on the printer right now, if one is.
    pub fn printing(&self) -> Option<&str> {
        self.machine.print().map(|print| print.path.as_str())
    }

    /// The number of the newest job.
    pub const fn last_job(&self) -> u64 {
        self.machine.job
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.machine.told = faults.progress;
        self.machine.hide_finish = faults.hide_finish;
        self.machine.fail_at_percent = faults.fail_at_percent;
        self.faults = faults;
    }

    pub(super) fn person(&mut self, now: Timestamp, person: Person) {
        match person {
            Person::Start { file } => {
                let print = self.print_of(&file).unwrap_or_else(|| self.foreign_print(file));
                // At the screen an end is left before anything is started.
                self.machine.leave_screen();
                self.machine.start(print, now);
            }
            Person::Pause => drop(self.machine.act(Verb::Pause, now)),
            Person::Resume => drop(self.machine.act(Verb::Resume, now)),
            Person::Cancel => drop(self.machine.act(Verb::Stop, now)),
            Person::LeaveScreen => self.machine.leave_screen(),
            Person::Ask => self.machine.ask(true, now),
            Person::Answer => self.machine.ask(false, now),
            Person::Fail { error } => self.machine.fail(error, now),
            Person::Mend => self.machine.mend(),
            Person::PullDrive => self.disk.is_pulled = true,
            Person::PutDrive => self.disk.is_pulled = false,
        }
    }

    pub(super) fn accept_start(&mut self, now: Timestamp, print: Print) {
        *self.counters.starts_accepted.entry(print.path.clone()).or_default() += 1;
        if self.faults.ignore_starts {
            return;
        }
        match self.faults.late_starts_ms {
            Some(ms) => self.late_start = Some((later(now, ms), print.path)),
            None => self.machine.start(print, now),
        }
    }

    pub(super) fn power_cut(&mut self, now: Timestamp, off_ms: u64, out: &mut Vec<Output>) {
        if self.machine.print().is_some() {
            self.counters.prints_failed += 1;
        }
        self.machine = Machine::new(&self.settings, self.machine.job, now);
        self.set_faults(self.faults.clone());
        self.late_start = None;
        self.held.cut(out);
        self.off_until = Some(later(now, off_ms.saturating_add(self.settings.boot_ms)));
    }

    pub(super) fn print_ms(&self, life_ms: u64) -> u64 {
        self.settings.fixed_print_ms.unwrap_or(life_ms) / u64::from(self.settings.speed.max(1))
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.off_until.take_if(|until| *until <= now);
        while self.machine.step(now) {}
        if let Some((_, path)) = self.late_start.take_if(|(due, _)| *due <= now)
            && let Some(print) = self.print_of(&path)
        {
            self.machine.start(print, now);
        }
        self.held.due(now, out);
    }

    fn take_while_off(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Request { id, .. } => out.push(Output::Cut { request: id }),
            Input::Faults(faults) => self.set_faults(faults),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            Input::Person(Person::PullDrive) => self.disk.is_pulled = true,
            Input::Person(Person::PutDrive) => self.disk.is_pulled = false,
            // It has no sockets.
            Input::SocketOpened { .. }
            | Input::SocketText { .. }
            | Input::SocketClosed { .. }
            | Input::Person(_)
            | Input::Wake => {}
        }
    }

    fn take(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Request { id, request } => self.request(now, id, &request, out),
            Input::Person(person) => self.person(now, person),
            Input::Faults(faults) => self.set_faults(faults),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            // It has no sockets.
            Input::SocketOpened { .. } | Input::SocketText { .. } | Input::SocketClosed { .. } | Input::Wake => {}
        }
    }

    fn request(&mut self, now: Timestamp, id: RequestId, request: &http::Request<Bytes>, out: &mut Vec<Output>) {
        if self.faults.silent {
            return;
        }
        let limit = self.faults.cut_uploads_after.filter(|_| rest::is_upload(request));
        if limit.is_some_and(|limit| request.body().len() as u64 > limit) {
            out.push(Output::Cut { request: id });
            return;
        }
        let starts = self.starts();
        let response = rest::answer(self, now, request);
        let output = if self.faults.lose_start_answers && self.starts() > starts {
            Output::Cut { request: id }
        } else {
            Output::Response { request: id, response }
        };
        self.held.say(now, self.faults.slow_ms, output, out);
    }

    fn starts(&self) -> u64 {
        self.counters.starts_accepted.values().sum()
    }

    fn count(&mut self) {
        for path in self.machine.take_begun() {
            *self.counters.prints_begun.entry(path).or_default() += 1;
        }
        for end in self.machine.take_ends() {
            match end {
                End::Done => self.counters.prints_done += 1,
                End::Cancelled => self.counters.prints_cancelled += 1,
                End::Failed => self.counters.prints_failed += 1,
            }
        }
    }
}

impl Server for Core {
    type Settings = Settings;
    type Faults = Faults;
    type Person = Person;
    type Door = Infallible;

    const SOCKETS: &'static [(&'static str, Infallible)] = &[];

    /// A server that is up, its printer idle.
    fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            machine: Machine::new(&settings, 0, now),
            settings,
            faults: Faults::default(),
            disk: Disk::default(),
            counters: Counters::default(),
            held: Held::default(),
            late_start: None,
            off_until: None,
        }
    }

    fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.advance(now, &mut out);
        let input = control::through(self, input, &mut out);
        if self.off_until.is_some() {
            self.take_while_off(now, input, &mut out);
        } else {
            self.take(now, input, &mut out);
        }
        self.count();
        out
    }

    fn next_wake(&self) -> Option<Timestamp> {
        if self.off_until.is_some() {
            return self.off_until;
        }
        let late_start = self.late_start.as_ref().map(|(due, _)| *due);
        [self.held.next(), self.machine.next_wake(), late_start].into_iter().flatten().min()
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// PrusaLink's word for the state; empty while the power is away.
    fn state(&self) -> &'static str {
        if self.off_until.is_some() { "" } else { self.machine.word() }
    }

    fn cuts_after(&self, request: &http::Request<Bytes>) -> Option<u64> {
        self.faults.cut_uploads_after.filter(|_| rest::is_upload(request))
    }
}
