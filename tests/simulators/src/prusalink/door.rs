//! What goes into the simulated server and what comes out, as values.

use super::settings::Faults;
use crate::web;
pub use crate::web::{Counters, Output, RequestId};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What a person does at the printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Person {
    /// Starts a file: an uploaded one, or any other, which then lies on the drive.
    Start {
        /// Its path.
        file: String,
    },
    /// Pauses the print.
    Pause,
    /// Goes on with it.
    Resume,
    /// Stops it.
    Cancel,
    /// Leaves the screen that shows an end.
    LeaveScreen,
    /// Lets the print run into a question on the screen, such as one for filament.
    Ask,
    /// Answers it.
    Answer,
    /// The printer fails with this text.
    Fail {
        /// Its words.
        error: String,
    },
    /// And is sound again.
    Mend,
    /// Pulls the USB drive.
    PullDrive,
    /// Puts it back.
    PutDrive,
}

/// What reaches the server.
pub type Input = web::Input<Person, Faults, Infallible>;
