//! Start, pause, resume and cancel. Each goes out at most once, and only behind its fence: a start when
//! the printer was just seen idle, the others when the print that is meant was just seen on it.

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::requests::{Act, Purpose, Reply, Verb};
use super::wire::{Phase, Picture, json, refusal, token_of};
use crate::contract::{ActProblem, Report};

/// A start needs a picture no older than that.
const IDLE_SEEN_MS: i64 = 15_000;

impl Core {
    pub(super) fn start(&mut self, now: Timestamp, attempt: AttemptId, token: Token) {
        if self.view.active_token().as_ref() == Some(&token) {
            let detail = "the printer already prints it; nothing was sent".to_owned();
            return self.report(Report::StartUnanswered { attempt, detail });
        }
        let seen = if self.is_usable() { self.view.phase_within(now, IDLE_SEEN_MS) } else { None };
        if self.requests.is_starting() || self.ends.is_unresolved() || seen != Some(Phase::Ready) {
            let shown = self.view.words();
            let detail = format!("nothing was sent: the printer was not just seen idle ({shown})");
            return self.report(Report::StartRefused { attempt, detail });
        }
        let ask = self.requests.start(attempt, &token);
        self.ask(ask);
    }

    pub(super) fn start_answered(&mut self, now: Timestamp, attempt: AttemptId, reply: Reply) {
        // Whatever came of it, what was shown before it counts no longer.
        self.view.outdate();
        self.poll(now);
        self.report(match &reply {
            Ok(answer) if (200..300).contains(&answer.status) => Report::StartAccepted { attempt },
            Ok(answer) if (400..500).contains(&answer.status) => Report::StartRefused { attempt, detail: refusal(answer) },
            Ok(_) | Err(_) => Report::StartUnanswered { attempt, detail: in_words(&reply) },
        });
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
        if !self.is_usable() {
            return self.acted(act, Err(ActProblem::NoLink));
        }
        // Always anew: pushed pictures were seen to be a second old, and a foreign print must not be hit.
        let ask = self.requests.job(Purpose::Fence(act));
        self.ask(ask);
    }

    pub(super) fn fence_told(&mut self, now: Timestamp, act: Act, reply: Reply) {
        let picture = reply.as_ref().ok().and_then(json).as_ref().and_then(Picture::read);
        let Some(picture) = picture else {
            self.poll(now);
            return self.acted(act, Err(ActProblem::NoLink));
        };
        let path = picture.file.as_ref().and_then(|file| file.path.as_deref());
        // A print whose end was told is shown as running for a moment more: a cancel would make it a failure there.
        let on_it = path.and_then(token_of).filter(|token| picture.phase.is_active() && !self.view.is_winding_down(token));
        self.act_on(act, on_it.as_ref());
    }

    fn act_on(&mut self, act: Act, on_it: Option<&Token>) {
        if on_it != Some(&act.token) {
            return self.acted(act, Err(ActProblem::NotThatPrint));
        }
        if act.verb == Verb::Cancel {
            self.cancel_is_asked(&act.token);
        }
        let ask = self.requests.act(act);
        self.ask(ask);
    }

    pub(super) fn act_answered(&mut self, now: Timestamp, act: Act, reply: Reply) {
        let outcome = match &reply {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) if (400..500).contains(&answer.status) => Err(ActProblem::Refused(refusal(answer))),
            Ok(_) | Err(_) => Err(ActProblem::Unanswered),
        };
        if act.verb == Verb::Cancel && matches!(outcome, Err(ActProblem::Refused(_))) {
            self.cancel_was_refused(&act.token);
        }
        self.acted(act, outcome);
        self.poll(now);
    }

    fn acted(&mut self, act: Act, outcome: Result<(), ActProblem>) {
        if let Some(command) = act.command {
            self.report(Report::Acted { command, outcome });
        }
    }
}
