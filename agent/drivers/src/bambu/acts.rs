//! Start, pause, resume and cancel. Each goes out at most once, and only behind its fence: a start when the machine
//! just answered and is seen at rest, the others when the print that is meant is on it.

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;

use super::core::Core;
use super::requests::{Act, Purpose, Start, Verb};
use super::sending::content_name;
use super::slots::mapping;
use super::wire::State;
use super::words;
use crate::contract::{ActProblem, Content, Feed, Report};

impl Core {
    pub(super) fn start(&mut self, now: Timestamp, attempt: AttemptId, token: Token, content: Content, feeds: Vec<Feed>) {
        if self.view.active_token().as_ref() == Some(&token) {
            let detail = "the printer already prints it; nothing was sent".to_owned();
            return self.report(Report::StartUnanswered { attempt, detail });
        }
        let is_starting = |purpose: &Purpose| matches!(purpose, Purpose::Before(_) | Purpose::Start(..));
        if !self.may_start() || self.requests.is_open(is_starting) {
            return self.not_started(attempt);
        }
        // Reports may come while nothing goes in: only one that answers is asked to print.
        let ask = self.requests.version(now, Purpose::Before(Start { attempt, token, content, feeds }));
        self.ask(ask);
    }

    fn may_start(&self) -> bool {
        self.is_up() && self.view.state().is_rest() && !self.ends.is_unresolved() && self.view.no_control().is_none()
    }

    pub(super) fn before_start_told(&mut self, now: Timestamp, start: Start) {
        if !self.may_start() {
            return self.not_started(start.attempt);
        }
        let mapping = match mapping(&start.feeds, &self.view.slots()) {
            Ok(mapping) => mapping,
            Err(why) => {
                let detail = format!("nothing was sent: {why}");
                return self.report(Report::StartRefused { attempt: start.attempt, detail });
            }
        };
        let name = content_name(&start.content);
        self.starts_from_rest(&start.token, self.view.state() != State::Finished);
        let ask = self.requests.start(now, &start, &name, mapping);
        self.is_of_use(name);
        self.ask(ask);
    }

    pub(super) fn not_started(&mut self, attempt: AttemptId) {
        let why = match self.view.no_control() {
            Some(advice) => advice.to_owned(),
            None if !self.is_up() => "the printer is not there, or does not answer".to_owned(),
            None => format!("the printer was not just seen idle ({})", self.view.words()),
        };
        self.report(Report::StartRefused { attempt, detail: format!("nothing was sent: {why}") });
    }

    pub(super) fn start_answered(&mut self, attempt: AttemptId, token: &Token, refused: Option<String>) {
        self.report(match refused {
            None => Report::StartAccepted { attempt },
            Some(detail) if self.view.active_token().as_ref() == Some(token) => Report::StartUnanswered { attempt, detail },
            Some(detail) => Report::StartRefused { attempt, detail },
        });
    }

    pub(super) fn start_unanswered(&mut self, attempt: AttemptId) {
        self.report(Report::StartUnanswered { attempt, detail: "the printer did not answer".to_owned() });
    }

    pub(super) fn pause(&mut self, now: Timestamp, command: CommandId, token: Token) {
        self.fence(now, Act { verb: Verb::Pause, token, command: Some(command) });
    }

    pub(super) fn resume(&mut self, now: Timestamp, command: CommandId, token: Token) {
        self.fence(now, Act { verb: Verb::Resume, token, command: Some(command) });
    }

    pub(super) fn cancel(&mut self, now: Timestamp, command: Option<CommandId>, token: Token) {
        self.fence(now, Act { verb: Verb::Cancel, token, command });
    }

    fn fence(&mut self, now: Timestamp, act: Act) {
        if !self.is_up() {
            return self.acted(act, Err(ActProblem::NoLink));
        }
        if self.view.active_token().as_ref() != Some(&act.token) {
            return self.acted(act, Err(ActProblem::NotThatPrint));
        }
        if act.verb == Verb::Cancel {
            self.cancel_is_asked(&act.token);
        }
        let ask = self.requests.act(now, act);
        self.ask(ask);
    }

    pub(super) fn act_answered(&mut self, act: Act, refused: Option<String>) {
        if let (Verb::Cancel, Some(_)) = (act.verb, &refused) {
            self.cancel_was_refused(&act.token);
        }
        self.acted(act, refused.map_or(Ok(()), |why| Err(ActProblem::Refused(why))));
    }

    pub(super) fn act_unanswered(&mut self, act: Act) {
        self.acted(act, Err(ActProblem::Unanswered));
    }

    /// The picture may show what an answer has not told, or will never tell.
    pub(super) fn look_at_acts(&mut self) {
        let (state, active) = (self.view.state(), self.view.active_token());
        let is_done = |purpose: &Purpose| match purpose {
            Purpose::Act(act) => match act.verb {
                Verb::Pause => state == State::Paused && active.as_ref() == Some(&act.token),
                Verb::Resume => state == State::Running && active.as_ref() == Some(&act.token),
                Verb::Cancel => active.as_ref() != Some(&act.token),
            },
            Purpose::Version | Purpose::Before(_) | Purpose::Start(..) | Purpose::Picture => false,
        };
        for purpose in self.requests.close_all(is_done) {
            if let Purpose::Act(act) = purpose {
                self.acted(act, Ok(()));
            }
        }
        if self.view.error() == words::BUSY {
            for purpose in self.requests.close_all(|purpose| matches!(purpose, Purpose::Start(..))) {
                if let Purpose::Start(attempt, token) = purpose {
                    self.start_answered(attempt, &token, Some("it is at work and takes no other print (0500_4004)".to_owned()));
                }
            }
        }
    }

    fn acted(&mut self, act: Act, outcome: Result<(), ActProblem>) {
        if let Some(command) = act.command {
            self.report(Report::Acted { command, outcome });
        }
    }
}
