//! What PrusaLink's messages mean, of a printer's own and of a Raspberry Pi's. Reads leniently: numbers may
//! be texts, unknown things are passed over, and what a message does not say is `None`, never a default.

use domain::attempt::Token;
use domain::telemetry::Temperature;
use serde_json::Value;

use crate::web::Answer;

/// What the printer does, from its word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Ready for work.
    Idle,
    /// Somebody said at the screen that it is ready.
    Ready,
    /// It does something: homing, heating, parking, a menu.
    Busy,
    /// A print runs.
    Printing,
    /// A print stands still.
    Paused,
    /// A print came to its end. A Raspberry Pi shows it for some seconds, a printer until its screen is left.
    Finished,
    /// A print was stopped. Shown as long as [`Self::Finished`].
    Stopped,
    /// It reports a fault.
    Failed,
    /// Its screen asks something: only a person at it can answer.
    Attention,
    /// A word that we do not know: nothing may be started.
    Other,
}

impl Phase {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "IDLE" => Self::Idle,
            "READY" => Self::Ready,
            "BUSY" => Self::Busy,
            "PRINTING" => Self::Printing,
            "PAUSED" => Self::Paused,
            "FINISHED" => Self::Finished,
            "STOPPED" => Self::Stopped,
            "ERROR" => Self::Failed,
            "ATTENTION" => Self::Attention,
            _ => Self::Other,
        }
    }

    /// A job that is told beside it is a print on the printer.
    pub(super) const fn may_hold_a_print(self) -> bool {
        match self {
            Self::Busy | Self::Printing | Self::Paused | Self::Failed | Self::Attention | Self::Other => true,
            Self::Idle | Self::Ready | Self::Finished | Self::Stopped => false,
        }
    }
}

/// What `/api/v1/status` says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    /// What it does.
    pub phase: Phase,
    /// Its own word for that.
    pub word: String,
    /// The job, if it tells of one.
    pub job: Option<Progress>,
    /// The nozzle.
    pub nozzle: Option<Temperature>,
    /// The bed.
    pub bed: Option<Temperature>,
    /// What a Raspberry Pi says is wrong with its printer.
    pub wrong: Option<String>,
}

/// A job and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    /// PrusaLink's number for it.
    pub id: u64,
    /// 0 to 1.
    pub share: Option<f64>,
    /// Seconds that it took so far.
    pub elapsed: Option<u32>,
    /// Seconds that it still takes.
    pub remaining: Option<u32>,
}

impl Status {
    pub(super) fn read(message: &Value) -> Option<Self> {
        let printer = message.get("printer")?;
        let word = text(printer.get("state"))?;
        let temperature = |actual: &str, target: &str| {
            let actual_celsius = number(printer.get(actual))?;
            Some(Temperature { actual_celsius, target_celsius: number(printer.get(target)) })
        };
        let condition = printer.get("status_printer");
        let is_wrong = condition.and_then(|condition| condition.get("ok")?.as_bool()) == Some(false);
        Some(Self {
            phase: Phase::of(&word),
            job: message.get("job").and_then(Progress::read),
            nozzle: temperature("temp_nozzle", "target_nozzle"),
            bed: temperature("temp_bed", "target_bed"),
            wrong: condition.filter(|_| is_wrong).and_then(|condition| text(condition.get("message"))),
            word,
        })
    }
}

impl Progress {
    fn read(job: &Value) -> Option<Self> {
        Some(Self {
            id: whole(number(job.get("id"))?),
            share: number(job.get("progress")).map(|percent| (percent / 100.0).clamp(0.0, 1.0)),
            elapsed: number(job.get("time_printing")).and_then(seconds),
            remaining: number(job.get("time_remaining")).and_then(seconds),
        })
    }
}

/// What `/api/v1/job` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// PrusaLink's number for it.
    pub id: u64,
    /// What becomes of it. Less than the printer's own state, which knows more of words.
    pub phase: Phase,
    /// The file's long name.
    pub file: Option<String>,
}

