//! A file's way to OctoPrint: once per content, then a copy under the token, made on the server. Each
//! step looks before it does, so that a send that was cut anywhere is simply begun anew. Starts nothing.

use domain::attempt::Token;
use domain::id::AttemptId;
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::requests::{Purpose, Reply, content_name, copy_name};
use super::wire::{StoredFile, json};
use crate::contract::{Content, Report, SendProblem};
use crate::web::{Answer, Ask, NoAnswer};

/// Ends of names that OctoPrint takes as text to be streamed. All else it must not get under that name.
const STREAMED: [&str; 3] = ["gcode", "gco", "g"];

/// Progress is told at most so often.
const TELL_MS: i64 = 1_000;

/// The file that is on its way.
#[derive(Debug)]
pub(super) struct Sending {
    attempt: AttemptId,
    token: Token,
    content: Content,
    step: Step,
    call: u64,
    told_at: Option<Timestamp>,
}

/// What is being done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There must be a folder: without it, looking for a file is a server error.
    Folder,
    /// Is the copy there from an earlier try?
    LookForCopy,
    /// It is not whole, or was printed: away with it.
    RemoveCopy,
    /// Is the content there?
    LookForContent,
    /// It is not whole, or was printed by somebody: the copy would inherit its history.
    RemoveContent,
    /// Bring it.
    Upload,
    /// Did all of it arrive?
    CheckContent,
    /// Copy it.
    Copy,
    /// Is the copy whole?
    CheckCopy,
}

impl Core {
    pub(super) fn send(&mut self, now: Timestamp, attempt: AttemptId, token: Token, content: Content) {
        if let Some(sending) = &self.sending {
            if sending.attempt != attempt {
                let detail = "another file is on its way to this printer".to_owned();
                self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
            }
            return;
        }
        if !STREAMED.contains(&content.extension.to_ascii_lowercase().as_str()) {
            let detail = format!("OctoPrint prints G-code text, not {} files", content.extension);
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Refused, detail });
        }
        if !self.is_usable() {
            let detail = "OctoPrint or its printer is not connected".to_owned();
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
        }
        let sending = Sending { attempt, token, content, step: Step::Folder, call: 0, told_at: Some(now) };
        self.go_on(sending, Step::Folder);
    }

    pub(super) fn stop_sending(&mut self, attempt: AttemptId) {
        if let Some(sending) = self.sending.take_if(|sending| sending.attempt == attempt) {
            self.requests.close(sending.call);
            self.ask(Ask::Abandon(sending.call));
        }
    }

    pub(super) fn uploaded(&mut self, now: Timestamp, call: u64, sent_bytes: u64) {
        let Some(sending) = self.sending.as_mut().filter(|sending| sending.call == call) else { return };
        if sending.told_at.is_some_and(|told_at| now.millis_since(told_at) < TELL_MS) {
            return;
        }
        sending.told_at = Some(now);
        let attempt = sending.attempt;
        self.report(Report::SendProgress { attempt, sent_bytes });
    }

    /// The names that must not be removed now.
    pub(super) fn is_being_sent(&self, name: &str) -> bool {
        self.sending.as_ref().is_some_and(|sending| content_name(&sending.content) == name)
    }

    fn go_on(&mut self, mut sending: Sending, step: Step) {
        let (content, copy) = (content_name(&sending.content), copy_name(&sending.token));
        let requests = &mut self.requests;
        let ask = match step {
            Step::Folder => requests.make_folder(),
            Step::LookForCopy | Step::CheckCopy => requests.look_at(&copy, Purpose::Send),
            Step::RemoveCopy => requests.remove(&copy, Purpose::Send),
            Step::LookForContent | Step::CheckContent => requests.look_at(&content, Purpose::Send),
            Step::RemoveContent => requests.remove(&content, Purpose::Send),
            Step::Upload => requests.upload(sending.content.clone()),
            Step::Copy => requests.copy(&content, &copy),
        };
        sending.step = step;
        sending.call = requests.last_id();
        self.sending = Some(sending);
        self.ask(ask);
    }

    pub(super) fn send_went_on(&mut self, call: u64, reply: Reply) {
        let Some(sending) = self.sending.take_if(|sending| sending.call == call) else { return };
        match next(&sending, &reply) {
            Next::Step(step) => self.go_on(sending, step),
            Next::Sent => {
                self.report(Report::Sent { attempt: sending.attempt });
                let room = self.requests.room();
                self.ask(room);
            }
            Next::Failed(problem, detail) => {
                self.report(Report::SendFailed { attempt: sending.attempt, problem, detail });
            }
        }
    }
}

