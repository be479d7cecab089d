//! What OctoPrint's messages mean. Reads leniently: numbers may be texts, unknown things are passed
//! over, and what a message does not say is `None`, never a default.

use domain::attempt::Token;
use domain::telemetry::Temperature;
use serde_json::Value;

use super::{EXTENSION, FOLDER};
use crate::web::Answer;

/// What the job machine of OctoPrint does, from its word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No printer is connected, and nobody tries.
    Offline,
    /// It tries to connect one.
    Connecting,
    /// The printer was lost over an error.
    Failed,
    /// Ready for work.
    Ready,
    /// A print begins.
    Starting,
    /// A print runs: also while it goes to pause, comes back, ends or is cancelled.
    Printing,
    /// A print is being cancelled.
    Cancelling,
    /// A print stands still.
    Paused,
    /// Something else, or a word that we do not know: nothing may be started.
    Other,
}

impl Phase {
    /// The words are those of every version since 1.3; they are never translated.
    pub(super) fn of(words: &str) -> Self {
        match words {
            "Operational" => Self::Ready,
            "Starting" | "Starting print from SD" => Self::Starting,
            "Printing" | "Printing from SD" | "Pausing" | "Resuming" | "Finishing" => Self::Printing,
            "Cancelling" => Self::Cancelling,
            "Paused" => Self::Paused,
            "Offline" | "Closed" => Self::Offline,
            "Connecting"
            | "Opening serial connection"
            | "Opening serial port"
            | "Detecting serial connection"
            | "Detecting serial port"
            | "Detecting baudrate" => Self::Connecting,
            words if words.starts_with("Error") || words.starts_with("Offline") => Self::Failed,
            _ => Self::Other,
        }
    }

    /// A print is on the printer.
    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Starting | Self::Printing | Self::Cancelling | Self::Paused)
    }

    /// OctoPrint is there, and its printer is not.
    pub(super) const fn is_disconnected(self) -> bool {
        matches!(self, Self::Offline | Self::Connecting | Self::Failed)
    }
}

/// What a message says of state and job, both at one moment. Only such messages are used for them: a
/// state beside the job of another moment would give a print to the wrong owner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    /// What it does.
    pub phase: Phase,
    /// Its own word for that.
    pub words: String,
    /// An error that it tells.
    pub error: Option<String>,
    /// The selected file: its path in the storage and its name.
    pub file: Option<SelectedFile>,
    /// How far it is.
    pub progress: Progress,
}

/// The file that OctoPrint has selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SelectedFile {
    /// Its path in the storage.
    pub path: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// How far a print is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Progress {
    /// 0 to 1.
    pub share: Option<f64>,
    /// Seconds that it took so far.
    pub elapsed: Option<u32>,
    /// Seconds that it still takes.
    pub remaining: Option<u32>,
}

impl Picture {
    /// From the answer to `/api/job`, or from the push messages `current` and `history`.
    pub(super) fn read(message: &Value) -> Option<Self> {
        let state = message.get("state")?;
        let words = text(Some(state)).or_else(|| text(state.get("text")))?;
        let error = text(message.get("error")).or_else(|| text(state.get("error")));
        let file = message.pointer("/job/file").map(|file| SelectedFile {
            path: text(file.get("path")),
            name: text(file.get("display")).or_else(|| text(file.get("name"))),
        });
        let progress = |key: &str| message.get("progress").and_then(|progress| number(progress.get(key)));
        let progress = Progress {
            share: progress("completion").map(|percent| (percent / 100.0).clamp(0.0, 1.0)),
            elapsed: progress("printTime").and_then(seconds),
            remaining: progress("printTimeLeft").and_then(seconds),
        };
        Some(Self { phase: Phase::of(&words), words, error, file, progress })
    }
}

/// Temperatures: of `/api/printer` (`temperature`), or the newest of a push message (`temps`).
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Temperatures {
    /// In the order of the tools.
    pub nozzles: Vec<Temperature>,
    /// The bed.
    pub bed: Option<Temperature>,
    /// The chamber.
    pub chamber: Option<Temperature>,
}

impl Temperatures {
    /// None if the message says nothing of them.
    pub(super) fn read(message: &Value) -> Option<Self> {
        let values = message.get("temperature").or_else(|| message.get("temps")?.as_array()?.last())?;
        let one = |key: &str| {
            let value = values.get(key)?;
            let actual_celsius = number(value.get("actual"))?;
            Some(Temperature { actual_celsius, target_celsius: number(value.get("target")) })
        };
        let nozzles: Vec<Temperature> = (0..).map_while(|tool| one(&format!("tool{tool}"))).collect();
        let read = Self { nozzles, bed: one("bed"), chamber: one("chamber") };
        (read != Self::default()).then_some(read)
    }
}

/// What the storage says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredFile {
    /// Bytes.
    pub size: u64,
    /// Prints of it that ended well.
    pub successes: u64,
    /// Prints of it that did not, cancelled ones among them.
    pub failures: u64,
}

impl StoredFile {
    pub(super) fn read(message: &Value) -> Option<Self> {
        let count = |key: &str| number(message.pointer(&format!("/prints/{key}"))).map_or(0, whole);
        Some(Self { size: whole(number(message.get("size"))?), successes: count("success"), failures: count("failure") })
    }

    /// It was printed, so its history is no longer that of one attempt.
    pub(super) const fn is_used(self) -> bool {
        self.successes > 0 || self.failures > 0
    }
}

/// Our token, if the path is that of one of our copies.
pub(super) fn token_of(path: &str) -> Option<Token> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    Token::read(name.strip_suffix(EXTENSION)?.strip_suffix('.')?)
}

/// The body as JSON.
pub(super) fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// What the server says of a call that it did not do, fit for a person.
pub(super) fn refusal(answer: &Answer) -> String {
    let said = json(answer).and_then(|body| text(body.get("error")));
    said.map_or_else(|| format!("HTTP {}", answer.status), |said| said.chars().take(300).collect())
}

/// A text that says something.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A number, also one that came as a text.
pub(super) fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

/// A number of bytes, prints or seconds; `as` cuts off what is negative or absurd.
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

fn seconds(number: f64) -> Option<u32> {
    u32::try_from(whole(number)).ok()
}
