//! What the core is held to, on a virtual clock: a bench with one client and one push socket, the
//! recorded story of a real server, and each fault.

mod behaviour;
mod faults;
mod recording;
mod socket;

use super::core::Core;
use super::door::{Framing, Input, Output, RequestId, SocketId};
use super::settings::Settings;
use crate::web::Server as _;
use bytes::Bytes;
use domain::time::Timestamp;
use serde_json::{Value, json};

pub(super) const SOCKET: SocketId = SocketId(1);
pub(super) const SIX_SECONDS: &str = ";TIME:6\nG28\nG1 X1\n";

/// One simulated server, one client with the right key, one push socket, a clock of our own.
pub(super) struct Bench {
    pub core: Core,
    pub now: Timestamp,
    pub texts: Vec<Value>,
    pub key: String,
    answers: Vec<(RequestId, Option<http::Response<Bytes>>)>,
    serial: u64,
}

/// Status and JSON of an answer; the text as a JSON string if it is no JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub status: u16,
    pub location: String,
    pub body: Value,
}

impl Bench {
    /// A booted server with a connected printer and an authenticated push socket.
    pub(super) fn new(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut bench = Self {
            key: settings.api_key.clone(),
            core: Core::new(settings, now),
            now,
            texts: Vec::new(),
            answers: Vec::new(),
            serial: 0,
        };
        bench.until("Operational");
        bench.listen();
        bench.texts.clear();
        bench
    }

    pub(super) fn listen(&mut self) {
        let session = self.call("POST", "/api/login", json!({ "passive": true })).body["session"].clone();
        let auth = format!("admin:{}", session.as_str().unwrap_or_default());
        self.give(Input::SocketOpened { socket: SOCKET, door: Framing::Raw });
        self.say(&json!({ "auth": auth }));
    }

    pub(super) fn say(&mut self, message: &Value) {
        self.give(Input::SocketText { socket: SOCKET, text: message.to_string() });
    }

    pub(super) fn give(&mut self, input: Input) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Response { request, response } => self.answers.push((request, Some(response))),
                Output::Cut { request } => self.answers.push((request, None)),
                Output::Text { text, .. } => self.texts.push(serde_json::from_str(&text).unwrap_or(json!(text))),
                Output::Close { .. } => self.texts.push(json!("closed")),
            }
        }
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

    /// Asks; None while there is no answer.
    pub(super) fn ask(&mut self, request: http::Request<Bytes>) -> RequestId {
        self.serial += 1;
        let id = RequestId(self.serial);
        self.give(Input::Request { id, request });
        id
    }

    pub(super) fn answer(&mut self, id: RequestId) -> Option<Option<Answer>> {
        let at = self.answers.iter().position(|(other, _)| *other == id)?;
        Some(self.answers.remove(at).1.map(|response| Answer {
            status: response.status().as_u16(),
            location: response.headers().get("location").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: serde_json::from_slice(response.body()).unwrap_or_else(|_| json!(String::from_utf8_lossy(response.body()))),
        }))
    }

    pub(super) fn call(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path, body);
        let id = self.ask(request);
        self.answer(id).expect("no answer").expect("cut")
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, Value::Null)
    }

    pub(super) fn request(&self, method: &str, path: &str, body: Value) -> http::Request<Bytes> {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        http::Request::builder()
            .method(method)
            .uri(path.replace(' ', "%20"))
            .header("x-api-key", &self.key)
            .header("content-type", "application/json")
            .body(body)
            .unwrap()
    }

    pub(super) fn upload_request(&self, name: &str, content: &str, form: &Value) -> http::Request<Bytes> {
        let mut body = String::new();
        for (field, value) in form.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            body.push_str(&format!("--zz\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"));
        }
        body.push_str(&format!(
            "--zz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--zz--\r\n"
        ));
        http::Request::builder()
            .method("POST")
            .uri("/api/files/local")
            .header("x-api-key", &self.key)
            .header("content-type", "multipart/form-data; boundary=zz")
            .body(body.into())
            .unwrap()
    }

    pub(super) fn upload(&mut self, name: &str, content: &str, form: Value) -> Answer {
        let request = self.upload_request(name, content, &form);
        let id = self.ask(request);
        self.answer(id).expect("no answer").expect("cut")
    }

    /// Uploads a file of six seconds and starts it.
    pub(super) fn start(&mut self, name: &str) -> Answer {
        self.upload(name, SIX_SECONDS, json!({}));
        self.call("POST", &format!("/api/files/local/{name}"), json!({ "command": "select", "print": true }))
    }

    pub(super) fn events(&mut self) -> Vec<Value> {
        let texts = std::mem::take(&mut self.texts);
        texts.into_iter().filter_map(|text| text.get("event").cloned()).collect()
    }

    pub(super) fn event_names(&mut self) -> Vec<String> {
        let name = |event: &Value| {
            let state = event["payload"]["state_id"].as_str();
            state.or(event["type"].as_str()).unwrap_or_default().to_owned()
        };
        self.events().iter().map(name).collect()
    }

    pub(super) fn begun(&self, file: &str) -> u64 {
        self.core.counters().prints_begun.get(file).copied().unwrap_or_default()
    }

    pub(super) fn accepted(&self, file: &str) -> u64 {
        self.core.counters().starts_accepted.get(file).copied().unwrap_or_default()
    }
}
