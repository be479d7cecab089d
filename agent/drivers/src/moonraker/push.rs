//! The WebSocket: JSON-RPC, on which Moonraker tells what changes. Opened and subscribed anew whenever it or
//! Klipper was away: a restart of Klipper drops the subscription without a word. It only hastens what
//! polling finds anyway, so whatever goes wrong with it is no reason to give the printer up.

use domain::time::Timestamp;
use serde_json::Value;

use super::core::Core;
use super::link::backoff;
use super::requests::{Requests, Said};
use super::wire::{Host, Whole, number};
use crate::contract::LinkProblem;
use crate::web::Ask;

/// After this silence of the socket, it is asked whether anybody is there.
pub(super) const SILENT_MS: i64 = 10_000;

/// After this silence of the socket, it is opened anew.
pub(super) const DEAD_MS: i64 = 20_000;

/// The socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// Closed.
    Closed {
        /// When it is opened again.
        retry_at: Timestamp,
    },
    /// On its way.
    Opening,
    /// Open.
    Open {
        /// When something last came through it.
        heard_at: Timestamp,
        /// Since then it was asked whether anybody is there.
        pinged: bool,
        /// It tells what changes.
        subscribed: bool,
    },
}

impl Core {
    pub(super) fn tend_socket(&mut self, now: Timestamp) {
        match &mut self.socket {
            Socket::Closed { retry_at } if *retry_at <= now => {
                self.socket = Socket::Opening;
                let ask = self.requests.open_socket();
                self.ask(ask);
            }
            Socket::Open { heard_at, .. } if now.millis_since(*heard_at) >= DEAD_MS => {
                self.ask(Ask::CloseSocket);
                self.socket_closed(now, "it said nothing for long");
            }
            Socket::Open { heard_at, pinged, .. } if !*pinged && now.millis_since(*heard_at) >= SILENT_MS => {
                *pinged = true;
                self.ask(Requests::ping());
            }
            Socket::Closed { .. } | Socket::Opening | Socket::Open { .. } => {}
        }
    }

    pub(super) fn socket_opened(&mut self, now: Timestamp) {
        if !matches!(self.socket, Socket::Opening) {
            return;
        }
        self.socket = Socket::Open { heard_at: now, pinged: false, subscribed: false };
        let who = self.requests.identify();
        self.ask(who);
        if !self.view.objects.is_empty() {
            self.ask(Requests::subscribe(&self.view.objects));
        }
    }

    pub(super) fn socket_text(&mut self, now: Timestamp, message: &str) {
        let Socket::Open { heard_at, pinged, .. } = &mut self.socket else { return };
        *heard_at = now;
        *pinged = false;
        self.contact.socket_failures = 0;
        let Ok(message) = serde_json::from_str::<Value>(message) else { return };
        match message.get("method").and_then(Value::as_str) {
            Some(method) => self.notified(now, method, message.get("params").unwrap_or(&Value::Null)),
            None => self.answered(now, &message),
        }
    }

    fn answered(&mut self, now: Timestamp, message: &Value) {
        match message.get("id").and_then(Value::as_u64).and_then(Said::of) {
            Some(Said::Subscribe) => {
                let Some(whole) = Whole::read(message) else { return };
                if let Socket::Open { subscribed, .. } = &mut self.socket {
                    *subscribed = true;
                }
                self.view.take(&whole);
                self.show(now);
            }
            Some(Said::Identify) if number(message.pointer("/error/code")) == Some(401.0) => {
                self.down(now, LinkProblem::WrongCredential { address: self.address.clone() });
            }
            Some(Said::Identify | Said::Ping) | None => {}
        }
    }

    fn notified(&mut self, now: Timestamp, method: &str, params: &Value) {
        match method {
            "notify_status_update" => {
                if let (Some(change), Some(at)) = (params.get(0), number(params.get(1))) {
                    self.view.take_change(at, change);
                    self.show(now);
                }
            }
            // Once a second: what we are subscribed to has not changed.
            "notify_proc_stat_update" if self.is_told_of_changes() && self.view.is_answering() => self.show(now),
            "notify_klippy_ready" => self.klipper_is_back(),
            "notify_klippy_shutdown" => self.poll(now),
            "notify_klippy_disconnected" => {
                self.unsubscribed();
                self.klipper_is_not_ready(now, Host::Away, "Klipper went away".to_owned());
            }
            "notify_history_changed" => self.history_changed(now, params.get(0).unwrap_or(&Value::Null)),
            "notify_gcode_response" => {
                if let Some(line) = params.get(0).and_then(Value::as_str) {
                    self.said_to_people(now, line);
                }
            }
            _ => {}
        }
    }

    pub(super) fn socket_closed(&mut self, now: Timestamp, why: &str) {
        tracing::debug!(address = %self.address, why, "the socket is closed");
        self.socket = Socket::Closed { retry_at: now.plus_millis(backoff(self.contact.socket_failures)) };
        self.contact.socket_failures = self.contact.socket_failures.saturating_add(1);
        if self.is_up() {
            self.poll(now);
        }
    }

    fn unsubscribed(&mut self) {
        if let Socket::Open { subscribed, .. } = &mut self.socket {
            *subscribed = false;
        }
    }

    /// The socket is open.
    pub(super) const fn hears(&self) -> bool {
        matches!(self.socket, Socket::Open { .. })
    }

    /// What changes comes by itself.
    pub(super) const fn is_told_of_changes(&self) -> bool {
        matches!(self.socket, Socket::Open { subscribed: true, .. })
    }

    /// What changes comes by itself, and something came just now.
    pub(super) fn socket_speaks(&self, now: Timestamp) -> bool {
        self.is_told_of_changes()
            && matches!(self.socket, Socket::Open { heard_at, .. } if now.millis_since(heard_at) < SILENT_MS)
    }
}
