//! A core, its clock, and what it asked and told; and the answers that it gets.

use domain::attempt::{AttemptState, End, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::super::core::Core;
use crate::contract::{Content, Input, Observation, Order, Output, PrinterProtocol as _, Report, Watched};
use crate::web::{Answer, Ask, Call, NoAnswer, WebAddress, Wire};

pub(super) const OURS: &str = "aaaaaaaaaaaaaaaa.gcode";
pub(super) const FILE: &str = "/api/v1/files/usb/gantry/aaaaaaaaaaaaaaaa.gcode";
pub(super) const VERSION: &str = r#"{"api": "2.0.0", "server": "2.1.2", "nozzle_diameter": 0.4, "text": "PrusaLink",
    "hostname": "mk4", "capabilities": {"upload-by-put": true}}"#;
pub(super) const USB: &str =
    r#"{"storage_list": [{"path": "/usb/", "name": "usb", "type": "USB", "read_only": false, "available": true}]}"#;
const VERSION_OF_A_PI: &str = r#"{"api": "2.0.0", "server": "0.8.1", "original": "PrusaLink I3MK3S", "text": "PrusaLink 0.8.1",
    "firmware": "3.14.0-8094", "sdk": "0.8.1", "capabilities": {"upload-by-put": true}, "hostname": "pi"}"#;
const CARDS_OF_A_PI: &str = r#"{"storage_list": [{"type": "SDCARD", "path": "/sdcard", "available": true, "read_only": true},
    {"type": "LOCAL", "path": "/local", "available": true, "free_space": 4096, "total_space": 8192, "read_only": false}]}"#;

pub(super) struct Bench {
    core: Core,
    pub now: Timestamp,
    pub open: Vec<Call>,
    pub asks: Vec<String>,
    pub reports: Vec<Report>,
    moments: Vec<Timestamp>,
}

impl Bench {
    /// A core that has just been made and asks for the version.
    pub(super) fn new() -> Self {
        Self::entered("secret")
    }

    fn entered(secret: &str) -> Self {
        let address = WebAddress::read("http://mk4.local").unwrap();
        let core = Core::new(&address, Secret::new(secret.to_owned()));
        let now = Timestamp::from_millis(1_000_000);
        let mut bench = Self { core, now, open: Vec::new(), asks: Vec::new(), reports: Vec::new(), moments: Vec::new() };
        bench.give(Input::Wake);
        bench
    }

    /// A printer that is idle, nothing under way, nothing remembered.
    pub(super) fn up() -> Self {
        Self::greeted(Self::new(), VERSION, USB)
    }

    /// A Raspberry Pi. What it was heard to say is remembered.
    pub(super) fn on_a_pi() -> Self {
        let mut bench = Self::greeted(Self::new(), VERSION_OF_A_PI, CARDS_OF_A_PI);
        bench.pass(5_000);
        bench.shows(&idle());
        bench
    }

    /// A printer that is let in with a password.
    pub(super) fn with_password() -> Self {
        let mut bench = Self::entered("maker:secret");
        bench.challenge("GET /api/version", false);
        Self::greeted(bench, VERSION, USB)
    }

    fn greeted(mut bench: Self, version: &str, storage: &str) -> Self {
        bench.reply("GET /api/version", 200, version);
        bench.reply("GET /api/v1/storage", 200, storage);
        bench.reply("GET /api/v1/status", 200, &idle().to_string());
        assert!(bench.open.is_empty(), "{:?}", bench.open);
        bench.reports.clear();
        bench.asks.clear();
        bench
    }

    /// Our print is on the printer, as its job 17, with 40 percent; the farm follows it.
    pub(super) fn printing() -> Self {
        Self::printing_so_far(40.0)
    }

    pub(super) fn printing_so_far(percent: f64) -> Self {
        let mut bench = Self::up();
        bench.order(Order::Watch(Some(watched(None))));
        bench.shows_print(&printing(17, percent), 17, OURS);
        bench
    }

