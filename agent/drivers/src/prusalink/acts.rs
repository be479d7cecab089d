//! Start, pause, resume and cancel. Each goes out at most once, and only behind its fence: a start when
//! the printer was just seen ready, the others to the number of the job that was just seen to be the one
//! that is meant. That number is the printer's own fence too: it refuses an act on another job.

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::memory::Cancel;
use super::requests::{Act, Purpose, Reply, Verb, file_end, file_name};
use super::wire::{Job, Status, json, refusal};
use crate::contract::{ActProblem, Content, Report};

impl Core {
    pub(super) fn start(&mut self, attempt: AttemptId, token: Token, content: &Content) {
        if self.view.active_token().as_ref() == Some(&token) {
            let detail = "the printer already prints it; nothing was sent".to_owned();
            return self.report(Report::StartUnanswered { attempt, detail });
        }
        let starts = |purpose: &Purpose| matches!(purpose, Purpose::Before(..) | Purpose::Start(_) | Purpose::Refused(..));
        let usable = self.is_up() && self.view.storage().is_some() && file_end(content).is_some();
        if !usable || self.requests.is_asked(starts) || self.ends.is_unresolved() {
            return self.not_started(attempt);
        }
        self.starting = file_end(content).map(|end| file_name(&token, end));
        self.requests.status(Purpose::Before(attempt, token));
    }

    pub(super) fn before_start_told(&mut self, attempt: AttemptId, token: Token, reply: Reply) {
        let startable = status(&reply).is_some_and(|status| self.view.is_startable(&status));
        let name = self.starting.take();
        match (self.view.storage().map(str::to_owned), name) {
            (Some(storage), Some(name)) if startable && self.is_up() && !self.ends.is_unresolved() => {
                self.ends.begins(&token);
                self.requests.start(&storage, &name, attempt);
            }
            (_, _) => self.not_started(attempt),
        }
    }

    pub(super) fn not_started(&mut self, attempt: AttemptId) {
        let detail = format!("nothing was sent: the printer was not just seen ready ({})", self.view.words());
        self.report(Report::StartRefused { attempt, detail });
    }

    pub(super) fn start_answered(&mut self, now: Timestamp, attempt: AttemptId, reply: Reply) {
        let report = match &reply {
            Ok(answer) if (200..300).contains(&answer.status) => Report::StartAccepted { attempt },
            // A printer says so too if it began, and took long over it.
            Ok(answer) if (400..500).contains(&answer.status) => {
                return self.requests.status(Purpose::Refused(attempt, refusal(answer)));
            }
            Ok(_) | Err(_) => Report::StartUnanswered { attempt, detail: in_words(&reply) },
        };
        self.report(report);
        self.poll(now);
    }

    pub(super) fn after_refusal_told(&mut self, now: Timestamp, attempt: AttemptId, detail: String, reply: &Reply) {
        let still_ready = status(reply).is_some_and(|status| self.view.is_startable(&status));
        // Somebody else's print was the reason, if the file is not ours.
        let others = self.view.shown.as_ref().and_then(|shown| shown.print()).is_some_and(|job| job.token().is_none());
        self.report(if still_ready || others {
            Report::StartRefused { attempt, detail }
        } else {
            Report::StartUnanswered { attempt, detail }
        });
        self.poll(now);
    }

    pub(super) fn pause(&mut self, command: CommandId, token: Token) {
        self.fence(Act { verb: Verb::Pause, token, command: Some(command) });
    }

    pub(super) fn resume(&mut self, command: CommandId, token: Token) {
        self.fence(Act { verb: Verb::Resume, token, command: Some(command) });
    }

    pub(super) fn cancel(&mut self, command: Option<CommandId>, token: Token) {
        self.fence(Act { verb: Verb::Cancel, token, command });
    }

    fn fence(&mut self, act: Act) {
        if !self.is_up() {
            return self.acted(act, Err(ActProblem::NoLink));
        }
        self.requests.job(Purpose::Fence(act));
    }

    pub(super) fn fence_told(&mut self, now: Timestamp, act: Act, reply: &Reply) {
        let job = match reply {
            Ok(answer) if answer.status == 200 => json(answer).as_ref().and_then(Job::read),
            Ok(answer) if answer.status == 204 => None,
            Ok(_) | Err(_) => {
                self.poll(now);
                return self.acted(act, Err(ActProblem::NoLink));
            }
        };
        let Some(job) = job.filter(|job| job.token().as_ref() == Some(&act.token)) else {
            self.poll(now);
            return self.acted(act, Err(ActProblem::NotThatPrint));
        };
        if act.verb == Verb::Cancel {
            self.remember_cancel(&act.token, Cancel::Asked);
        }
        self.requests.act(job.id, act);
    }

    pub(super) fn act_answered(&mut self, now: Timestamp, act: Act, reply: Reply) {
        let outcome = match &reply {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) if answer.status == 404 => Err(ActProblem::NotThatPrint),
            Ok(answer) if answer.status == 409 => Err(ActProblem::Refused(refused(&act, self.view.words()))),
            Ok(answer) if (400..500).contains(&answer.status) => Err(ActProblem::Refused(refusal(answer))),
            Ok(_) | Err(_) => Err(ActProblem::Unanswered),
        };
        if act.verb == Verb::Cancel {
            match &outcome {
                Ok(()) => self.remember_cancel(&act.token, Cancel::Taken),
                Err(ActProblem::Refused(_) | ActProblem::NotThatPrint | ActProblem::NoLink) => {
                    self.cancel_was_refused(&act.token)
                }
                Err(ActProblem::Unanswered) => {}
            }
        }
        self.acted(act, outcome);
        self.poll(now);
    }

    pub(super) fn acted(&mut self, act: Act, outcome: Result<(), ActProblem>) {
        if let Some(command) = act.command {
            self.report(Report::Acted { command, outcome });
        }
    }
}

fn status(reply: &Reply) -> Option<Status> {
    let answer = reply.as_ref().ok().filter(|answer| answer.status == 200)?;
    Status::read(&json(answer)?)
}

/// PrusaLink says only that it is in conflict.
fn refused(act: &Act, word: String) -> String {
    let done = match act.verb {
        Verb::Pause => "paused",
        Verb::Resume => "resumed",
        Verb::Cancel => "cancelled",
    };
    format!("a print cannot be {done} while the printer is {word}")
}
