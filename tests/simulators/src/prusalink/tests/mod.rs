//! What the core is held to, on a virtual clock: a bench with one client, the recorded story of a real server, what the
//! firmware's source says of a printer's own, and each fault.

mod behaviour;
mod faults;
mod recording;

use super::core::Core;
use super::door::{Input, Output, Person, RequestId};
use super::settings::{Faults, Form, Settings};
use crate::web::Server as _;
use bytes::Bytes;
use domain::time::Timestamp;
use serde_json::{Value, json};

pub(super) const SIX_SECONDS: &str = ";TIME:6\nG28\nG1 X1\n";

/// One simulated server, one client with the right key, a clock of our own.
pub(super) struct Bench {
    pub core: Core,
    pub now: Timestamp,
    pub key: Option<String>,
    form: Form,
    answers: Vec<(RequestId, Option<http::Response<Bytes>>)>,
    serial: u64,
}

/// Status, challenge and body of an answer; the body as a JSON text if it is no JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub status: u16,
    pub challenge: String,
    pub body: Value,
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let (key, form) = (Some(settings.api_key.clone()), settings.form);
        Self { core: Core::new(settings, now), now, key, form, answers: Vec::new(), serial: 0 }
    }

    pub(super) fn printer() -> Self {
        Self::new(Settings::default())
    }

    pub(super) fn pi() -> Self {
        Self::new(Settings { form: Form::Pi, ..Settings::default() })
    }

    pub(super) fn with(faults: Faults) -> Self {
        let mut bench = Self::printer();
        bench.give(Input::Faults(faults));
        bench
    }

    pub(super) fn give(&mut self, input: Input) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Response { request, response } => self.answers.push((request, Some(response))),
                Output::Cut { request } => self.answers.push((request, None)),
                Output::Text { .. } | Output::Close { .. } => panic!("it has no sockets"),
            }
        }
    }

    pub(super) fn person(&mut self, person: Person) {
        self.give(Input::Person(person));
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

    pub(super) fn until(&mut self, state: &str) {
        for _ in 0..100_000 {
            if self.core.state() == state {
                return;
            }
            self.pass(10);
        }
        panic!("never {state}, still {}", self.core.state());
    }

    pub(super) fn request(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> http::Request<Bytes> {
        let mut request = http::Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.to_owned().into()).unwrap()
    }

    /// Asks; the answer may come later.
    pub(super) fn ask(&mut self, request: http::Request<Bytes>) -> RequestId {
        self.serial += 1;
        let id = RequestId(self.serial);
        self.give(Input::Request { id, request });
        id
    }

    /// None while there is no answer, some none if the connection broke.
    pub(super) fn answer(&mut self, id: RequestId) -> Option<Option<Answer>> {
        let at = self.answers.iter().position(|(other, _)| *other == id)?;
        Some(self.answers.remove(at).1.map(|response| Answer {
            status: response.status().as_u16(),
            challenge:
                response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: serde_json::from_slice(response.body()).unwrap_or_else(|_| json!(String::from_utf8_lossy(response.body()))),
        }))
    }

    pub(super) fn call(&mut self, method: &str, path: &str) -> Answer {
        let request = self.request(method, path, "", &[]);
        let id = self.ask(request);
        self.answer(id).expect("no answer").expect("cut")
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path)
    }

    pub(super) fn put_request(&self, name: &str, body: &str, more: &[(&str, &str)]) -> http::Request<Bytes> {
        let size = body.len().to_string();
        let mut headers = vec![("content-type", "text/x.gcode"), ("content-length", size.as_str())];
        headers.extend(more);
        self.request("PUT", &self.path(name), body, &headers)
    }

    pub(super) fn put(&mut self, name: &str, body: &str, more: &[(&str, &str)]) -> Answer {
        let request = self.put_request(name, body, more);
        let id = self.ask(request);
        self.answer(id).expect("no answer").expect("cut")
    }

    pub(super) fn path(&self, name: &str) -> String {
        let storage = if self.form == Form::Pi { "local" } else { "usb" };
        format!("/api/v1/files/{storage}/{name}")
    }

    /// Puts a file of six seconds there and starts it.
    pub(super) fn start(&mut self, name: &str) -> Answer {
        self.put(name, SIX_SECONDS, &[("overwrite", "?1")]);
        self.call("POST", &self.path(name))
    }

    /// What the control door answers.
    pub(super) fn control(&mut self, path: &str, body: &Value) -> Answer {
        let request = self.request("POST", path, &body.to_string(), &[]);
        let id = self.ask(request);
        self.answer(id).expect("no answer").expect("cut")
    }

    pub(super) fn begun(&self, file: &str) -> u64 {
        self.core.counters().prints_begun.get(file).copied().unwrap_or_default()
    }

    pub(super) fn accepted(&self, file: &str) -> u64 {
        self.core.counters().starts_accepted.get(file).copied().unwrap_or_default()
    }
}
