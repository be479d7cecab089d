//! The push socket: opened with the pass that a login gives, closed when it goes silent. It only hastens
//! what polling finds anyway, so whatever goes wrong with it is no reason to give the printer up.

use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::core::Core;
use super::link::backoff;
use super::requests::{Purpose, Reply};
use super::wire::{Picture, Temperatures, json as body_of, text};
use crate::web::Ask;

/// After this silence of the socket, OctoPrint is asked.
pub(super) const SILENT_MS: i64 = 10_000;

/// After this silence of the socket, it is opened anew.
pub(super) const DEAD_MS: i64 = 30_000;

/// What the key's user must be allowed, or the printer takes no orders.
const NEEDED: [&str; 4] = ["print", "files_upload", "files_select", "files_delete"];

/// Events of the socket that are of use; without the filter every line of G-code may send one.
const EVENTS: [&str; 6] = ["PrintStarted", "PrintDone", "PrintCancelling", "PrintCancelled", "PrintFailed", "Error"];

/// The push socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// Closed.
    Closed {
        /// When it is opened again.
        retry_at: Timestamp,
    },
    /// On its way: logging in, then opening.
    Opening {
        /// The name and session for it.
        pass: Option<Secret<String>>,
    },
    /// Open.
    Open {
        /// When something last came through it.
        heard_at: Timestamp,
    },
}

impl Core {
    pub(super) fn tend_socket(&mut self, now: Timestamp) {
        match self.socket {
            Socket::Closed { retry_at } if retry_at <= now => {
                self.socket = Socket::Opening { pass: None };
                let ask = self.requests.login();
                self.ask(ask);
            }
            Socket::Open { heard_at } if now.millis_since(heard_at) >= DEAD_MS => {
                self.ask(Ask::CloseSocket);
                self.socket_closed(now, "it said nothing for long");
            }
            Socket::Closed { .. } | Socket::Opening { .. } | Socket::Open { .. } => {}
        }
    }

    pub(super) fn logged_in(&mut self, now: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let body = body_of(&answer).unwrap_or(Value::Null);
        if let Some(roles) = body.pointer("/needs/role").and_then(Value::as_array) {
            let allowed = |role: &&str| roles.iter().any(|given| given.as_str() == Some(*role));
            self.view.control_denied = !NEEDED.iter().all(allowed);
        }
        let (Some(name), Some(session)) = (text(body.get("name")), text(body.get("session"))) else {
            return self.socket_closed(now, "the login gave no session");
        };
        let pass = Secret::new(json!({"auth": format!("{name}:{session}")}).to_string());
        match &mut self.socket {
            Socket::Opening { pass: waiting } => {
                *waiting = Some(pass);
                let ask = self.requests.open_socket();
                self.ask(ask);
            }
            Socket::Open { .. } => self.ask(Ask::SocketSend(pass)),
            Socket::Closed { .. } => {}
        }
    }

    pub(super) fn socket_opened(&mut self, now: Timestamp) {
        let Socket::Opening { pass: Some(pass) } = &self.socket else { return };
        let pass = pass.clone();
        self.socket = Socket::Open { heard_at: now };
        // Asked for before the pass: the picture that follows the pass is then the only one.
        let wanted = json!({"subscribe": {"state": {"logs": false, "messages": false}, "events": EVENTS, "plugins": false}});
        self.ask(Ask::SocketSend(Secret::new(wanted.to_string())));
        self.ask(Ask::SocketSend(pass));
        self.ask(Ask::SocketSend(Secret::new(json!({"throttle": 2}).to_string())));
        self.poll(now);
    }

    pub(super) fn socket_text(&mut self, now: Timestamp, message: &str) {
        let Socket::Open { heard_at } = &mut self.socket else { return };
        *heard_at = now;
        self.contact.socket_failures = 0;
        let Ok(Value::Object(message)) = serde_json::from_str::<Value>(message) else { return };
        for (kind, content) in &message {
            match kind.as_str() {
                "current" | "history" => {
                    if let Some(temperatures) = Temperatures::read(content) {
                        self.view.take_temperatures(temperatures);
                    }
                    if let Some(picture) = Picture::read(content) {
                        self.view.take(now, picture);
                        self.show(now);
                    }
                }
                "event" => {
                    let name = content.get("type").and_then(Value::as_str).unwrap_or_default();
                    self.event(now, name, content.get("payload").unwrap_or(&Value::Null));
                }
                "reauthRequired" if !self.requests.is_open(&Purpose::Login) => {
                    let ask = self.requests.login();
                    self.ask(ask);
                }
                _ => {}
            }
        }
    }

    pub(super) fn socket_closed(&mut self, now: Timestamp, why: &str) {
        tracing::debug!(address = %self.address, why, "the push socket is closed");
        self.socket = Socket::Closed { retry_at: now.plus_millis(backoff(self.contact.socket_failures)) };
        self.contact.socket_failures = self.contact.socket_failures.saturating_add(1);
        self.ends.contact_broke();
        if self.is_up() {
            self.poll(now);
        }
    }

    pub(super) fn socket_speaks(&self, now: Timestamp) -> bool {
        matches!(self.socket, Socket::Open { heard_at } if now.millis_since(heard_at) < SILENT_MS)
    }

    /// The socket is open, so that no event is missed.
    pub(super) const fn hears_events(&self) -> bool {
        matches!(self.socket, Socket::Open { .. })
    }
}
