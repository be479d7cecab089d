//! What Moonraker's messages mean. Reads leniently: numbers may be texts, unknown things are passed over,
//! and what a message does not say is `None`, never a default.

use std::collections::BTreeMap;

use domain::attempt::Token;
use domain::telemetry::Temperature;
use serde_json::{Map, Value};

use super::{EXTENSION, FOLDER};
use crate::web::Answer;

/// Where Klipper stands, from Moonraker's or its own word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// It does not run, or Moonraker has no contact to it.
    Away,
    /// It comes up, or a word that we do not know: it prints nothing.
    Starting,
    /// It is ready for work.
    Ready,
    /// It stopped over a fault and needs a restart.
    Halted,
}

impl Host {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            "shutdown" | "error" => Self::Halted,
            "disconnected" => Self::Away,
            _ => Self::Starting,
        }
    }
}

/// What Klipper does with its file, from its word for it. All but the second and third stay until the next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was printed since Klipper came up.
    Standby,
    /// A print runs: also while it heats, goes to pause or is cancelled.
    Printing,
    /// A print stands still.
    Paused,
    /// The last print came to its end.
    Complete,
    /// The last print was cancelled.
    Cancelled,
    /// The last print failed.
    Failed,
    /// A word that we do not know: nothing may be started.
    Other,
}

impl Phase {
    fn of(word: &str) -> Self {
        match word {
            "standby" => Self::Standby,
            "printing" => Self::Printing,
            "paused" => Self::Paused,
            "complete" => Self::Complete,
            "cancelled" => Self::Cancelled,
            "error" => Self::Failed,
            _ => Self::Other,
        }
    }

    /// A print is on the printer.
    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Printing | Self::Paused)
    }

    /// The last print is over, and how it went is shown.
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled | Self::Failed)
    }
}

/// Klipper's objects as they were last told. A change names only what changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Status(BTreeMap<String, Map<String, Value>>);

impl Status {
    pub(super) fn merge(&mut self, change: &Value) {
        for (name, fields) in change.as_object().into_iter().flatten() {
            if let Some(fields) = fields.as_object() {
                self.0.entry(name.clone()).or_default().extend(fields.clone());
            }
        }
    }

    pub(super) fn get(&self, object: &str, field: &str) -> Option<&Value> {
        self.0.get(object)?.get(field)
    }

    fn number(&self, object: &str, field: &str) -> Option<f64> {
        number(self.get(object, field))
    }

    /// Where Klipper stands, with its words for that.
    pub(super) fn host(&self) -> Option<(Host, String)> {
        let word = text(self.get("webhooks", "state"))?;
        let words = text(self.get("webhooks", "state_message")).unwrap_or_else(|| word.clone());
        Some((Host::of(&word), one_line(&words)))
    }

    /// The picture of the print; none if Klipper tells of none.
    pub(super) fn picture(&self) -> Option<Picture> {
        let words = text(self.get("print_stats", "state"))?;
        Some(Picture {
            phase: Phase::of(&words),
            words,
            file: text(self.get("print_stats", "filename")),
            message: text(self.get("print_stats", "message")).map(|message| one_line(&message)),
            extruded: self.number("print_stats", "print_duration").is_some_and(|seconds| seconds > 0.0),
            moves: text(self.get("idle_timeout", "state")).is_some_and(|state| state == "Printing"),
            out_of_filament: self.0.iter().any(|(name, fields)| is_sensor(name) && is_empty(fields)),
        })
    }

    pub(super) fn progress(&self) -> Progress {
        let share = self.number("display_status", "progress").or_else(|| self.number("virtual_sdcard", "progress"));
        let layer = |field: &str| number(self.get("print_stats", "info")?.get(field)).and_then(small);
        Progress {
            share: share.map(|share| share.clamp(0.0, 1.0)),
            elapsed: self.number("print_stats", "print_duration").and_then(small),
            layer: layer("current_layer"),
            layers: layer("total_layer"),
        }
    }

    /// In the order of the tools.
    pub(super) fn nozzles(&self) -> Vec<Temperature> {
        let name = |tool: u32| if tool == 0 { "extruder".to_owned() } else { format!("extruder{tool}") };
        (0..).map_while(|tool| self.temperature(&name(tool))).collect()
    }

    pub(super) fn bed(&self) -> Option<Temperature> {
        self.temperature("heater_bed")
    }

    pub(super) fn chamber(&self) -> Option<Temperature> {
        self.0.keys().filter(|name| is_chamber(name)).find_map(|name| self.temperature(name))
    }

    fn temperature(&self, object: &str) -> Option<Temperature> {
        let actual_celsius = self.number(object, "temperature")?;
        Some(Temperature { actual_celsius, target_celsius: self.number(object, "target") })
    }
}

/// What Klipper shows of its print at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// What it does.
    pub phase: Phase,
    /// Its own word for that.
    pub words: String,
    /// The file's path under the folder of files.
    pub file: Option<String>,
    /// Why the last print failed.
    pub message: Option<String>,
    /// Something was extruded in this print.
    pub extruded: bool,
    /// The machine moves, in a print or without one.
    pub moves: bool,
    /// A sensor that is switched on finds no filament.
    pub out_of_filament: bool,
}

impl Picture {
    /// Our token, if the file is one of our copies.
    pub(super) fn token(&self) -> Option<Token> {
        self.file.as_deref().and_then(token_of)
    }

