//! The push sockets: who listens, to what, how often, in which framing. Decides when a message goes
//! out; what stands in it comes from the core.

use super::door::{Framing, Output, SocketId};
use super::machine::Event;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TICK_MS: i64 = 500;
/// An idle printer is asked for its temperatures this often.
const IDLE_MS: i64 = 2000;

#[derive(Debug, Default)]
pub(super) struct Sockets(BTreeMap<SocketId, Socket>);

#[derive(Debug)]
struct Socket {
    framing: Framing,
    authed: bool,
    throttle: i64,
    wants_state: bool,
    /// None = all.
    events: Option<Vec<String>>,
    last_current: Timestamp,
    changed: bool,
}

/// What a client's message asks the core for.
pub(super) enum Asked {
    Auth { session: String },
    History,
    Nothing,
}

/// What decides how often a socket is told of the state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub operational: bool,
    pub active: bool,
}

impl Sockets {
    pub(super) fn open(&mut self, id: SocketId, framing: Framing, now: Timestamp, out: &mut Vec<Output>) {
        let socket =
            Socket { framing, authed: false, throttle: 1, wants_state: true, events: None, last_current: now, changed: false };
        if framing == Framing::SockJs {
            out.push(Output::Text { socket: id, text: "o".into() });
        }
        self.0.insert(id, socket);
        let hello = json!({ "version": "1.11.8", "display_version": "1.11.8", "branch": "HEAD",
            "python_version": "3.11.7", "plugin_hash": "392ff14cd4c9f9c2140d939325637bf7",
            "config_hash": "2af5bd6ffbd1e53f8f19c132a488ab93", "debug": false, "safe_mode": null,
            "online": true, "permissions": [] });
        self.send(id, &json!({ "connected": hello }), out);
    }

    pub(super) fn closed(&mut self, id: SocketId) {
        self.0.remove(&id);
    }

    pub(super) fn close_all(&mut self, out: &mut Vec<Output>) {
        for (socket, _) in std::mem::take(&mut self.0) {
            out.push(Output::Close { socket });
        }
    }

    pub(super) fn read(&mut self, id: SocketId, text: &str) -> Vec<Asked> {
        let Some(socket) = self.0.get_mut(&id) else {
            return Vec::new();
        };
        let texts = match (socket.framing, serde_json::from_str(text)) {
            (Framing::SockJs, Ok(Value::Array(texts))) => texts,
            (Framing::SockJs | Framing::Raw, Ok(one)) => vec![one],
            (Framing::SockJs | Framing::Raw, Err(_)) => return Vec::new(),
        };
        texts
            .into_iter()
            .map(|text| match text.as_str() {
                Some(inner) => serde_json::from_str(inner).unwrap_or_default(),
                None => text,
            })
            .map(|message: Value| socket.take(&message))
            .collect()
    }

    /// Lets a socket in, or tells it to log in again.
    pub(super) fn auth(&mut self, id: SocketId, known: bool, out: &mut Vec<Output>) {
        if let Some(socket) = self.0.get_mut(&id) {
            socket.authed = known;
        }
        if !known {
            self.send(id, &json!({ "reauthRequired": { "reason": "stale" } }), out);
        }
    }

    pub(super) fn history(&mut self, id: SocketId, state: &Value, now: Timestamp, out: &mut Vec<Output>) {
        let Some(socket) = self.0.get_mut(&id).filter(|socket| socket.authed && socket.wants_state) else {
            return;
        };
        socket.last_current = now;
        self.send(id, &json!({ "history": state }), out);
    }

    pub(super) fn tell(&mut self, id: SocketId, message: &Value, out: &mut Vec<Output>) {
        if self.0.get(&id).is_some_and(|socket| socket.authed) {
            self.send(id, message, out);
        }
    }

    pub(super) fn event(&mut self, event: &Event, out: &mut Vec<Output>) {
        let message = json!({ "event": { "type": event.name, "payload": event.payload } });
        for (id, socket) in &mut self.0 {
            socket.changed = true;
            let wanted = match &socket.events {
                Some(names) => names.iter().any(|name| name == event.name),
                None => true,
            };
            if socket.authed && wanted {
                out.push(socket.frame(*id, &message));
            }
        }
    }

    pub(super) fn next_wake(&self, pace: Pace) -> Option<Timestamp> {
        self.0.values().filter_map(|socket| socket.due(pace)).min()
    }

    /// Tells the state to whom it is due.
    pub(super) fn currents(&mut self, now: Timestamp, pace: Pace, state: impl FnOnce() -> Value, out: &mut Vec<Output>) {
        if self.next_wake(pace).is_none_or(|due| due > now) {
            return;
        }
        let message = json!({ "current": state() });
        for (id, socket) in &mut self.0 {
            if socket.due(pace).is_some_and(|due| due <= now) {
                socket.last_current = now;
                socket.changed = false;
                out.push(socket.frame(*id, &message));
            }
        }
    }

    fn send(&self, id: SocketId, message: &Value, out: &mut Vec<Output>) {
        if let Some(socket) = self.0.get(&id) {
            out.push(socket.frame(id, message));
        }
    }
}

impl Socket {
    fn take(&mut self, message: &Value) -> Asked {
        if let Some(auth) = message["auth"].as_str() {
            let session = auth.split_once(':').map_or("", |(_, session)| session);
            return Asked::Auth { session: session.to_owned() };
        }
        if let Some(throttle) = message["throttle"].as_i64().filter(|throttle| *throttle >= 1) {
            self.throttle = throttle;
        }
        let Some(subscribe) = message["subscribe"].as_object() else {
            return Asked::Nothing;
        };
        let wanted_before = self.wants_state;
        self.wants_state = match subscribe.get("state") {
            Some(Value::Bool(wanted)) => *wanted,
            Some(Value::Object(_)) => true,
            Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => false,
        };
        self.events = match subscribe.get("events") {
            Some(Value::Bool(true)) => None,
            Some(Value::Array(names)) => Some(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()),
            Some(Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
                Some(Vec::new())
            }
        };
        if self.wants_state && !wanted_before { Asked::History } else { Asked::Nothing }
    }

    fn due(&self, pace: Pace) -> Option<Timestamp> {
        if !self.authed || !self.wants_state {
            return None;
        }
        let throttled = TICK_MS * self.throttle;
        let wait = if self.changed || pace.active {
            throttled
        } else if pace.operational {
            throttled.max(IDLE_MS)
        } else {
            return None;
        };
        Some(self.last_current.plus_millis(wait))
    }

    fn frame(&self, socket: SocketId, message: &Value) -> Output {
        let text = match self.framing {
            Framing::Raw => message.to_string(),
            Framing::SockJs => format!("a[{message}]"),
        };
        Output::Text { socket, text }
    }
}
