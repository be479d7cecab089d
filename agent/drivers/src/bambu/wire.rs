//! What the machine's messages mean. Reads leniently: numbers may be texts, unknown things are passed over, and
//! what a message does not say is `None`, never a default.

use domain::attempt::Token;
use serde_json::{Map, Value};

use super::OURS;

/// More parts than any machine tells of; what tells more is not kept.
const PARTS_AT_MOST: usize = 20_000;

/// One message.
#[derive(Debug)]
pub(super) enum Message {
    /// An answer to a command, ours or that of another program.
    Answer(Answer),
    /// A report: all that there is, or what changed.
    Report(Map<String, Value>),
    /// Something else.
    Other,
}

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The number of the command.
    pub number: Option<u64>,
    /// Why not; none if it was done.
    pub refused: Option<String>,
    /// The machine wants commands signed by its maker.
    pub wants_signature: bool,
    /// The firmware, if that was asked.
    pub firmware: Option<String>,
}

impl Message {
    /// Reads one; none if it is no JSON object.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        let (class, body) = message.as_object()?.iter().next()?;
        let Some(body) = body.as_object() else { return Some(Self::Other) };
        if body.contains_key("result") || body.contains_key("module") {
            return Some(Self::Answer(Answer::read(body)));
        }
        let is_report = class == "print" && body.get("command").is_none_or(|command| command == "push_status");
        Some(if is_report { Self::Report(body.clone()) } else { Self::Other })
    }
}

impl Answer {
    fn read(body: &Map<String, Value>) -> Self {
        let result = text(body.get("result")).unwrap_or_default();
        let reason = text(body.get("reason")).filter(|reason| !reason.eq_ignore_ascii_case("success"));
        let code = number(body.get("err_code")).and_then(whole).and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
        let unsigned = super::words::UNSIGNED_CODES.contains(&code)
            || reason.as_ref().is_some_and(|reason| reason.to_ascii_lowercase().contains("verify failed"));
        let failed = unsigned || !(result.is_empty() || result.eq_ignore_ascii_case("success"));
        Self {
            number: number(body.get("sequence_id")).and_then(whole),
            refused: failed.then(|| match (unsigned, reason) {
                (true, _) => super::words::NO_CONTROL.to_owned(),
                (false, Some(reason)) => one_line(&reason),
                (false, None) => "it gives no reason".to_owned(),
            }),
            wants_signature: unsigned,
            firmware: firmware(body),
        }
    }
}

fn firmware(body: &Map<String, Value>) -> Option<String> {
    let modules = body.get("module")?.as_array()?;
    let main = modules.iter().find(|module| module.get("name").is_some_and(|name| name == "ota"))?;
    text(main.get("sw_ver")).map(|version| one_line(&version))
}

/// The machine as it was last told. A change names only what changed; lists come whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Status {
    fields: Map<String, Value>,
    whole: bool,
}

/// What the machine does with its print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was printed since it came up.
    Idle,
    /// It makes a print ready.
    Preparing,
    /// It prints.
    Running,
    /// A print stands still.
    Paused,
    /// The last print came to its end.
    Finished,
    /// The last print did not: it failed, or was cancelled.
    Failed,
    /// A word that we do not know, or none: nothing may be started.
    Other,
}

impl State {
    fn of(word: &str) -> Self {
        match word {
            "IDLE" => Self::Idle,
            "PREPARE" | "SLICING" | "INIT" => Self::Preparing,
            "RUNNING" => Self::Running,
            "PAUSE" => Self::Paused,
            "FINISH" => Self::Finished,
            "FAILED" => Self::Failed,
            _ => Self::Other,
        }
    }

    /// A print is on the printer.
    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Preparing | Self::Running | Self::Paused)
    }

    /// Nothing is printed.
    pub(super) const fn is_rest(self) -> bool {
        matches!(self, Self::Idle | Self::Finished | Self::Failed)
    }
}

impl Status {
    /// Takes a report. What would grow without end is dropped, and asked for anew.
    pub(super) fn take(&mut self, report: Map<String, Value>) {
        let all = number(report.get("msg")).map_or_else(|| report.contains_key("gcode_state"), |kind| kind == 0.0);
        merge(&mut self.fields, report);
        self.whole |= all && self.fields.contains_key("gcode_state");
        if parts(&self.fields) > PARTS_AT_MOST {
            *self = Self::default();
        }
    }

    /// All of it was told once.
    pub(super) const fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    pub(super) fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.fields.get(*first)?, |value, field| value.get(field))
    }

    pub(super) fn number(&self, field: &str) -> Option<f64> {
        number(self.get(field))
    }

    pub(super) fn count(&self, field: &str) -> Option<u32> {
        self.number(field).and_then(whole).and_then(|count| u32::try_from(count).ok())
    }

    pub(super) fn text(&self, field: &str) -> Option<String> {
        text(self.get(field))
    }

    /// A field of bits, written in hex.
    pub(super) fn bits(&self, path: &[&str]) -> Option<u64> {
        bits(self.at(path))
    }

    pub(super) fn state(&self) -> State {
        self.text("gcode_state").map_or(State::Other, |word| State::of(&word))
    }

    /// The machine's error, 0 if there is none.
    pub(super) fn error(&self) -> u32 {
        self.count("print_error").unwrap_or(0)
    }

    /// The health list.
    pub(super) fn health(&self) -> Vec<(u32, u32)> {
        let entry = |entry: &Value| {
            let half = |field| number(entry.get(field)).and_then(whole).and_then(|half| u32::try_from(half).ok());
            Some((half("attr")?, half("code")?))
        };
        self.get("hms").and_then(Value::as_array).into_iter().flatten().filter_map(entry).collect()
    }

    /// The name of the print that is on the printer or was last.
    pub(super) fn name(&self) -> Option<String> {
        self.text("subtask_name").or_else(|| self.text("gcode_file"))
    }

    /// Our token in it.
    pub(super) fn token(&self) -> Option<Token> {
        self.text("subtask_name").as_deref().and_then(token_of)
    }
}

/// The name of a print of ours.
pub(super) fn name_of(token: &Token) -> String {
    format!("{OURS}{}", token.as_str())
}

/// Our token, if a print of that name is ours. Some machines keep the end of the file's name.
pub(super) fn token_of(name: &str) -> Option<Token> {
    let rest = name.strip_prefix(OURS)?;
    Token::read(rest.split_once('.').map_or(rest, |(token, _)| token))
}

fn merge(into: &mut Map<String, Value>, change: Map<String, Value>) {
    for (field, value) in change {
        match (into.get_mut(&field), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(old), value) => *old = value,
            (None, value) => drop(into.insert(field, value)),
        }
    }
}

fn parts(fields: &Map<String, Value>) -> usize {
    fields.values().map(parts_of).sum()
}

fn parts_of(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + parts(fields),
        Value::Array(items) => 1 + items.iter().map(parts_of).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
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

pub(super) fn bits(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    let digits = |text: &str| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    value.as_str().and_then(digits).or_else(|| value.as_u64())
}

/// A whole number that is not negative.
pub(super) fn whole(number: f64) -> Option<u64> {
    (0.0..=9e15).contains(&number).then(|| format!("{number:.0}").parse().ok()).flatten()
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}
