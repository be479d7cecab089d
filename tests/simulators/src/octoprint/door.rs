//! What goes into the simulated server and what comes out, as values.

use super::settings::Faults;
use crate::web;
pub use crate::web::{Counters, Output, RequestId, SocketId};
use serde::{Deserialize, Serialize};

/// How messages are wrapped on a push socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `/sockjs/websocket`: plain JSON.
    Raw,
    /// `/sockjs/<server>/<session>/websocket`: SockJS frames.
    SockJs,
}

/// What a person does at the printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Person {
    /// Starts a file: an uploaded one from the server's own page, any other from the printer's card.
    Start {
        /// Its path.
        file: String,
    },
    /// Pauses the print.
    Pause,
    /// Goes on with it.
    Resume,
    /// Cancels it.
    Cancel,
    /// Pulls the printer's USB cable.
    UnplugUsb,
    /// Puts it back; the server stays disconnected until told to connect.
    PlugUsb,
    /// The firmware halts with this text.
    FirmwareError {
        /// The firmware's words.
        error: String,
    },
}

/// What reaches the server.
pub type Input = web::Input<Person, Faults, Framing>;