    pub(super) fn give(&mut self, input: Input<Wire>) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Report(report) => self.reports.push(report),
                Output::WakeAt(moment) => self.moments.push(moment),
                Output::Ask(Ask::Call(call)) => {
                    self.asks.push(named(&call));
                    self.open.push(call);
                }
                Output::Ask(Ask::Abandon(id)) => {
                    self.asks.push("abandon".to_owned());
                    self.open.retain(|call| call.id != id);
                }
                Output::Ask(ask @ (Ask::OpenSocket { .. } | Ask::SocketSend(_) | Ask::CloseSocket)) => panic!("{ask:?}"),
            }
        }
    }

    pub(super) fn order(&mut self, order: Order) {
        self.give(Input::Order(order));
    }

    /// Shows that state, which tells of no job, at the next poll.
    pub(super) fn shows(&mut self, status: &Value) {
        self.until_asked("GET /api/v1/status");
        self.reply("GET /api/v1/status", 200, &status.to_string());
    }

    /// Shows that state, and the file of its job.
    pub(super) fn shows_print(&mut self, status: &Value, id: u64, file: &str) {
        self.shows(status);
        self.reply("GET /api/v1/job", 200, &job(id, file));
    }

    fn until_asked(&mut self, name: &str) {
        for _ in 0..100 {
            if self.is_asked(name) {
                return;
            }
            self.pass(100);
        }
        panic!("{name} is never asked, but {:?}", self.open);
    }

    /// Answers a call that is open.
    pub(super) fn reply(&mut self, name: &str, status: u16, body: &str) {
        let id = self.take(name).id;
        self.give(Input::Wire(Wire::Answer(Answer { id, status, headers: Vec::new(), body: body.to_owned().into() })));
    }

    /// Answers it by asking who we are.
    pub(super) fn challenge(&mut self, name: &str, stale: bool) {
        let id = self.take(name).id;
        let header = format!(r#"Digest realm="Printer API", nonce="{:016x}", stale="{stale}""#, id);
        let headers = vec![("www-authenticate", header)];
        self.give(Input::Wire(Wire::Answer(Answer { id, status: 401, headers, body: "401: Unauthorized".into() })));
    }

    pub(super) fn no_reply(&mut self, name: &str, why: NoAnswer) {
        let id = self.take(name).id;
        self.give(Input::Wire(Wire::NoAnswer { id, why }));
    }

    pub(super) fn take(&mut self, name: &str) -> Call {
        let place = self.open.iter().position(|call| named(call) == name);
        self.open.remove(place.unwrap_or_else(|| panic!("{name} is not among {:?}", self.open)))
    }

    pub(super) fn is_asked(&self, name: &str) -> bool {
        self.open.iter().any(|call| named(call) == name)
    }

    pub(super) fn was_asked(&self, name: &str) -> bool {
        self.asks.iter().any(|ask| ask == name)
    }

    /// That header of the one call that is open.
    pub(super) fn shown(&self, header: &str) -> Option<String> {
        let headers = &self.open.first()?.headers;
        headers.iter().find(|(name, _)| *name == header).map(|(_, value)| value.expose().clone())
    }

    /// Lets time pass, waking the core whenever it asked for it.
    pub(super) fn pass(&mut self, millis: i64) {
        let until = self.now.plus_millis(millis);
        while let Some(next) = self.moments.iter().copied().filter(|moment| *moment <= until).min() {
            self.moments.retain(|moment| *moment > next);
            self.now = self.now.max(next);
            self.give(Input::Wake);
        }
        self.now = until;
    }

    pub(super) fn last(&self) -> Report {
        let told = |report: &&Report| !matches!(report, Report::Heard(_));
        self.reports.iter().rev().find(told).cloned().expect("nothing was told")
    }

    pub(super) fn heard(&self) -> Observation {
        let heard = |report: &Report| if let Report::Heard(seen) = report { Some((**seen).clone()) } else { None };
        self.reports.iter().rev().find_map(heard).expect("nothing was heard")
    }

    pub(super) fn ends(&self) -> Vec<End> {
        let end = |report: &Report| if let Report::Ended { end, .. } = report { Some(*end) } else { None };
        self.reports.iter().filter_map(end).collect()
    }
}

fn named(call: &Call) -> String {
    format!("{} {}", call.method, call.path)
}

pub(super) fn state(word: &str) -> Value {
    json!({"storage": {"path": "/usb/", "name": "usb", "read_only": false},
           "printer": {"state": word, "temp_bed": 21.3, "target_bed": 0.0, "temp_nozzle": 22.0, "target_nozzle": 0.0}})
}

pub(super) fn idle() -> Value {
    state("IDLE")
}

pub(super) fn printing(id: u64, percent: f64) -> Value {
    let mut status = state("PRINTING");
    status["job"] = json!({"id": id, "progress": percent, "time_remaining": 600, "time_printing": 60});
    status
}

pub(super) fn job(id: u64, file: &str) -> String {
    json!({"id": id, "state": "PRINTING", "progress": 40.0, "file": {"name": "AAAAAA~1.GCO", "display_name": file, "path": "/usb/gantry"}})
        .to_string()
}

pub(super) fn token() -> Token {
    Token::new([0; 10])
}

pub(super) fn attempt() -> AttemptId {
    AttemptId::derived([1; 32])
}

pub(super) fn command() -> CommandId {
    CommandId::derived([2; 32])
}

pub(super) fn content() -> Content {
    Content { sha256: ContentHash::new([0; 32]), size_bytes: 1253, extension: "gcode".to_owned() }
}

pub(super) fn send() -> Order {
    Order::Send { attempt: attempt(), token: token(), content: content() }
}

pub(super) fn start() -> Order {
    Order::Start { attempt: attempt(), token: token(), content: content(), feeds: Vec::new() }
}

pub(super) fn watched(mark: Option<&str>) -> Watched {
    let (attempt, token, content) = (attempt(), token(), content());
    Watched { attempt, token, content, state: AttemptState::Active(Stage::Printing), mark: mark.map(str::to_owned) }
}
