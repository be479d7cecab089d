//! How a print of ours ended. We are the host: the board knows nothing of it, so what we saw ourselves is all that there
//! is, and a print whose host went away has failed, unless it was so near its end that the board may have done the rest.

use std::collections::VecDeque;

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::History;
use domain::time::Timestamp;

use super::acts::{Phase, Run};
use super::core::Core;
use super::requests::{Ask, PLACE, Purpose};
use crate::contract::{ActProblem, Report, Watched};

/// Marks that are kept with an attempt and outlive us.
const CANCEL_ASKED: &str = "cancel_asked";
const NEAR_END: &str = "near_end";

/// With so little left, all of it may be on the board before it is written that it was.
const NEAR_END_BYTES: u64 = 64 * 1024;

/// Ends that are remembered.
const REMEMBERED: usize = 16;

/// What is known of prints of ours.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// What the farm believes to be in flight.
    watched: Option<Watched>,
    told: VecDeque<(Token, History)>,
    /// A print of ours broke off: its heaters may be on.
    pub may_be_warm: bool,
}

/// How a print was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The line broke.
    Line,
    /// The board came up anew.
    BoardRestarted,
    /// The board stopped over a fault.
    Stopped,
}

impl Ends {
    /// A print of ours begins.
    pub(super) fn begin(&mut self) {
        self.may_be_warm = false;
    }

    pub(super) fn take_left_warm(&mut self) -> bool {
        std::mem::take(&mut self.may_be_warm)
    }

    fn remember(&mut self, token: Token, history: History) {
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back((token, history));
    }
}

impl Core {
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        let is_ours_now = |token: &Token| {
            self.run.as_ref().is_some_and(|run| run.token == *token) || self.ends.told.iter().any(|(told, _)| told == token)
        };
        if let Some(watched) = &watched
            && watched.state.touched_the_bed()
            && !is_ours_now(&watched.token)
        {
            // Printed by who was here before us.
            self.ends.may_be_warm = true;
        }
        self.ends.watched = watched;
        self.cool_what_was_left();
    }

    /// A cancel is about to be said; the mark outlives us.
    pub(super) fn cancel_is_asked(&mut self, token: &Token) {
        self.report(Report::Mark { token: token.clone(), mark: CANCEL_ASKED.to_owned() });
    }

    /// From here on our death proves nothing: the mark outlives us.
    pub(super) fn mark_near_end(&mut self) {
        let Some(run) = &mut self.run else { return };
        let left = run.size.saturating_sub(run.acked);
        if !run.near_end && left <= NEAR_END_BYTES.max(run.size / 50) {
            run.near_end = true;
            let token = run.token.clone();
            self.report(Report::Mark { token, mark: NEAR_END.to_owned() });
        }
    }

    /// The board took the last line; it still moves.
    pub(super) fn drained(&mut self, now: Timestamp) {
        let Some(run) = self.run.as_mut().filter(|run| matches!(run.phase, Phase::Feeding)) else { return };
        run.acked = run.size;
        run.phase = Phase::Ending;
        self.mark_near_end();
        self.ask_whether_over();
        self.show(now);
    }

    fn ask_whether_over(&mut self) {
        self.view.place = None;
        self.say_all(PLACE.map(str::to_owned).to_vec(), Purpose::Over);
    }

    /// All moves are done, if the board has said where they ended: an `ok` alone may be another's.
    pub(super) fn over(&mut self, now: Timestamp) {
        let is_proven = self.view.place.is_some();
        let Some(run) = self.run.as_mut().filter(|run| matches!(run.phase, Phase::Ending)) else { return };
        if !is_proven && !std::mem::replace(&mut run.asked_twice, true) {
            return self.ask_whether_over();
        }
        self.ended(End::Completed { inferred: false }, None);
        self.show(now);
    }

    /// All is switched off.
    pub(super) fn stopped(&mut self, now: Timestamp) {
        let Some(Run { phase: Phase::Stopping { end, detail }, .. }) = &self.run else { return };
        let (end, detail) = (*end, detail.clone());
        self.ended(end, detail);
        self.show(now);
    }

    fn ended(&mut self, end: End, detail: Option<String>) {
        let Some(run) = self.run.take() else { return };
        self.ends.remember(run.token.clone(), History::Ended(end));
        self.report(Report::Ended { token: run.token, end, detail });
    }

    /// What was under way is lost: told before whatever else is.
    pub(super) fn lose_print(&mut self, why: &str, loss: Loss) {
        if let Some(starting) = self.starting.take() {
            let attempt = starting.attempt;
            self.ends.may_be_warm |= starting.asked;
            self.report(if starting.asked {
                Report::StartUnanswered { attempt, detail: why.to_owned() }
            } else {
                Report::StartRefused { attempt, detail: format!("nothing was sent: {why}") }
            });
        }
        self.forget_said();
        self.ask(Ask::Forget);
        let Some(run) = &mut self.run else { return };
        self.ends.may_be_warm = true;
        let reason = if loss == Loss::Line { FailureReason::HostLost } else { FailureReason::PrinterError };
        let failed = History::Ended(End::Failed(reason));
        let (history, waiting) = match &mut run.phase {
            Phase::Feeding => (failed, Vec::new()),
            Phase::Pausing(hold) | Phase::Paused(hold) | Phase::Resuming(hold) => (failed, std::mem::take(&mut hold.commands)),
            // It had all lines: the part may be whole.
            Phase::Ending if loss != Loss::Stopped => (History::Silent, Vec::new()),
            Phase::Ending => (failed, Vec::new()),
            Phase::Stopping { end, .. } => (History::Ended(*end), Vec::new()),
        };
        self.acted_all(waiting, &Err(ActProblem::Unanswered));
        match history {
            History::Ended(end) => self.ended(end, Some(why.to_owned())),
            History::Silent | History::NeverSaw => {
                let Some(run) = self.run.take() else { return };
                self.ends.remember(run.token.clone(), History::Silent);
                self.report(Report::History { token: run.token, history: History::Silent });
            }
        }
    }

    pub(super) fn recall(&mut self, token: Token) {
        let history = self.history(&token);
        self.report(Report::History { token, history });
    }

    fn history(&self, token: &Token) -> History {
        if let Some((_, history)) = self.ends.told.iter().rev().find(|(told, _)| told == token) {
            return *history;
        }
        if self.run.as_ref().is_some_and(|run| run.token == *token) {
            return History::Silent;
        }
        let Some(watched) = self.ends.watched.as_ref().filter(|watched| watched.token == *token) else { return History::Silent };
        // Nobody but its host could have gone on with it, and that was who is no more.
        match watched.mark.as_deref() {
            Some(NEAR_END) => History::Silent,
            Some(CANCEL_ASKED) => History::Ended(End::Cancelled(CancelReason::Requested)),
            Some(_) | None => History::Ended(End::Failed(FailureReason::HostLost)),
        }
    }
}
