//! What the core is held to, on a virtual clock: a bench with one MQTT client and one FTP session, the fields of real reports, and each
//! fault; and the shell on real sockets.

mod behaviour;
mod faults;
mod fields;
mod files;
mod sockets;

use super::core::Core;
use super::door::{ClientId, FtpHeard, FtpId, FtpOrder, Input, Output, Person};
use super::packets::{Heard, Told};
use super::project::tests::{GCODE, file};
use super::settings::{Faults, Model, Settings};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

pub(super) const CLIENT: ClientId = ClientId(1);
pub(super) const SESSION: FtpId = FtpId(1);
/// Printed in six seconds, once it is hot, with the project's first filament.
pub(super) const JOB: &str = "/a.gcode.3mf";

/// One simulated printer, one client that listens, a clock of our own. Reports are merged as the protocol's notes say.
pub(super) struct Bench {
    pub core: Core,
    pub now: Timestamp,
    /// As merged so far.
    pub told: Map<String, Value>,
    /// Each report and reply as it came.
    pub messages: Vec<Value>,
    /// What else the clients were told.
    pub others: Vec<(ClientId, Told)>,
    pub dropped: Vec<ClientId>,
    pub orders: Vec<FtpOrder>,
    sequence: u64,
}

impl Bench {
    pub(super) fn of(model: Model) -> Self {
        Self::new(Settings::of(model, 7))
    }

    /// A booted printer with a listening client, and the file of `JOB` on its card.
    pub(super) fn new(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut bench = Self {
            core: Core::new(settings, now),
            now,
            told: Map::new(),
            messages: Vec::new(),
            others: Vec::new(),
            dropped: Vec::new(),
            orders: Vec::new(),
            sequence: 0,
        };
        bench.core.card.create(JOB);
        bench.core.card.append(JOB, &file(GCODE, &[1])).unwrap();
        bench.listen(CLIENT);
        bench.messages.clear();
        bench
    }

    pub(super) fn with(faults: Faults) -> Self {
        let mut bench = Self::of(Model::P1s);
        bench.give(Input::Faults(faults));
        bench
    }

    pub(super) fn topic(&self, kind: &str) -> String {
        format!("device/{}/{kind}", self.core.settings().serial)
    }

    pub(super) fn hello(&mut self, client: ClientId, password: &str) {
        let heard = Heard::Hello { user: "bblp".into(), password: password.into(), keep_alive_seconds: 60 };
        self.give(Input::Client { client, heard });
    }

    pub(super) fn listen(&mut self, client: ClientId) {
        let code = self.core.settings().access_code.clone();
        self.hello(client, &code);
        let heard = Heard::Subscribe { id: 1, filters: vec![self.topic("report")] };
        self.give(Input::Client { client, heard });
        self.ask(json!({ "pushing": { "sequence_id": "0", "command": "pushall" } }));
    }

    pub(super) fn ask(&mut self, message: Value) {
        let heard = Heard::Publish { id: None, topic: self.topic("request"), payload: message.to_string().into() };
        self.give(Input::Client { client: CLIENT, heard });
    }

    /// Asks on `print`, and says what was replied.
    pub(super) fn print(&mut self, mut asked: Value) -> Option<Value> {
        self.sequence += 1;
        let sequence = format!("t{}", self.sequence);
        asked["sequence_id"] = json!(sequence);
        self.ask(json!({ "print": asked }));
        self.reply(&sequence)
    }

    pub(super) fn reply(&self, sequence: &str) -> Option<Value> {
        let mut replies = self.messages.iter().map(|message| &message["print"]);
        replies.find(|reply| reply["sequence_id"] == sequence && reply.get("result").is_some()).cloned()
    }

    /// A start as the slicer makes it, changed by `more`.
    pub(super) fn start_with(&mut self, more: &Value) -> Option<Value> {
        let mut asked = json!({
            "command": "project_file", "param": "Metadata/plate_1.gcode", "url": format!("ftp://{JOB}"), "file": "a.gcode.3mf", "md5": "",
            "use_ams": true, "ams_mapping": [0], "subtask_name": "a", "project_id": "11", "profile_id": "0", "task_id": "12", "subtask_id": "13",
            "timelapse": false, "bed_leveling": true, "flow_cali": false, "vibration_cali": false, "layer_inspect": false, "bed_type": "auto",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            asked[name] = value.clone();
        }
        self.print(asked)
    }

    pub(super) fn start(&mut self) -> Option<Value> {
        self.start_with(&json!({}))
    }

    pub(super) fn person(&mut self, person: Person) {
        self.give(Input::Person(person));
    }

    pub(super) fn give(&mut self, input: Input) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Tell { client, told: Told::Message { topic, payload } } => {
                    assert_eq!(topic, self.topic("report"));
                    if client == CLIENT {
                        self.hear(serde_json::from_str(&payload).unwrap());
                    }
                }
                Output::Tell { client, told } => self.others.push((client, told)),
                Output::Drop { client } => self.dropped.push(client),
                Output::Ftp { order, .. } => self.orders.push(order),
            }
        }
    }

    fn hear(&mut self, message: Value) {
        if let Some(report) = message["print"].as_object().filter(|fields| !fields.contains_key("result")) {
            if report["msg"] == 0 {
                self.told.clear();
            }
            merge(&mut self.told, report);
        }
        self.messages.push(message);
    }

    /// Lets time pass, waking the core whenever it wants.
    pub(super) fn pass(&mut self, ms: i64) {
        let end = self.now.plus_millis(ms);
        while let Some(due) = self.core.next_wake().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.give(Input::Wake);
        }
        self.now = end;
    }

    /// Until the reports say so.
    pub(super) fn until(&mut self, field: &str, value: &Value) {
        for _ in 0..100_000 {
            if self.told.get(field) == Some(value) {
                return;
            }
            self.pass(10);
        }
        panic!("{field} is never {value}, still {:?}", self.told.get(field));
    }

    pub(super) fn state(&mut self, state: &str) {
        self.until("gcode_state", &json!(state));
    }

    /// Starts, and waits until filament flows.
    pub(super) fn printing(&mut self) {
        assert_eq!(self.start().unwrap()["result"], "success");
        self.state("RUNNING");
        self.until("stg_cur", &json!(0));
    }

    pub(super) fn begun(&self) -> u64 {
        self.core.counters().prints_begun.values().sum()
    }

    pub(super) fn accepted(&self) -> u64 {
        self.core.counters().starts_accepted.values().sum()
    }

    pub(super) fn ftp(&mut self, heard: FtpHeard) -> Vec<FtpOrder> {
        self.orders.clear();
        self.give(Input::Ftp { session: SESSION, heard });
        std::mem::take(&mut self.orders)
    }

    /// A line that is answered by one.
    pub(super) fn line(&mut self, line: &str) -> String {
        match self.ftp(FtpHeard::Line(line.into())).as_slice() {
            [FtpOrder::Reply(text)] => text.clone(),
            orders => panic!("{line}: {orders:?}"),
        }
    }
}

fn merge(old: &mut Map<String, Value>, new: &Map<String, Value>) {
    for (name, value) in new {
        match (old.get_mut(name), value) {
            (Some(Value::Object(before)), Value::Object(after)) => merge(before, after),
            (Some(before), value) => *before = value.clone(),
            (None, value) => drop(old.insert(name.clone(), value.clone())),
        }
    }
}