    /// The token of the print that is on the printer.
    pub(super) fn active_token(&self) -> Option<Token> {
        if self.phase.is_active() { self.token() } else { None }
    }

    /// Nothing is printed and nothing moves.
    pub(super) fn is_idle(&self) -> bool {
        (self.phase == Phase::Standby || self.phase.is_over()) && !self.moves
    }
}

/// How far a print is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Progress {
    /// 0 to 1.
    pub share: Option<f64>,
    /// Seconds that it has printed, heating and pauses not counted.
    pub elapsed: Option<u32>,
    /// The layer being printed.
    pub layer: Option<u32>,
    /// Layers in all.
    pub layers: Option<u32>,
}

/// A whole picture: the answer to a query, and to the subscription.
pub(super) struct Whole<'a> {
    /// Klipper's clock.
    pub at: f64,
    /// The objects.
    pub status: &'a Value,
}

impl<'a> Whole<'a> {
    pub(super) fn read(message: &'a Value) -> Option<Self> {
        let result = message.get("result")?;
        let status = result.get("status").filter(|status| status.is_object())?;
        Some(Self { at: number(result.get("eventtime"))?, status })
    }
}

/// A job of Moonraker's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastJob {
    /// Whose it was.
    pub token: Token,
    /// How it went.
    pub fate: Fate,
}

/// What the history says of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came to its end.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// A command of it failed.
    Failed,
    /// Klipper stopped over a fault in it.
    Halted,
    /// Klipper was restarted or lost in it.
    HostLost,
    /// It runs, or Moonraker itself went away in it, or a word that we do not know: that proves no end.
    Open,
}

impl PastJob {
    /// None if it is none of ours.
    pub(super) fn read(job: &Value) -> Option<Self> {
        let token = text(job.get("filename")).as_deref().and_then(token_of)?;
        let fate = match text(job.get("status"))?.as_str() {
            "completed" => Fate::Completed,
            "cancelled" => Fate::Cancelled,
            "error" => Fate::Failed,
            "klippy_shutdown" => Fate::Halted,
            "klippy_disconnect" => Fate::HostLost,
            _ => Fate::Open,
        };
        Some(Self { token, fate })
    }
}

/// A file in our folder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredFile {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When it was written, in seconds.
    pub modified: f64,
}

/// What lies in our folder, and the room that is left.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listing {
    /// The folder is there.
    pub is_there: bool,
    /// The files.
    pub files: Vec<StoredFile>,
    /// Bytes.
    pub free: Option<u64>,
}

impl Listing {
    /// None if the answer is no listing. A folder that is not there has no files.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        match answer.status {
            400 | 404 => Some(Self::default()),
            200 => {
                let body = json(answer)?;
                let result = body.get("result")?;
                let files = result.get("files")?.as_array()?.iter().filter_map(StoredFile::read).collect();
                Some(Self { is_there: true, files, free: number(result.pointer("/disk_usage/free")).map(whole) })
            }
            _ => None,
        }
    }

    /// The size of the file with that name.
    pub(super) fn size_of(&self, name: &str) -> Option<u64> {
        self.files.iter().find(|file| file.name == name).map(|file| file.size)
    }
}

impl StoredFile {
    fn read(file: &Value) -> Option<Self> {
        let name = text(file.get("filename"))?;
        Some(Self { name, size: whole(number(file.get("size"))?), modified: number(file.get("modified")).unwrap_or(0.0) })
    }
}

/// Whether the object is one of those that are looked at.
pub(super) fn is_of_use(object: &str) -> bool {
    const PLAIN: [&str; 7] =
        ["webhooks", "print_stats", "virtual_sdcard", "display_status", "idle_timeout", "heater_bed", "exclude_object"];
    let is_nozzle = object.strip_prefix("extruder").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    PLAIN.contains(&object) || is_nozzle || is_sensor(object) || is_chamber(object)
}

/// Those of an object's fields that are of use; none: all of them.
pub(super) fn fields_of_use(object: &str) -> Option<&'static [&'static str]> {
    if object.starts_with("extruder") || object == "heater_bed" || is_chamber(object) {
        Some(&["temperature", "target"])
    } else if is_sensor(object) {
        Some(&["filament_detected", "enabled"])
    } else {
        None
    }
}

fn is_sensor(object: &str) -> bool {
    object.starts_with("filament_switch_sensor ") || object.starts_with("filament_motion_sensor ")
}

fn is_chamber(object: &str) -> bool {
    let kinds = ["heater_generic ", "temperature_sensor ", "temperature_fan "];
    let named = kinds.iter().find_map(|kind| object.strip_prefix(kind));
    named.is_some_and(|name| name.to_ascii_lowercase().contains("chamber"))
}

fn is_empty(sensor: &Map<String, Value>) -> bool {
    let says = |field: &str, value: bool| sensor.get(field).and_then(Value::as_bool) == Some(value);
    says("enabled", true) && says("filament_detected", false)
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
    let said = json(answer).and_then(|body| text(body.pointer("/error/message")));
    said.map_or_else(|| format!("HTTP {}", answer.status), |said| one_line(&said))
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

/// A number of bytes; `as` cuts off what is negative or absurd.
fn whole(number: f64) -> u64 {
    number as u64
}

fn small(number: f64) -> Option<u32> {
    u32::try_from(whole(number)).ok()
}

/// Klipper breaks its messages into lines.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
