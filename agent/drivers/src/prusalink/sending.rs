//! A file's way to the printer: under the attempt's token, for PrusaLink has no copy on its side. It looks
//! before it sends and after, so that a send that was cut anywhere is simply begun anew, and one whose
//! answer was lost is not sent twice. Starts nothing: print-after-upload is never asked for.

use domain::attempt::Token;
use domain::id::AttemptId;
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::requests::{Reply, file_end, file_name};
use super::wire::{Place, Stored, json};
use crate::contract::{Content, Report, SendProblem};
use crate::web::NoAnswer;

/// Progress is told at most so often.
const TELL_MS: i64 = 1_000;

/// A Raspberry Pi sees a new file a moment later: so often it is looked for, and after such pauses.
const LOOKS: u32 = 10;
const LOOK_AGAIN_MS: i64 = 1_000;

/// The file that is on its way.
#[derive(Debug)]
pub(super) struct Sending {
    attempt: AttemptId,
    name: String,
    storage: String,
    content: Content,
    step: Step,
    told_at: Option<Timestamp>,
}

/// What is being done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Is it there from an earlier try?
    Look,
    /// Bring it.
    Upload,
    /// Did all of it arrive?
    Check {
        /// It was looked for so often.
        looks: u32,
        /// What was said of the upload, if it was refused: it may lie there all the same.
        refusal: Option<String>,
    },
    /// The same, at that moment.
    CheckAt(Timestamp, u32),
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
        match self.way(&content) {
            Ok((storage, end)) => {
                let name = file_name(&token, end);
                self.requests.look_at(&storage, &name);
                self.sending = Some(Sending { attempt, name, storage, content, step: Step::Look, told_at: Some(now) });
            }
            Err((problem, detail)) => self.report(Report::SendFailed { attempt, problem, detail }),
        }
    }

    /// The storage and the end of the name for that content, or what hinders it.
    fn way(&self, content: &Content) -> Result<(String, &'static str), (SendProblem, String)> {
        let refused = |detail: String| Err((SendProblem::Refused, detail));
        let Some(end) = file_end(content) else {
            return refused(format!("Prusa printers print G-code, not {} files", content.extension));
        };
        if content.size_bytes == 0 {
            return refused("the file is empty".to_owned());
        }
        let Some(place) = self.view.place.as_ref().filter(|_| self.is_up() && self.view.shown.is_some()) else {
            return Err((SendProblem::Link, "PrusaLink cannot be reached".to_owned()));
        };
        let Some(storage) = &place.storage else {
            return Err((SendProblem::StorageFull, place.problem.unwrap_or_default().to_owned()));
        };
        if end == "bgcode" && !place.is_in_the_printer() {
            return refused("this printer reads no binary G-code: slice the file as text (.gcode)".to_owned());
        }
        if let Some(free) = place.free_bytes.filter(|free| *free < content.size_bytes) {
            let detail = format!("the printer's storage has room for {free} bytes, and the file has {}", content.size_bytes);
            return Err((SendProblem::StorageFull, detail));
        }
        Ok((storage.clone(), end))
    }

    pub(super) fn stop_sending(&mut self, attempt: AttemptId) {
        if self.sending.take_if(|sending| sending.attempt == attempt).is_some()
            && let Some(abandoned) = self.requests.abandon_sending()
        {
            // A part that came already is thrown away by the printer, since its connection breaks.
            self.ask(abandoned);
        }
    }

    pub(super) fn send_was_not_made(&mut self) {
        if let Some(Sending { attempt, .. }) = self.sending.take() {
            let detail = "PrusaLink cannot be reached".to_owned();
            self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
        }
    }

    pub(super) fn uploaded(&mut self, now: Timestamp, call: u64, sent_bytes: u64) {
        let Some(sending) = self.sending.as_mut().filter(|_| self.requests.is_upload(call)) else { return };
        if sending.told_at.is_some_and(|told_at| now.millis_since(told_at) < TELL_MS) {
            return;
        }
        sending.told_at = Some(now);
        let attempt = sending.attempt;
        self.report(Report::SendProgress { attempt, sent_bytes });
    }

    /// The name that must not be removed now.
    pub(super) fn is_being_sent(&self, name: &str) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.name == name)
    }

    /// When a file is looked for again.
    pub(super) fn file_moment(&self) -> Option<Timestamp> {
        match self.sending.as_ref()?.step {
            Step::CheckAt(moment, _) => Some(moment),
            Step::Look | Step::Upload | Step::Check { .. } => None,
        }
    }

    pub(super) fn look_again_at_file(&mut self, now: Timestamp) {
        let Some(sending) = &mut self.sending else { return };
        if let Step::CheckAt(moment, looks) = sending.step
            && moment <= now
        {
            sending.step = Step::Check { looks, refusal: None };
            self.requests.look_at(&sending.storage, &sending.name);
        }
    }

    pub(super) fn send_went_on(&mut self, now: Timestamp, reply: Reply) {
        let Some(mut sending) = self.sending.take() else { return };
        match next(now, &sending, &reply, self.view.place.as_ref()) {
            Next::Step(step) => {
                match &step {
                    Step::Look | Step::Check { .. } => self.requests.look_at(&sending.storage, &sending.name),
                    Step::Upload => self.requests.upload(&sending.storage, &sending.name, sending.content.clone()),
                    Step::CheckAt(..) => {}
                }
                sending.step = step;
                self.sending = Some(sending);
            }
            Next::Sent => self.report(Report::Sent { attempt: sending.attempt }),
            Next::Failed(problem, detail) => {
                self.requests.storage();
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
    Whole,
    Unfit,
    Absent,
}

fn next(now: Timestamp, sending: &Sending, reply: &Reply, place: Option<&Place>) -> Next {
    let answer = match reply {
        Ok(answer) => answer,
        Err(why) => {
            let problem = if *why == NoAnswer::ContentMissing { SendProblem::ContentMissing } else { SendProblem::Link };
            return Next::Failed(problem, in_words(reply));
        }
    };
    let status = answer.status;
    let found = match status {
        404 => Some(Found::Absent),
        200 => json(answer).as_ref().and_then(Stored::read).map(|stored| {
            if stored.size == sending.content.size_bytes && !stored.is_partial { Found::Whole } else { Found::Unfit }
        }),
        _ => None,
    };
    match &sending.step {
        Step::Look => match found {
            Some(Found::Whole) => Next::Sent,
            Some(Found::Unfit | Found::Absent) => Next::Step(Step::Upload),
            None => refused(reply, status, place),
        },
        Step::Upload if status == 201 => Next::Step(Step::Check { looks: 0, refusal: None }),
        // What it says comes after the last byte: the file may lie there all the same.
        Step::Upload if status == 409 => Next::Step(Step::Check { looks: 0, refusal: Some(in_words(reply)) }),
        Step::Upload => refused(reply, status, place),
        Step::Check { looks, refusal } => match (found, refusal) {
            (Some(Found::Whole), _) => Next::Sent,
            (Some(Found::Unfit | Found::Absent) | None, Some(refusal)) => Next::Failed(SendProblem::Link, refusal.clone()),
            (Some(Found::Absent), None) if looks + 1 < LOOKS => {
                Next::Step(Step::CheckAt(now.plus_millis(LOOK_AGAIN_MS), looks + 1))
            }
            (Some(Found::Unfit | Found::Absent), None) => {
                Next::Failed(SendProblem::Link, "the file did not arrive whole".to_owned())
            }
            (None, None) => refused(reply, status, place),
        },
        // Nothing is asked while it waits.
        Step::CheckAt(..) => Next::Step(sending.step.clone()),
    }
}

fn refused(reply: &Reply, status: u16, place: Option<&Place>) -> Next {
    let said = in_words(reply);
    match status {
        507 | 413 => {
            let hint =
                if place.is_some_and(Place::is_in_the_printer) { "look at the USB drive in the printer" } else { "delete files" };
            Next::Failed(SendProblem::StorageFull, format!("the printer has no room for the file ({said}): {hint}"))
        }
        // 401 and 403: the key was changed, and the link tells of it. 408, 409 and 429: come later.
        401 | 403 | 408 | 409 | 429 | 500.. => Next::Failed(SendProblem::Link, said),
        _ => Next::Failed(SendProblem::Refused, said),
    }
}
