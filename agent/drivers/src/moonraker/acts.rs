//! Start, pause, resume and cancel. Each goes out at most once, and only behind its fence: a start when
//! the printer was just seen idle, the others when the print that is meant was just seen on it.

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::objects::is_one_word;
use super::requests::{Act, Purpose, Reply, Verb};
use super::wire::{Picture, Whole, json, refusal};
use crate::contract::{ActProblem, Report};

impl Core {
    pub(super) fn start(&mut self, attempt: AttemptId, token: Token) {
        if self.view.active_token().as_ref() == Some(&token) {
            let detail = "the printer already prints it; nothing was sent".to_owned();
            return self.report(Report::StartUnanswered { attempt, detail });
        }
        if !self.is_usable() || self.requests.is_starting() || self.ends.is_unresolved() {
            return self.not_started(attempt);
        }
        // Always anew: what was pushed may be late, and a start is the one thing that must not be wrong.
        let ask = self.requests.picture(&self.view.objects, Purpose::Before(attempt, token));
        self.ask(ask);
    }

    pub(super) fn before_start_told(&mut self, now: Timestamp, attempt: AttemptId, token: Token, reply: &Reply) {
        let seen = self.looked(now, reply);
        if !self.is_usable() || self.ends.is_unresolved() || !seen.is_some_and(|picture| picture.is_idle()) {
            return self.not_started(attempt);
        }
        let ask = self.requests.start(attempt, token);
        self.ask(ask);
    }

    fn not_started(&mut self, attempt: AttemptId) {
        let detail = format!("nothing was sent: the printer was not just seen idle ({})", self.view.words());
        self.report(Report::StartRefused { attempt, detail });
    }

    pub(super) fn start_answered(&mut self, now: Timestamp, attempt: AttemptId, token: Token, reply: Reply) {
        let report = match &reply {
            Ok(answer) if (200..300).contains(&answer.status) => Report::StartAccepted { attempt },
            Ok(answer) if (400..500).contains(&answer.status) => {
                // A macro of the owner may have begun the print and failed after that.
                let ask = self.requests.picture(&self.view.objects, Purpose::Refused(attempt, token, refusal(answer)));
                return self.ask(ask);
            }
            // 503 is also said of a start that was under way when Klipper went.
            Ok(_) | Err(_) => Report::StartUnanswered { attempt, detail: in_words(&reply) },
        };
        self.report(report);
        self.poll(now);
    }

    pub(super) fn after_refusal_told(&mut self, now: Timestamp, attempt: AttemptId, token: Token, detail: String, reply: &Reply) {
        let elsewhere = self.looked(now, reply).is_some_and(|picture| picture.token() != Some(token));
        self.report(if elsewhere {
            Report::StartRefused { attempt, detail }
        } else {
            Report::StartUnanswered { attempt, detail }
        });
    }

    pub(super) fn pause(&mut self, command: CommandId, token: Token) {
        self.fence(Act { verb: Verb::Pause, token, command: Some(command), object: None });
    }

    pub(super) fn resume(&mut self, command: CommandId, token: Token) {
        self.fence(Act { verb: Verb::Resume, token, command: Some(command), object: None });
    }

    pub(super) fn cancel(&mut self, command: Option<CommandId>, token: Token) {
        self.fence(Act { verb: Verb::Cancel, token, command, object: None });
    }

    pub(super) fn skip_object(&mut self, command: CommandId, token: Token, object: String) {
        self.fence(Act { verb: Verb::Skip, token, command: Some(command), object: Some(object) });
    }

    fn fence(&mut self, act: Act) {
        if !self.is_usable() {
            return self.acted(act, Err(ActProblem::NoLink));
        }
        let ask = self.requests.picture(&self.view.objects, Purpose::Fence(act));
        self.ask(ask);
    }

    pub(super) fn fence_told(&mut self, now: Timestamp, act: Act, reply: &Reply) {
        let Some(picture) = self.looked(now, reply) else {
            self.poll(now);
            return self.acted(act, Err(ActProblem::NoLink));
        };
        if picture.active_token().as_ref() != Some(&act.token) {
            return self.acted(act, Err(ActProblem::NotThatPrint));
        }
        if act.verb == Verb::Cancel {
            self.cancel_is_asked(&act.token);
        }
        // Only a name that Klipper itself told, and that is one word of its language, becomes a part of a command.
        let known = |object: &str| is_one_word(object) && self.view.beside().objects.iter().any(|known| known.id == object);
        if act.object.as_deref().is_some_and(|object| !known(object)) {
            let why = "the print has no such object".to_owned();
            return self.acted(act, Err(ActProblem::Refused(why)));
        }
        let ask = self.requests.act(act);
        self.ask(ask);
    }

    /// The picture that was just asked for, of a Klipper that is ready.
    fn looked(&mut self, now: Timestamp, reply: &Reply) -> Option<Picture> {
        let answer = reply.as_ref().ok().filter(|answer| answer.status == 200)?;
        let body = json(answer)?;
        let whole = Whole::read(&body)?;
        self.view.take(&whole);
        self.show(now);
        self.view.picture().cloned()
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
