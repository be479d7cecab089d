//! The simulated printer without io: a packet, a line, a person, a fault or the passing of time goes in, packets and orders come out.
//! No clock, no socket, no randomness: the same inputs always give the same outputs, so a whole night can be run in a moment. The
//! caller hands in the time and calls again with `Input::Wake` at `next_wake`.

use super::card::Card;
use super::door::{ClientId, Counters, FtpOrder, Input, Output, Person};
use super::ftp::Sessions;
use super::machine::{End, Job, Machine, delta};
use super::packets::{Heard, Told};
use super::settings::{Faults, Settings};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How often it tells something while it prints.
const BUSY_MS: i64 = 1000;
/// How often otherwise.
const IDLE_MS: i64 = 5000;
/// What is told at once when it changes.
const NEWS: [&str; 5] = ["gcode_state", "print_error", "hms", "stg_cur", "ams"];

/// The one user name.
pub(super) const USER: &str = "bblp";

/// One simulated printer.
#[derive(Debug)]
pub struct Core {
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) card: Card,
    pub(super) machine: Machine,
    pub(super) counters: Counters,
    pub(super) ftp: Sessions,
    pub(super) late_start: Option<(Timestamp, Job)>,
    /// The MQTT clients, and whether they hear the reports.
    pub(super) clients: BTreeMap<ClientId, bool>,
    /// The last picture, as it was told, and when.
    last: Map<String, Value>,
    last_at: Timestamp,
    reports: u64,
    serial: u64,
    held: BTreeMap<(Timestamp, u64), Output>,
    off_until: Option<Timestamp>,
    interrupted: Option<(Job, String, u64)>,
}

