//! What goes into the simulated server and what comes out, as values.

use super::settings::Faults;
use crate::web;
pub use crate::web::{Counters, Output, RequestId, SocketId};
use serde::{Deserialize, Serialize};

/// What a person does at the printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Person {
    /// Starts a file: an uploaded one, or any other, which then lies there.
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
    /// Pulls the controller's cable: Klipper shuts down.
    UnplugUsb,
    /// Puts it back; Klipper stays down until it is restarted.
    PlugUsb,
    /// Klipper shuts down with this text.
    FirmwareError {
        /// Klipper's words.
        error: String,
    },
    /// Restarts Klipper.
    RestartKlipper,
    /// The spool runs out: the sensor tells it and pauses the print.
    Runout,
    /// A new spool is loaded.
    LoadFilament,
}

/// What reaches the server.
pub type Input = web::Input<Person, Faults, ()>;
