//! What the machine is asked, and what each answer was for. Its answers go to everybody who listens, so our numbers
//! must not be those of another program.

use std::collections::BTreeMap;

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::package::PLATE;
use super::slots::Mapping;
use super::wire::name_of;
use crate::broker::{Ask, FileWork};
use crate::contract::{Content, Feed};

/// An answer that has not come by then does not come.
const ANSWER_MS: i64 = 10_000;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Who it is, or whether it is there.
    Version,
    /// Whether it answers, before a start.
    Before(Start),
    /// The start.
    Start(AttemptId, Token),
    /// A pause, resume or cancel.
    Act(Act),
    /// All that it has to tell.
    Picture,
}

/// A start that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub attempt: AttemptId,
    pub token: Token,
    pub content: Content,
    pub feeds: Vec<Feed>,
}

/// A pause, resume or cancel, behind its fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    pub verb: Verb,
    pub token: Token,
    pub command: Option<CommandId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Pause,
    Resume,
    Cancel,
}

/// What work with files is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilePurpose {
    Send,
    Listing,
    Remove,
}

#[derive(Debug)]
struct Open {
    purpose: Purpose,
    until: Timestamp,
}

/// The questions that are open.
#[derive(Debug)]
pub(super) struct Requests {
    topic: String,
    last: u64,
    lines: u64,
    open: BTreeMap<u64, Open>,
    files: BTreeMap<u64, FilePurpose>,
    last_file: u64,
}

impl Requests {
    pub(super) fn new(serial: &str) -> Self {
        let topic = format!("device/{serial}/");
        Self { topic, last: 0, lines: 0, open: BTreeMap::new(), files: BTreeMap::new(), last_file: 0 }
    }

    /// A new line. Numbers begin where no other program's are, nor ours of another life.
    pub(super) fn line(&mut self, now: Timestamp) -> Ask {
        self.lines += 1;
        self.last = 1_000_000_000 + u64::from(below(now.millis(), 1_000_000_000));
        let client_id = format!("gantry-{:x}-{}", now.millis(), self.lines);
        Ask::Open { client_id, topic: format!("{}report", self.topic) }
    }

    pub(super) fn version(&mut self, now: Timestamp, purpose: Purpose) -> Ask {
        self.ask(now, purpose, "info", "get_version", json!({}))
    }

    pub(super) fn picture(&mut self, now: Timestamp) -> Ask {
        self.ask(now, Purpose::Picture, "pushing", "pushall", json!({"version": 1, "push_target": 1}))
    }

    /// The start: the file, its plate, and where each filament comes from. Numbers for the task that were never
    /// used, or the machine takes it for an old one.
    pub(super) fn start(&mut self, now: Timestamp, start: &Start, file: &str, mapping: Mapping) -> Ask {
        let task = task_number(&start.token, now);
        let fields = json!({
            "param": PLATE, "url": format!("ftp:///{file}"), "file": file, "md5": "", "bed_type": "auto",
            "timelapse": false, "bed_leveling": true, "bed_levelling": true, "flow_cali": false, "vibration_cali": true,
            "layer_inspect": false, "use_ams": mapping.use_ams, "ams_mapping": mapping.plain, "ams_mapping2": mapping.full,
            "subtask_name": name_of(&start.token), "profile_id": "0", "project_id": task, "task_id": task, "subtask_id": task,
        });
        self.ask(now, Purpose::Start(start.attempt, start.token.clone()), "print", "project_file", fields)
    }

    pub(super) fn act(&mut self, now: Timestamp, act: Act) -> Ask {
        let command = match act.verb {
            Verb::Pause => "pause",
            Verb::Resume => "resume",
            Verb::Cancel => "stop",
        };
        self.ask(now, Purpose::Act(act), "print", command, json!({"param": ""}))
    }

    fn ask(&mut self, now: Timestamp, purpose: Purpose, class: &str, command: &str, mut fields: Value) -> Ask {
        self.last += 1;
        fields["sequence_id"] = json!(self.last.to_string());
        fields["command"] = json!(command);
        // Nobody answers this one: the report is the answer.
        if purpose != Purpose::Picture {
            self.open.insert(self.last, Open { purpose, until: now.plus_millis(ANSWER_MS) });
        }
        Ask::Publish { topic: format!("{}request", self.topic), payload: json!({class: fields}).to_string() }
    }

    /// What was asked under that number, once.
    pub(super) fn close(&mut self, number: u64) -> Option<Purpose> {
        self.open.remove(&number).map(|open| open.purpose)
    }

    /// Something of that kind is open.
    pub(super) fn is_open(&self, what: impl Fn(&Purpose) -> bool) -> bool {
        self.open.values().any(|open| what(&open.purpose))
    }

    /// Those that are of that kind, closed.
    pub(super) fn close_all(&mut self, what: impl Fn(&Purpose) -> bool) -> Vec<Purpose> {
        let numbers: Vec<u64> = self.open.iter().filter(|(_, open)| what(&open.purpose)).map(|(number, _)| *number).collect();
        numbers.into_iter().filter_map(|number| self.close(number)).collect()
    }

    /// Those that nobody answered in time, closed.
    pub(super) fn close_late(&mut self, now: Timestamp) -> Vec<Purpose> {
        let late: Vec<u64> = self.open.iter().filter(|(_, open)| open.until <= now).map(|(number, _)| *number).collect();
        late.into_iter().filter_map(|number| self.close(number)).collect()
    }

    /// When the next is late.
    pub(super) fn next_late(&self) -> Option<Timestamp> {
        self.open.values().map(|open| open.until).min()
    }

    pub(super) fn files(&mut self, purpose: FilePurpose, work: FileWork) -> (u64, Ask) {
        self.last_file += 1;
        self.files.insert(self.last_file, purpose);
        (self.last_file, Ask::Files { id: self.last_file, work })
    }

    pub(super) fn close_files(&mut self, id: u64) -> Option<FilePurpose> {
        self.files.remove(&id)
    }

    /// Something of that kind is under way.
    pub(super) fn is_at(&self, purpose: FilePurpose) -> bool {
        self.files.values().any(|open| *open == purpose)
    }
}

/// A number for the task: of its token and of the moment, never 0.
fn task_number(token: &Token, now: Timestamp) -> String {
    let mixed = token
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let moment = u64::from(below(now.millis(), 0x7fff_ffff));
    let number = (mixed >> 33) ^ moment;
    format!("{}", (number & 0x7fff_ffff).max(1))
}

fn below(millis: i64, bound: u32) -> u32 {
    u32::try_from(millis.rem_euclid(i64::from(bound))).unwrap_or(0)
}