impl Core {
    /// A printer that has just booted, with an empty card.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            machine: Machine::booted(&settings, now),
            card: Card::new(settings.card_bytes),
            settings,
            faults: Faults::default(),
            counters: Counters::default(),
            ftp: Sessions::default(),
            late_start: None,
            clients: BTreeMap::new(),
            last: Map::new(),
            last_at: now,
            reports: 0,
            serial: 0,
            held: BTreeMap::new(),
            off_until: None,
            interrupted: None,
        }
    }

    /// Takes one input at the moment it comes.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.advance(now, &mut out);
        if self.off_until.is_some() {
            self.take_while_off(now, input, &mut out);
        } else {
            self.take(now, input, &mut out);
        }
        self.tell_news(now, &mut out);
        out
    }

    /// When `Input::Wake` is due next, if nothing else comes.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.off_until.is_some() {
            return self.off_until;
        }
        let held = self.held.keys().next().map(|(due, _)| *due);
        let late_start = self.late_start.as_ref().map(|(due, _)| *due);
        let report = self.clients.values().any(|hears| *hears).then(|| self.next_report());
        [held, late_start, report, self.machine.next_wake()].into_iter().flatten().min()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The faults that hold.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How it is made.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its own word for its state.
    pub fn state(&self) -> &'static str {
        self.machine.state.word()
    }

    /// The file of the print that is on it right now, if one is.
    pub fn printing(&self) -> Option<&str> {
        self.machine.printing()
    }

    /// How large a file on its card is.
    pub fn file_size(&self, path: &str) -> Option<u64> {
        self.card.size(path)
    }

    /// Whether it has power, and answers at all.
    pub fn is_on(&self) -> bool {
        self.off_until.is_none() && !self.faults.silent
    }

    /// Whether these open it.
    pub fn admits(&self, user: &str, code: &str) -> bool {
        !self.faults.reject_code && user == USER && code == self.settings.access_code
    }

    pub(super) fn there_is_a_card(&self) -> bool {
        !self.faults.no_card
    }

    /// Sends it now, or later if the printer is slow.
    pub(super) fn later(&mut self, now: Timestamp, output: Output, out: &mut Vec<Output>) {
        match self.faults.slow_ms {
            Some(ms) => {
                self.serial += 1;
                self.held.insert((now.plus_millis(ms as i64), self.serial), output);
            }
            None => out.push(output),
        }
    }

    /// Repeats what was asked, with how it went.
    pub(super) fn reply(
        &mut self,
        now: Timestamp,
        class: &str,
        mut asked: Map<String, Value>,
        done: &Result<(), Value>,
        out: &mut Vec<Output>,
    ) {
        asked.entry("sequence_id").or_insert(json!("0"));
        match done {
            Ok(()) => asked.extend([("result".to_owned(), json!("success")), ("reason".to_owned(), json!("success"))]),
            Err(why) => {
                asked.insert("result".into(), json!("failed"));
                asked.extend(why.as_object().cloned().unwrap_or_default());
            }
        }
        self.publish(now, &json!({ class: asked }), out);
    }

    pub(super) fn tell_version(&mut self, now: Timestamp, asked: &Map<String, Value>, out: &mut Vec<Output>) {
        let (serial, firmware) = (&self.settings.serial, &self.settings.firmware);
        let module = |name: String, product: &str, version: &str, serial: &str| json!({ "name": name, "product_name": product, "sw_ver": version, "hw_ver": "AP05", "sn": serial, "flag": 0 });
        let mut modules = vec![
            module("ota".into(), self.settings.model.product(), firmware, serial),
            module("mc".into(), "", "00.00.37.73", serial),
            module("th".into(), "", "00.00.10.48", serial),
        ];
        for unit in 0..self.machine.ams.len() {
            modules.push(module(format!("ams/{unit}"), "AMS", "00.00.06.49", &format!("00600A{unit:09}")));
        }
        let sequence = asked.get("sequence_id").cloned().unwrap_or(json!("0"));
        let told = json!({ "info": {
            "command": "get_version", "sequence_id": sequence, "module": modules, "result": "success", "reason": "",
        } });
        self.publish(now, &told, out);
    }

    /// The whole picture.
    pub(super) fn tell_whole(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.last = self.picture(now);
        self.report(now, 0, self.last.clone(), out);
    }

    pub(super) fn person(&mut self, now: Timestamp, person: Person) {
        match person {
            Person::Start { file } => self.start_at_screen(now, &file),
            Person::Pause => self.machine.pause(now),
            Person::Resume => self.machine.resume(now),
            Person::Cancel => self.machine.cancel(now),
            Person::ClearError => self.machine.clear_error(),
            Person::Fail { print_error } => self.machine.fail(now, print_error),
            Person::Runout => self.machine.run_out(now),
            Person::Health { messages } => self.machine.health = messages,
            Person::Load { unit, slot, tray } => {
                let place = match unit {
                    Some(unit) => self.machine.ams.get_mut(unit).and_then(|trays| trays.get_mut(slot)),
                    None => Some(&mut self.machine.external),
                };
                if let Some(place) = place {
                    *place = tray;
                }
                self.settings.ams = self.machine.ams.clone();
                self.settings.external = self.machine.external.clone();
            }
        }
    }

    fn set_faults(&mut self, faults: Faults, out: &mut Vec<Output>) {
        self.machine.told = faults.progress;
        self.machine.fail_at_percent = faults.fail_at_percent;
        self.faults = faults;
        if self.faults.drop_clients {
            self.drop_clients(out);
        }
    }

    fn power_cut(&mut self, now: Timestamp, off_ms: u64, out: &mut Vec<Output>) {
        let resumable = self.machine.interrupted(now).filter(|_| self.settings.resumes_after_power_loss);
        if self.machine.is_busy() && resumable.is_none() {
            self.counters.prints_failed += 1;
        }
        self.interrupted = resumable.or(self.interrupted.take());
        self.machine = Machine::booted(&self.settings, now);
        self.set_faults(self.faults.clone(), out);
        self.drop_clients(out);
        out.extend(self.ftp.end().map(|session| Output::Ftp { session, order: FtpOrder::Close }));
        self.late_start = None;
        self.held.clear();
        self.off_until = Some(now.plus_millis(off_ms as i64));
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.off_until.is_some_and(|until| until <= now) {
            self.off_until = None;
            if let Some(interrupted) = self.interrupted.take() {
                self.machine.offer(interrupted);
            }
        }
        while self.machine.step(now) {}
        if let Some((_, job)) = self.late_start.take_if(|(due, _)| *due <= now) {
            self.machine.start(now, job);
        }
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now) {
            out.push(entry.remove());
        }
    }

    fn take_while_off(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Client { client, heard: Heard::Hello { .. } } => out.push(Output::Drop { client }),
            Input::Ftp { session, .. } => out.push(Output::Ftp { session, order: FtpOrder::Close }),
            Input::Faults(faults) => self.set_faults(faults, out),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            Input::Client { .. } | Input::Person(_) | Input::DropClients | Input::Wake => {}
        }
    }

    fn take(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Client { client, heard } => self.client(now, client, heard, out),
            Input::Ftp { session, heard } => self.ftp(now, session, heard, out),
            Input::Person(person) => self.person(now, person),
            Input::Faults(faults) => self.set_faults(faults, out),
            Input::DropClients => self.drop_clients(out),
            Input::PowerCut { off_ms } => self.power_cut(now, off_ms, out),
            Input::Wake => {}
        }
    }

    /// Passes on what happened in this call: counters, then what has changed, then what is due anyway.
    fn tell_news(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for path in self.machine.take_begun() {
            *self.counters.prints_begun.entry(path).or_default() += 1;
        }
        for end in self.machine.take_ends() {
            let count = match end {
                End::Done => &mut self.counters.prints_done,
                End::Cancelled => &mut self.counters.prints_cancelled,
                End::Failed => &mut self.counters.prints_failed,
            };
            *count += 1;
        }
        if self.off_until.is_some() || !self.clients.values().any(|hears| *hears) {
            return;
        }
        let picture = self.picture(now);
        let news = NEWS.iter().any(|name| picture.get(*name) != self.last.get(*name));
        if !news && self.next_report() > now {
            return;
        }
        if self.settings.model.tells_all() {
            self.last = picture.clone();
            self.report(now, 0, picture, out);
        } else {
            let changed = delta(&self.last, &picture);
            self.last = picture;
            self.report(now, 1, changed, out);
        }
    }

    fn next_report(&self) -> Timestamp {
        self.last_at.plus_millis(if self.machine.is_busy() { BUSY_MS } else { IDLE_MS })
    }

    fn picture(&self, now: Timestamp) -> Map<String, Value> {
        self.machine.picture(now, &self.settings, self.there_is_a_card(), self.faults.developer_mode_off)
    }

    fn report(&mut self, now: Timestamp, kind: u8, mut fields: Map<String, Value>, out: &mut Vec<Output>) {
        self.last_at = now;
        self.reports += 1;
        fields.insert("command".into(), json!("push_status"));
        fields.insert("msg".into(), json!(kind));
        fields.insert("sequence_id".into(), json!(self.reports.to_string()));
        // Even one without news has this.
        fields.entry("wifi_signal").or_insert(json!("-45dBm"));
        self.publish(now, &json!({ "print": fields }), out);
    }

    fn publish(&mut self, now: Timestamp, message: &Value, out: &mut Vec<Output>) {
        if self.faults.silent {
            return;
        }
        let listeners: Vec<ClientId> = self.clients.iter().filter(|(_, hears)| **hears).map(|(client, _)| *client).collect();
        let (topic, payload) = (self.topic("report"), message.to_string());
        for client in listeners {
            let told = Told::Message { topic: topic.clone(), payload: payload.clone() };
            self.later(now, Output::Tell { client, told }, out);
        }
    }

    pub(super) fn topic(&self, kind: &str) -> String {
        format!("device/{}/{kind}", self.settings.serial)
    }
}
