//! A file's way to Moonraker: once per content, then a copy under the token, made on the server. Each
//! step looks before it does, so that a send that was cut anywhere is simply begun anew. Starts nothing.

use domain::attempt::Token;
use domain::id::AttemptId;
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::requests::{Purpose, Reply, content_name, copy_name};
use super::wire::{Listing, json};
use crate::contract::{Content, Report, SendProblem};
use crate::web::{Ask, NoAnswer};

/// Ends of names that Klipper's files have. All else it must not get under that name.
const STREAMED: [&str; 3] = ["gcode", "gco", "g"];

/// Progress is told at most so often.
const TELL_MS: i64 = 1_000;

/// A folder that was just made is left alone so long: a copy into one that Moonraker still takes note of was
/// seen to hang for good, and with it all that Moonraker does with files.
const FOLDER_SETTLES_MS: i64 = 3_000;

/// The file that is on its way.
#[derive(Debug)]
pub(super) struct Sending {
    attempt: AttemptId,
    token: Token,
    content: Content,
    step: Step,
    call: u64,
    told_at: Option<Timestamp>,
    /// The folder was just made, and this is when it goes on.
    goes_on_at: Option<Timestamp>,
}

/// What is being done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What is there from an earlier try?
    Look,
    /// There must be a folder.
    Folder,
    /// Bring it; the server compares it with its SHA-256.
    Upload,
    /// Copy it, over what is left of an earlier copy.
    Copy,
    /// Is the copy whole?
    Check,
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
            let detail = format!("Klipper prints G-code text, not {} files", content.extension);
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Refused, detail });
        }
        if !self.is_usable() {
            let detail = "Moonraker or Klipper is not there".to_owned();
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
        }
        let sending = Sending { attempt, token, content, step: Step::Look, call: 0, told_at: Some(now), goes_on_at: None };
        self.go_on(sending, Step::Look);
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
        let requests = &mut self.requests;
        let ask = match step {
            Step::Look | Step::Check => requests.listing(Purpose::Send),
            Step::Folder => requests.make_folder(),
            Step::Upload => requests.upload(sending.content.clone()),
            Step::Copy => requests.copy(&content_name(&sending.content), &copy_name(&sending.token)),
        };
        sending.step = step;
        sending.call = requests.last_id();
        self.sending = Some(sending);
        self.ask(ask);
    }

    pub(super) fn sending_moment(&self) -> Option<Timestamp> {
        self.sending.as_ref().and_then(|sending| sending.goes_on_at)
    }

    pub(super) fn go_on_sending(&mut self, now: Timestamp) {
        if let Some(mut sending) = self.sending.take_if(|sending| sending.goes_on_at.is_some_and(|moment| moment <= now)) {
            sending.goes_on_at = None;
            self.go_on(sending, Step::Upload);
        }
    }

    pub(super) fn send_went_on(&mut self, now: Timestamp, call: u64, reply: Reply) {
        let Some(mut sending) = self.sending.take_if(|sending| sending.call == call) else { return };
        match next(&sending, &reply) {
            Next::Step(step) => self.go_on(sending, step),
            Next::Settle => {
                sending.goes_on_at = Some(now.plus_millis(FOLDER_SETTLES_MS));
                self.sending = Some(sending);
            }
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
    Settle,
    Sent,
    Failed(SendProblem, String),
}

fn next(sending: &Sending, reply: &Reply) -> Next {
    let answer = match reply {
        Ok(answer) => answer,
        Err(why) => {
            let problem = if *why == NoAnswer::ContentMissing { SendProblem::ContentMissing } else { SendProblem::Link };
            return Next::Failed(problem, in_words(reply));
        }
    };
    match sending.step {
        Step::Look => {
            Listing::read(answer).map_or_else(|| refused(reply, answer.status), |listing| after_look(sending, &listing))
        }
        Step::Folder if matches!(answer.status, 200 | 201) => Next::Settle,
        Step::Upload if answer.status == 201 => {
            // The server may have worked on the file after it compared it; a print must not have begun.
            let started =
                json(answer).is_some_and(|body| body.get("print_started").and_then(|told| told.as_bool()) == Some(true));
            if started {
                Next::Failed(SendProblem::Refused, "the server printed on upload".to_owned())
            } else {
                Next::Step(Step::Copy)
            }
        }
        Step::Copy if (200..300).contains(&answer.status) => Next::Step(Step::Check),
        Step::Check => {
            Listing::read(answer).map_or_else(|| refused(reply, answer.status), |listing| after_check(sending, &listing))
        }
        Step::Folder | Step::Upload | Step::Copy => refused(reply, answer.status),
    }
}

fn after_look(sending: &Sending, listing: &Listing) -> Next {
    let size = Some(sending.content.size_bytes);
    if listing.size_of(&copy_name(&sending.token)) == size {
        Next::Sent
    } else if listing.size_of(&content_name(&sending.content)) == size {
        Next::Step(Step::Copy)
    } else if listing.free.is_some_and(|free| free < sending.content.size_bytes) {
        Next::Failed(SendProblem::StorageFull, "the printer's disk has no room for the file".to_owned())
    } else if listing.is_there {
        Next::Step(Step::Upload)
    } else {
        Next::Step(Step::Folder)
    }
}

/// The copy is held to what the server has of the content: a server that adds object labels to what it
/// gets has more than was sent.
fn after_check(sending: &Sending, listing: &Listing) -> Next {
    let copy = listing.size_of(&copy_name(&sending.token));
    if copy.is_some() && copy == listing.size_of(&content_name(&sending.content)) {
        Next::Sent
    } else {
        Next::Failed(SendProblem::Link, "the copy of the file on the server is not whole".to_owned())
    }
}

fn refused(reply: &Reply, status: u16) -> Next {
    let problem = match status {
        507 => SendProblem::StorageFull,
        // 403: the file is in use, 408 and 429: come later, 422: it arrived broken.
        403 | 408 | 409 | 422 | 429 | 500.. => SendProblem::Link,
        _ => SendProblem::Refused,
    };
    Next::Failed(problem, in_words(reply))
}
