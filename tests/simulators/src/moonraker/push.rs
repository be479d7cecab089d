//! The sockets: who listens, to which of Klipper's objects, and what was told last. Decides when a
//! message goes out; what stands in it comes from the core.

use super::door::{Output, SocketId};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Klipper tells of changes so often.
const CHANGES_MS: i64 = 250;
/// Moonraker tells of itself so often.
const PROCESS_MS: i64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Sockets(BTreeMap<SocketId, Socket>);

#[derive(Debug)]
struct Socket {
    process_at: Timestamp,
    subscription: Option<Subscription>,
}

#[derive(Debug)]
struct Subscription {
    objects: Value,
    told: Value,
    changes_at: Timestamp,
}

impl Sockets {
    pub(super) fn open(&mut self, id: SocketId, now: Timestamp) {
        self.0.insert(id, Socket { process_at: now.plus_millis(PROCESS_MS), subscription: None });
    }

    pub(super) fn closed(&mut self, id: SocketId) {
        self.0.remove(&id);
    }

    pub(super) fn close_all(&mut self, out: &mut Vec<Output>) {
        out.extend(std::mem::take(&mut self.0).into_keys().map(|socket| Output::Close { socket }));
    }

    pub(super) fn subscribe(&mut self, id: SocketId, objects: Value, told: Value, now: Timestamp) {
        if let Some(socket) = self.0.get_mut(&id) {
            socket.subscription = Some(Subscription { objects, told, changes_at: now.plus_millis(CHANGES_MS) });
        }
    }

    /// A restart of Klipper drops every subscription without a word.
    pub(super) fn drop_subscriptions(&mut self) {
        self.0.values_mut().for_each(|socket| socket.subscription = None);
    }

    pub(super) fn notify(&self, method: &str, params: Option<Value>, out: &mut Vec<Output>) {
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if let Some(params) = params {
            message["params"] = json!([params]);
        }
        out.extend(self.0.keys().map(|socket| Output::Text { socket: *socket, text: message.to_string() }));
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let of = |socket: &Socket| match &socket.subscription {
            Some(subscription) => socket.process_at.min(subscription.changes_at),
            None => socket.process_at,
        };
        self.0.values().map(of).min()
    }

    /// Tells changes and the state of the process to whom they are due; changes to all at once if asked so.
    pub(super) fn tell(&mut self, now: Timestamp, at_once: bool, status: &Value, at: f64, out: &mut Vec<Output>) {
        for (id, socket) in &mut self.0 {
            if let Some(subscription) = socket.subscription.as_mut().filter(|one| at_once || one.changes_at <= now) {
                subscription.changes_at = now.plus_millis(CHANGES_MS);
                let shown = pick(status, &subscription.objects);
                let changed = difference(&subscription.told, &shown);
                subscription.told = shown;
                if !changed.is_empty() {
                    let message = json!({ "jsonrpc": "2.0", "method": "notify_status_update", "params": [changed, at] });
                    out.push(Output::Text { socket: *id, text: message.to_string() });
                }
            }
            if socket.process_at <= now {
                socket.process_at = now.plus_millis(PROCESS_MS);
                let process = json!({ "moonraker_stats": { "time": at, "cpu_usage": 1.0, "memory": 50_000, "mem_units": "kB" } });
                let message = json!({ "jsonrpc": "2.0", "method": "notify_proc_stat_update", "params": [process] });
                out.push(Output::Text { socket: *id, text: message.to_string() });
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of all objects those that were asked for, with the fields that were; what is not there is empty.
pub(super) fn pick(status: &Value, objects: &Value) -> Value {
    let mut picked = Map::new();
    for (name, fields) in objects.as_object().into_iter().flatten() {
        let whole = status.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let shown = match fields.as_array() {
            Some(fields) => whole.into_iter().filter(|(field, _)| fields.iter().any(|one| one == field)).collect(),
            None => whole,
        };
        picked.insert(name.clone(), Value::Object(shown));
    }
    Value::Object(picked)
}

fn difference(before: &Value, now: &Value) -> Map<String, Value> {
    let mut changed = Map::new();
    for (name, fields) in now.as_object().into_iter().flatten() {
        let differs = |field: &str, value: &Value| before.get(name).and_then(|object| object.get(field)) != Some(value);
        let fields = fields.as_object().into_iter().flatten();
        let fields: Map<String, Value> =
            fields.filter(|(field, value)| differs(field, value)).map(|(field, value)| (field.clone(), value.clone())).collect();
        if !fields.is_empty() {
            changed.insert(name.clone(), Value::Object(fields));
        }
    }
    changed
}
