//! What goes into the simulated server and what comes out, as values.

use super::settings::Faults;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The caller's number for one HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

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
#[derive(Debug)]
pub enum Input {
    /// An HTTP request, whole.
    Request {
        /// Names it in the answer.
        id: RequestId,
        /// The request; its target is path and query.
        request: http::Request<Bytes>,
    },
    /// A person at the machine.
    Person(Person),
    /// These faults hold from now on, and no others.
    Faults(Faults),
    /// Everything but the drive is lost; the power is away for this long, then it boots.
    PowerCut {
        /// How long.
        off_ms: u64,
    },
    /// Time has passed.
    Wake,
}

/// What the server does.
#[derive(Debug)]
pub enum Output {
    /// Answers a request.
    Response {
        /// Which one.
        request: RequestId,
        /// The answer.
        response: http::Response<Bytes>,
    },
    /// Breaks the connection of a request, without an answer.
    Cut {
        /// Which one.
        request: RequestId,
    },
}

/// What a test wants to count. Not lost in a power cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Starts that were answered as accepted, per file.
    pub starts_accepted: BTreeMap<String, u64>,
    /// Prints that began, per file, whoever started them.
    pub prints_begun: BTreeMap<String, u64>,
    /// Uploads stored.
    pub uploads: u64,
    /// Their bytes.
    pub upload_bytes: u64,
    /// Prints that came to their end.
    pub prints_done: u64,
    /// Prints cancelled.
    pub prints_cancelled: u64,
    /// Prints that failed, lost in a power cut included.
    pub prints_failed: u64,
}