/// What follows on an answer.
enum Next {
    Step(Step),
    Sent,
    Failed(SendProblem, String),
}

/// How a file that was looked for lies there.
enum Found {
    /// All of it, and never printed.
    Whole,
    /// Cut short, or printed already.
    Unfit,
    /// Not at all.
    Absent,
}

fn next(sending: &Sending, reply: &Reply) -> Next {
    let answer = match reply {
        Ok(answer) => answer,
        Err(why) => {
            let problem = if *why == NoAnswer::ContentMissing { SendProblem::ContentMissing } else { SendProblem::Link };
            return Next::Failed(problem, in_words(reply));
        }
    };
    let status = answer.status;
    let found = || found(answer, sending.content.size_bytes);
    let arrived = |unfit: &str| Next::Failed(SendProblem::Link, unfit.to_owned());
    match sending.step {
        Step::Folder if status == 201 => Next::Step(Step::LookForCopy),
        Step::LookForCopy => match found() {
            Some(Found::Whole) => Next::Sent,
            Some(Found::Unfit) => Next::Step(Step::RemoveCopy),
            Some(Found::Absent) => Next::Step(Step::LookForContent),
            None => refused(reply, status),
        },
        Step::RemoveCopy if matches!(status, 204 | 404) => Next::Step(Step::LookForContent),
        Step::LookForContent => match found() {
            Some(Found::Whole) => Next::Step(Step::Copy),
            Some(Found::Unfit) => Next::Step(Step::RemoveContent),
            Some(Found::Absent) => Next::Step(Step::Upload),
            None => refused(reply, status),
        },
        Step::RemoveContent if matches!(status, 204 | 404) => Next::Step(Step::Upload),
        Step::Upload if status == 201 => Next::Step(Step::CheckContent),
        Step::CheckContent => match found() {
            Some(Found::Whole) => Next::Step(Step::Copy),
            Some(Found::Unfit | Found::Absent) => arrived("the file did not arrive whole"),
            None => refused(reply, status),
        },
        // 409: it is there already, and is looked at next.
        Step::Copy if matches!(status, 201 | 409) => Next::Step(Step::CheckCopy),
        Step::CheckCopy => match found() {
            Some(Found::Whole) => Next::Sent,
            Some(Found::Unfit | Found::Absent) => arrived("the copy of the file on the server is not whole"),
            None => refused(reply, status),
        },
        Step::Folder | Step::RemoveCopy | Step::RemoveContent | Step::Upload | Step::Copy => refused(reply, status),
    }
}

fn found(answer: &Answer, size_bytes: u64) -> Option<Found> {
    match answer.status {
        404 => Some(Found::Absent),
        200 => {
            let stored = StoredFile::read(&json(answer)?)?;
            Some(if stored.size == size_bytes && !stored.is_used() { Found::Whole } else { Found::Unfit })
        }
        _ => None,
    }
}

fn refused(reply: &Reply, status: u16) -> Next {
    let problem = match status {
        507 => SendProblem::StorageFull,
        // 409: the file is in use, 408 and 429: come later.
        408 | 409 | 429 | 500.. => SendProblem::Link,
        _ => SendProblem::Refused,
    };
    Next::Failed(problem, in_words(reply))
}
