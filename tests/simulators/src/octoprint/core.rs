//! The simulated server without io: a request, a socket message, a person, a fault or the passing of
//! time goes in, answers and messages come out. No clock, no socket, no randomness: the same inputs
//! always give the same outputs, so a whole night can be run in a moment. The caller hands in the
//! time and calls again with `Input::Wake` at `next_wake`.

use super::disk::Disk;
use super::door::{Counters, Framing, Input, Output, Person, RequestId, SocketId};
use super::machine::{End, Machine, Selected};
use super::push::{Asked, Pace, Sockets};
use super::settings::{Faults, Settings};
use super::{disk, rest};
use crate::clock::later;
use crate::web::held::Held;
use crate::web::{Server, control};
use bytes::Bytes;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One simulated server with its printer.
#[derive(Debug)]
pub struct Core {
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) disk: Disk,
    pub(super) machine: Machine,
    pub(super) counters: Counters,
    sockets: Sockets,
    sessions: BTreeSet<String>,
    serial: u64,
    held: Held,
    late_start: Option<(Timestamp, String)>,
    off_until: Option<Timestamp>,
}

impl Core {
    /// The file of the print that is on the printer right now, if one is.
    pub fn printing(&self) -> Option<&str> {
        let selected = self.machine.selected.as_ref().filter(|_| self.machine.is_active());
        selected.map(|selected| selected.path.as_str())
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.machine.told = faults.progress;
        self.machine.unplug_at_percent = faults.unplug_at_percent;
        self.faults = faults;
    }

    pub(super) fn open_session(&mut self) -> String {
        self.serial += 1;
        let session = format!("{:064x}", self.serial);
        self.sessions.insert(session.clone());
        session
    }

    pub(super) fn person(&mut self, now: Timestamp, person: Person) {
        match person {
            Person::Start { file } => {
                if self.machine.is_ready() {
                    let selected = self.selectable(&file).unwrap_or_else(|| self.card_file(file));
                    self.machine.select(selected);
                    self.machine.start(now);
                }
            }
            Person::Pause => self.machine.pause(now),
            Person::Resume => self.machine.resume(now),
            Person::Cancel => self.machine.cancel(now),
            Person::UnplugUsb => {
                self.machine.plugged = false;
                self.machine.fail(now, "SerialTimeoutException: ", false);
            }
            Person::PlugUsb => self.machine.plugged = true,
            Person::FirmwareError { error } => self.machine.fail(now, &error, true),
        }
    }

    /// An uploaded file as a job; none if there is no such file.
    pub(super) fn selectable(&self, path: &str) -> Option<Selected> {
        let file = self.disk.file(path)?;
        let told = file.hints.seconds;
        let life_ms = told.map_or(self.settings.default_print_ms, |seconds| seconds * 1000);
        Some(Selected {
            path: path.to_owned(),
            name: disk::split(path).1.to_owned(),
            origin: "local",
            size: file.size(),
            date: Some(file.date.millis() / 1000),
            user: Some(self.settings.user.clone()),
            print_ms: self.print_ms(life_ms),
            told_seconds: told.map(|seconds| seconds as f64),
            nozzle: file.hints.nozzle,
            bed: file.hints.bed,
            filament: disk::filament(&file.hints),
            finished: None,
        })
    }

    pub(super) fn accept_start(&mut self, now: Timestamp) {
        let Some(selected) = &self.machine.selected else {
            return;
        };
        *self.counters.starts_accepted.entry(selected.path.clone()).or_default() += 1;
        if self.faults.ignore_starts {
            return;
        }
        match self.faults.late_starts_ms {
            Some(ms) => self.late_start = Some((later(now, ms), selected.path.clone())),
            None => {
                self.machine.start(now);
            }
        }
    }

    pub(super) fn power_cut(&mut self, now: Timestamp, off_ms: u64, out: &mut Vec<Output>) {
        if self.machine.is_active() {
            self.counters.prints_failed += 1;
        }
        self.machine = Machine::off(&self.settings, now);
        self.set_faults(self.faults.clone());
        self.sockets.close_all(out);
        self.sessions.clear();
        self.late_start = None;
        self.held.cut(out);
        self.off_until = Some(later(now, off_ms));
    }

    fn print_ms(&self, life_ms: u64) -> u64 {
        let speed = u64::from(self.settings.speed.max(1));
        self.settings.fixed_print_ms.unwrap_or(life_ms) / speed
    }

    fn card_file(&self, path: String) -> Selected {
        Selected {
            name: path.clone(),
            path,
            origin: "sdcard",
            size: 1 << 20,
            date: None,
            user: None,
            print_ms: self.print_ms(self.settings.default_print_ms),
            told_seconds: None,
            nozzle: 210.0,
            bed: 60.0,
            filament: Value::Null,
            finished: None,
        }
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.off_until.is_some_and(|until| until <= now) {
            self.off_until = None;
            self.machine.connect(now);
        }
        while self.machine.step(now) {}
        if let Some((_, path)) = self.late_start.take_if(|(due, _)| *due <= now)
            && self.machine.selected.as_ref().is_some_and(|selected| selected.path == path)
        {
            self.machine.start(now);
        }
        self.held.due(now, out);
    }

