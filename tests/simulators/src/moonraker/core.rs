//! The simulated server without io: a request, a socket message, a person, a fault or the passing of
//! time goes in, answers and messages come out. No clock, no socket, no randomness: the same inputs
//! always give the same outputs, so a whole night can be run in a moment. The caller hands in the
//! time and calls again with `Input::Wake` at `next_wake`.

use super::calls::{self, Refusal};
use super::disk::{Disk, seconds};
use super::door::{Counters, Input, Output, Person, RequestId, SocketId};
use super::history::History;
use super::machine::{Job, Machine, Note};
use super::push::Sockets;
use super::rest;
use super::settings::{Faults, Settings};
use crate::clock::later;
use crate::web::held::Held;
use crate::web::{Server, control};
use bytes::Bytes;
use domain::time::Timestamp;
use http::HeaderMap;
use serde_json::{Value, json};

/// One simulated server with its printer.
#[derive(Debug)]
pub struct Core {
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) disk: Disk,
    pub(super) machine: Machine,
    pub(super) history: History,
    pub(super) counters: Counters,
    /// The folder that was made last.
    pub(super) new_folder: Option<(String, Timestamp)>,
    /// Nothing is done with files until then.
    pub(super) files_hang_until: Option<Timestamp>,
    sockets: Sockets,
    held: Held,
    late_start: Option<(Timestamp, String)>,
    off_until: Option<Timestamp>,
}

impl Core {
    /// The file of the print that is on the printer right now, if one is.
    pub fn printing(&self) -> Option<&str> {
        self.machine.printing()
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.machine.told = faults.progress;
        self.machine.unplug_at_percent = faults.unplug_at_percent;
        self.faults = faults;
    }

    pub(super) fn person(&mut self, now: Timestamp, person: Person) {
        match person {
            Person::Start { file } => {
                if self.disk.file(&file).is_none() {
                    self.disk.put(&file, Bytes::from_static(b"G28\n"), now);
                }
                self.start(now, &file);
            }
            // What Klipper says to a person at the machine reaches nobody else.
            Person::Pause => _ = self.machine.pause(now),
            Person::Resume => _ = self.machine.resume(now),
            Person::Cancel => _ = self.machine.cancel(now),
            Person::UnplugUsb => {
                self.machine.plugged = false;
                self.machine.halt(now, "Lost communication with MCU 'mcu'");
            }
            Person::PlugUsb => self.machine.plugged = true,
            Person::FirmwareError { error } => self.machine.halt(now, &error),
            Person::RestartKlipper => self.machine.restart(now),
            Person::Runout => {
                self.machine.has_filament = false;
                _ = self.machine.pause(now);
            }
            Person::LoadFilament => self.machine.has_filament = true,
        }
    }

    /// A start over the wire.
    pub(super) fn ask_to_start(&mut self, now: Timestamp, path: &str) -> Result<Value, Refusal> {
        if let Some(status) = self.faults.refuse_starts {
            return Err(Refusal::Refused(status, "The printer refuses to start".to_owned()));
        }
        let job = self.job(path);
        match (self.faults.ignore_starts, self.faults.late_starts_ms) {
            (true, _) => {}
            (false, Some(ms)) => self.late_start = Some((later(now, ms), path.to_owned())),
            (false, None) => {
                self.machine.start(now, job).map_err(|why| Refusal::Refused(400, why.to_owned()))?;
            }
        }
        *self.counters.starts_accepted.entry(path.to_owned()).or_default() += 1;
        Ok(json!("ok"))
    }

    fn start(&mut self, now: Timestamp, path: &str) {
        let job = self.job(path);
        // At the machine a refusal is shown there and nowhere else.
        _ = self.machine.start(now, job);
    }

    fn job(&self, path: &str) -> Option<Job> {
        let file = self.disk.file(path)?;
        let life_ms = file.hints.seconds.map_or(self.settings.default_print_ms, |seconds| seconds * 1000);
        Some(Job {
            path: path.to_owned(),
            size: file.size(),
            print_ms: self.settings.fixed_print_ms.unwrap_or(life_ms) / u64::from(self.settings.speed.max(1)),
            nozzle: file.hints.nozzle,
            bed: file.hints.bed,
            is_broken: file.bytes.windows(5).any(|part| part == b"X9999"),
        })
    }