impl Job {
    pub(super) fn read(message: &Value) -> Option<Self> {
        let file = message.get("file");
        Some(Self {
            id: whole(number(message.get("id"))?),
            phase: Phase::of(&text(message.get("state")).unwrap_or_default()),
            // The short name is one of eight letters on a printer: no token fits into it.
            file: file.and_then(|file| text(file.get("display_name")).or_else(|| text(file.get("name")))),
        })
    }

    /// Our token, if the file is one of ours.
    pub(super) fn token(&self) -> Option<Token> {
        token_of(self.file.as_deref()?)
    }
}

/// Where files can be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The storage's name in paths, such as `usb`; none if there is none that can be written.
    pub storage: Option<String>,
    /// Room in it, where that is told.
    pub free_bytes: Option<u64>,
    /// What hinders, for people.
    pub problem: Option<&'static str>,
}

impl Place {
    /// The storage that is there and can be written, of the answer to `/api/v1/storage`.
    pub(super) fn read(message: &Value) -> Option<Self> {
        let list = message.get("storage_list")?.as_array()?;
        let is = |storage: &Value, what: &str, unsaid: bool| storage.get(what).and_then(Value::as_bool).unwrap_or(unsaid);
        let name =
            |storage: &Value| Some(text(storage.get("path"))?.trim_matches('/').to_owned()).filter(|name| !name.is_empty());
        let usable = list.iter().find(|one| is(one, "available", true) && !is(one, "read_only", false) && name(one).is_some());
        let on_usb = list.iter().any(|storage| name(storage).as_deref() == Some("usb"));
        let locked = list.iter().any(|one| is(one, "available", true) && is(one, "read_only", false));
        Some(match usable {
            Some(storage) => {
                Self { storage: name(storage), free_bytes: number(storage.get("free_space")).map(whole), problem: None }
            }
            None => {
                let problem = match (on_usb, locked) {
                    (true, false) => "no USB drive is in the printer: put one in",
                    (true, true) => "the USB drive in the printer cannot be written: put another one in",
                    (false, true) => "PrusaLink has only a storage that cannot be written",
                    (false, false) => "PrusaLink has no storage for files: look at its page, Storage",
                };
                Self { storage: None, free_bytes: None, problem: Some(problem) }
            }
        })
    }

    /// The server is in the printer's own firmware.
    pub(super) fn is_in_the_printer(&self) -> bool {
        self.storage.as_deref() == Some("usb")
    }
}

/// What is said of a file that lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    /// Bytes.
    pub size: u64,
    /// It still comes in.
    pub is_partial: bool,
}

impl Stored {
    pub(super) fn read(message: &Value) -> Option<Self> {
        let is_partial = message.get("ro").and_then(Value::as_bool).unwrap_or(false);
        Some(Self { size: whole(number(message.get("size"))?), is_partial })
    }
}

/// The names of the files in a folder, as people see them.
pub(super) fn names(message: &Value) -> Vec<String> {
    let children = message.get("children").and_then(Value::as_array);
    let name = |child: &Value| text(child.get("display_name")).or_else(|| text(child.get("name")));
    children.into_iter().flatten().filter_map(name).collect()
}

/// Our token, if a file of that name is one of ours.
pub(super) fn token_of(name: &str) -> Option<Token> {
    let name = name.rsplit('/').next()?;
    let (stem, extension) = name.split_once('.')?;
    matches!(extension, "gcode" | "bgcode").then(|| Token::read(stem)).flatten()
}

/// The body as JSON.
pub(super) fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// What the server says of a call that it did not do, fit for a person. A printer answers in plain text, a
/// Raspberry Pi in JSON.
pub(super) fn refusal(answer: &Answer) -> String {
    let said = match json(answer) {
        Some(body) => text(body.get("message")).or_else(|| text(body.get("title"))),
        None => {
            let body = String::from_utf8_lossy(&answer.body);
            let line = body.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.contains('<'));
            line.map(str::to_owned)
        }
    };
    said.map_or_else(|| format!("HTTP {}", answer.status), |said| said.chars().take(300).collect())
}

/// A text that says something.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A number, also one that came as a text.
fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

/// A number of bytes, jobs or seconds; `as` cuts off what is negative or absurd.
const fn whole(number: f64) -> u64 {
    number as u64
}

fn seconds(number: f64) -> Option<u32> {
    u32::try_from(whole(number)).ok()
}