    fn take_while_off(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Request { id, .. } => out.push(Output::Cut { request: id }),
            Input::SocketOpened { socket, .. } => out.push(Output::Close { socket }),
            Input::Faults(faults) => self.set_faults(faults),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            Input::SocketText { .. } | Input::SocketClosed { .. } | Input::Person(_) | Input::Wake => {}
        }
    }

    fn take(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Request { id, request } => self.request(now, id, &request, out),
            Input::SocketOpened { socket, .. } if self.faults.drop_push => {
                out.push(Output::Close { socket });
            }
            Input::SocketOpened { socket, door } => self.sockets.open(socket, door, now, out),
            Input::SocketText { socket, text } => {
                for asked in self.sockets.read(socket, &text) {
                    self.asked(now, socket, asked, out);
                }
            }
            Input::SocketClosed { socket } => self.sockets.closed(socket),
            Input::Person(person) => self.person(now, person),
            Input::Faults(faults) => self.set_faults(faults),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            Input::Wake => {}
        }
    }

    fn request(&mut self, now: Timestamp, id: RequestId, request: &http::Request<Bytes>, out: &mut Vec<Output>) {
        if self.faults.silent {
            return;
        }
        let starts = self.starts();
        let cut_upload =
            rest::is_upload(request) && self.faults.cut_uploads_after.is_some_and(|limit| request.body().len() as u64 > limit);
        if cut_upload {
            out.push(Output::Cut { request: id });
            return;
        }
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

    fn asked(&mut self, now: Timestamp, socket: SocketId, asked: Asked, out: &mut Vec<Output>) {
        match asked {
            Asked::Nothing => {}
            Asked::History => {
                let state = self.push_state(now);
                self.sockets.history(socket, &state, now, out);
            }
            Asked::Auth { session } => {
                let known = self.sessions.contains(&session) && !self.faults.reject_key;
                self.sockets.auth(socket, known, out);
                let state = self.push_state(now);
                self.sockets.history(socket, &state, now, out);
                self.sockets.tell(socket, &json!({ "timelapse": null }), out);
                let who = json!({ "username": self.settings.user, "remoteAddress": "127.0.0.1" });
                let authed = json!({ "event": { "type": "ClientAuthed", "payload": who } });
                self.sockets.tell(socket, &authed, out);
            }
        }
    }

    /// Passes on what happened in this call: history and counters, then events, then the state.
    fn tell(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for (job, end) in self.machine.take_ends() {
            self.count_end(now, &job, end);
        }
        if self.faults.drop_push {
            self.sockets.close_all(out);
        }
        for event in self.machine.take_events() {
            if event.name == "PrintStarted" {
                let path = event.payload["path"].as_str().unwrap_or_default().to_owned();
                *self.counters.prints_begun.entry(path).or_default() += 1;
            }
            self.sockets.event(&event, out);
        }
        let pace = self.pace();
        let mut sockets = std::mem::take(&mut self.sockets);
        sockets.currents(now, pace, || self.push_state(now), out);
        self.sockets = sockets;
        if self.faults.silent {
            out.retain(|output| !matches!(output, Output::Text { .. }));
        }
    }

    fn count_end(&mut self, now: Timestamp, job: &Selected, end: End) {
        let seconds = match end {
            End::Done { seconds } => {
                self.counters.prints_done += 1;
                Some(seconds)
            }
            End::Cancelled => {
                self.counters.prints_cancelled += 1;
                None
            }
            End::Failed => {
                self.counters.prints_failed += 1;
                None
            }
        };
        if job.origin == "local" {
            self.disk.log_print(&job.path, now, seconds);
        }
    }

    fn pace(&self) -> Pace {
        Pace { operational: self.machine.is_operational(), active: self.machine.is_active() }
    }

    fn push_state(&self, now: Timestamp) -> Value {
        rest::push_state(self, now)
    }
}

impl Server for Core {
    type Settings = Settings;
    type Faults = Faults;
    type Person = Person;
    type Door = Framing;

    const SOCKETS: &'static [(&'static str, Framing)] =
        &[("/sockjs/websocket", Framing::Raw), ("/sockjs/{server}/{session}/websocket", Framing::SockJs)];

    /// A server that has just booted and connects to its printer.
    fn new(settings: Settings, now: Timestamp) -> Self {
        let mut machine = Machine::off(&settings, now);
        machine.connect(now);
        Self {
            machine,
            settings,
            faults: Faults::default(),
            disk: Disk::default(),
            counters: Counters::default(),
            sockets: Sockets::default(),
            sessions: BTreeSet::new(),
            serial: 0,
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
        self.tell(now, &mut out);
        out
    }

    fn next_wake(&self) -> Option<Timestamp> {
        if self.off_until.is_some() {
            return self.off_until;
        }
        let machine = self.machine.next_wake();
        let push = self.sockets.next_wake(self.pace());
        let late_start = self.late_start.as_ref().map(|(due, _)| *due);
        [self.held.next(), machine, push, late_start].into_iter().flatten().min()
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// OctoPrint's word for the printer's state.
    fn state(&self) -> &'static str {
        self.machine.text()
    }

    fn cuts_after(&self, request: &http::Request<Bytes>) -> Option<u64> {
        self.faults.cut_uploads_after.filter(|_| rest::is_upload(request))
    }
}