    pub(super) fn power_cut(&mut self, now: Timestamp, off_ms: u64, out: &mut Vec<Output>) {
        if self.machine.printing().is_some() {
            self.counters.prints_failed += 1;
        }
        self.machine = Machine::starting(&self.settings, now);
        self.set_faults(self.faults.clone());
        self.history.interrupt(now);
        self.sockets.close_all(out);
        self.late_start = None;
        self.new_folder = None;
        self.files_hang_until = None;
        self.held.cut(out);
        self.off_until = Some(later(now, off_ms));
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if let Some(until) = self.off_until.take_if(|until| *until <= now) {
            self.machine = Machine::starting(&self.settings, until);
            self.set_faults(self.faults.clone());
        }
        if self.off_until.is_none() {
            while self.machine.step(now) {}
        }
        if let Some((_, path)) = self.late_start.take_if(|(due, _)| *due <= now) {
            self.start(now, &path);
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
            Input::SocketOpened { socket, .. } if self.faults.drop_push => out.push(Output::Close { socket }),
            Input::SocketOpened { socket, .. } => self.sockets.open(socket, now),
            Input::SocketText { socket, text } if !self.faults.silent => self.said(now, socket, &text, out),
            Input::SocketText { .. } => {}
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
        let Some(response) = rest::answer(self, now, request) else { return };
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

    /// A call over the socket. What only a socket can ask is answered here.
    fn said(&mut self, now: Timestamp, socket: SocketId, text: &str, out: &mut Vec<Output>) {
        let Ok(message) = serde_json::from_str::<Value>(text) else { return };
        let (id, params) = (&message["id"], &message["params"]);
        let told = match message["method"].as_str().unwrap_or_default() {
            "server.connection.identify" => match params["api_key"].as_str() {
                Some(key) if key != self.settings.api_key => Err(Refusal::Refused(401, "Invalid API Key".to_owned())),
                Some(_) | None => Ok(json!({ "connection_id": socket.0 })),
            },
            "server.websocket.id" => Ok(json!({ "websocket_id": socket.0 })),
            "printer.objects.subscribe" if self.machine.is_there() => {
                let picture = calls::picture(self, now, &params["objects"]);
                self.sockets.subscribe(socket, params["objects"].clone(), picture["status"].clone(), now);
                Ok(picture)
            }
            method => calls::call(self, now, method, params),
        };
        let reply = match told {
            Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
            Err(Refusal::Refused(code, why)) => {
                json!({ "jsonrpc": "2.0", "error": { "code": code, "message": why }, "id": id })
            }
            Err(Refusal::Silence) => return,
        };
        out.push(Output::Text { socket, text: reply.to_string() });
    }

    /// Passes on what happened in this call: Klipper's talk, then its state, then what Moonraker made of it.
    fn tell(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.faults.drop_push {
            self.sockets.close_all(out);
        }
        let notes = self.machine.take_notes();
        for note in &notes {
            if let Note::Line(line) = note {
                self.sockets.notify("notify_gcode_response", Some(json!(line)), out);
            }
        }
        if notes.contains(&Note::Gone) {
            self.sockets.drop_subscriptions();
        }
        if !self.sockets.is_empty() {
            let status = self.machine.status(now);
            self.sockets.tell(now, !notes.is_empty(), &status, seconds(now), out);
        }
        for note in notes {
            self.pass_on(now, note, out);
        }
        if self.faults.silent {
            out.retain(|output| !matches!(output, Output::Text { .. }));
        }
    }

    fn pass_on(&mut self, now: Timestamp, note: Note, out: &mut Vec<Output>) {
        match note {
            Note::Line(_) => {}
            Note::Ready => self.sockets.notify("notify_klippy_ready", None, out),
            Note::Halted => self.sockets.notify("notify_klippy_shutdown", None, out),
            Note::Gone => self.sockets.notify("notify_klippy_disconnected", None, out),
            Note::Began { file } => {
                *self.counters.prints_begun.entry(file.clone()).or_default() += 1;
                let job = self.history.add(&file, now).told(true);
                self.sockets.notify("notify_history_changed", Some(json!({ "action": "added", "job": job })), out);
            }
            Note::Ended { status, printed_ms, total_ms } => {
                match status {
                    "completed" => self.counters.prints_done += 1,
                    "cancelled" => self.counters.prints_cancelled += 1,
                    _ => self.counters.prints_failed += 1,
                }
                if let Some(job) = self.history.finish(status, printed_ms, total_ms, now).map(|job| job.told(true)) {
                    self.sockets.notify("notify_history_changed", Some(json!({ "action": "finished", "job": job })), out);
                }
            }
        }
    }
}

impl Server for Core {
    type Settings = Settings;
    type Faults = Faults;
    type Person = Person;
    type Door = ();

    const SOCKETS: &'static [(&'static str, ())] = &[("/websocket", ())];

    /// A server that has just booted and whose Klipper comes up.
    fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            machine: Machine::starting(&settings, now),
            settings,
            faults: Faults::default(),
            disk: Disk::default(),
            history: History::default(),
            counters: Counters::default(),
            new_folder: None,
            files_hang_until: None,
            sockets: Sockets::default(),
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
        let late_start = self.late_start.as_ref().map(|(due, _)| *due);
        [self.held.next(), self.machine.next_wake(), self.sockets.next_wake(), late_start].into_iter().flatten().min()
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Klipper's word for its print; where Klipper is not ready, Moonraker's word for that.
    fn state(&self) -> &'static str {
        self.machine.state()
    }

    fn cuts_after(&self, request: &http::Request<Bytes>) -> Option<u64> {
        self.faults.cut_uploads_after.filter(|_| rest::is_upload(request))
    }

    fn bars(&self, headers: &HeaderMap) -> Option<http::Response<Bytes>> {
        (!rest::may_enter(self, headers)).then(|| rest::refused(401, "Unauthorized"))
    }
}
