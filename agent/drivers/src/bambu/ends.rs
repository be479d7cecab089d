//! How a print of ours ended. The machine keeps no history: what proves an end is its state as our print leaves it,
//! and a cancelled print ends there like one that failed. The code that tells the two apart comes a moment before or
//! after, and is gone two seconds later. What proves nothing is told as that.

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::History;
use domain::time::Timestamp;

use super::core::Core;
use super::wire::State;
use super::words;
use crate::contract::{Report, Watched};

/// What is kept with an attempt: neither its state nor its name says these, and a name alone proves no print.
const FROM_REST: &str = "from_rest";
const RAN: &str = "ran";
const CANCEL_ASKED: &str = "cancel_asked";

/// A print that did not finish is looked at for so long before it counts as failed.
const HELD_MS: i64 = 3_000;

/// What the machine said shortly before the end belongs to it.
const BEFORE_MS: i64 = 10_000;

/// What is known of the print of ours that is on the printer, and of the last one.
#[derive(Debug, Default)]
pub(super) struct Ends {
    following: Option<Following>,
    /// The end that was told last.
    told: Option<Token>,
    /// What is kept with the attempt in flight.
    kept: Option<(Token, Kept)>,
    /// When the machine last said that its print was cancelled.
    cancelled_at: Option<Timestamp>,
}

/// What is kept with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Its start went to a machine that did not show a finished print: one that does so since has printed it.
    FromRest,
    /// It was seen printing.
    Ran,
    /// So, and we asked for its cancel.
    CancelAsked,
}

impl Kept {
    fn read(mark: &str) -> Option<Self> {
        match mark {
            FROM_REST => Some(Self::FromRest),
            RAN => Some(Self::Ran),
            CANCEL_ASKED => Some(Self::CancelAsked),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::FromRest => FROM_REST,
            Self::Ran => RAN,
            Self::CancelAsked => CANCEL_ASKED,
        }
    }
}

#[derive(Debug)]
struct Following {
    token: Token,
    /// The line stood from the print to its end.
    watched: bool,
    /// It is gone without having finished, and this is when that counts.
    held_until: Option<Timestamp>,
    /// What the machine said of a fault since then.
    fault: Option<String>,
}

impl Ends {
    /// The print that we follow is not seen any more, and how it ended is not known yet.
    pub(super) fn is_unresolved(&self) -> bool {
        self.following.as_ref().is_some_and(|following| following.held_until.is_some())
    }

    /// Nobody watches: what is seen afterwards need not be how the print ended.
    pub(super) fn contact_lost(&mut self) {
        self.cancelled_at = None;
        if let Some(following) = &mut self.following {
            following.watched = false;
            following.held_until = None;
        }
    }

    fn kept(&self, token: &Token) -> Option<Kept> {
        self.kept.as_ref().filter(|(of, _)| of == token).map(|(_, kept)| *kept)
    }
}

impl Core {
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        let known = self.ends.kept.take();
        self.ends.kept = watched.and_then(|Watched { token, mark, .. }| {
            let kept = mark.as_deref().and_then(Kept::read);
            let kept = kept.or_else(|| known.filter(|(of, _)| *of == token).map(|(_, kept)| kept));
            Some((token, kept?))
        });
    }

    fn keep(&mut self, token: &Token, kept: Kept) {
        if self.ends.kept(token) != Some(kept) {
            self.ends.kept = Some((token.clone(), kept));
            self.report(Report::Mark { token: token.clone(), mark: kept.word().to_owned() });
        }
    }

    /// A start is about to be sent. The machine shows our name from then on, also if it never prints.
    pub(super) fn starts_from_rest(&mut self, token: &Token, nothing_finished: bool) {
        if nothing_finished {
            self.keep(token, Kept::FromRest);
        }
    }

    /// A cancel is about to be sent.
    pub(super) fn cancel_is_asked(&mut self, token: &Token) {
        self.keep(token, Kept::CancelAsked);
    }

    /// The machine refused it.
    pub(super) fn cancel_was_refused(&mut self, token: &Token) {
        self.keep(token, Kept::Ran);
    }

    /// Looks at a new picture: did a print of ours begin, or is the one that we follow gone?
    pub(super) fn follow(&mut self, now: Timestamp) {
        if self.view.says_cancelled() {
            self.ends.cancelled_at = Some(now);
        }
        let active = self.view.active_token();
        let before = self.ends.following.as_ref().map(|following| following.token.clone());
        if let Some(token) = before.filter(|token| active.as_ref() != Some(token)) {
            self.gone(now, &token);
        }
        let Some(token) = active else { return };
        if self.ends.kept(&token) != Some(Kept::CancelAsked) {
            self.keep(&token, Kept::Ran);
        }
        match &mut self.ends.following {
            Some(following) if following.token == token => {
                following.watched = true;
                following.held_until = None;
            }
            Some(_) | None => {
                // What was said of an earlier print is not said of this one.
                self.ends.cancelled_at = None;
                self.ends.following = Some(Following { token, watched: true, held_until: None, fault: None });
            }
        }
    }

    fn gone(&mut self, now: Timestamp, token: &Token) {
        let same = self.view.token().as_ref() == Some(token);
        if same && self.view.state() == State::Finished {
            return self.ended(token, End::Completed { inferred: false }, None);
        }
        // It has not said yet what it does.
        if self.view.state() == State::Other {
            return;
        }
        let fault = words::fault(self.view.error()).map(|fault| in_words(&fault));
        let Some(following) = self.ends.following.as_mut() else { return };
        following.fault = fault.or_else(|| following.fault.take());
        following.held_until.get_or_insert(now.plus_millis(HELD_MS));
        if self.ends.cancelled_at.is_some_and(|at| now.millis_since(at) <= BEFORE_MS)
            || self.ends.kept(token) == Some(Kept::CancelAsked)
        {
            let end = End::Cancelled(self.who_cancelled(token));
            self.ended(token, end, None);
        }
    }

    pub(super) fn held_moment(&self) -> Option<Timestamp> {
        self.ends.following.as_ref()?.held_until
    }

    /// Nothing told of a cancel: the print failed, if the machine says so.
    pub(super) fn end_that_was_held(&mut self, now: Timestamp) {
        if self.held_moment().is_none_or(|moment| moment > now) {
            return;
        }
        let Some(Following { token, watched, fault, .. }) = self.ends.following.take() else { return };
        let failed = self.view.token().as_ref() == Some(&token) && self.view.state() == State::Failed;
        if failed && (watched || fault.is_some()) {
            self.ended(&token, End::Failed(FailureReason::PrinterError), fault);
        } else {
            let history = self.history(&token);
            self.report(Report::History { token, history });
        }
        self.show(now);
    }

    fn who_cancelled(&self, token: &Token) -> CancelReason {
        if self.ends.kept(token) == Some(Kept::CancelAsked) { CancelReason::Requested } else { CancelReason::AtPrinter }
    }

    pub(super) fn recall(&mut self, token: Token) {
        let history = self.history(&token);
        self.report(Report::History { token, history });
    }

    /// What the machine shows of that token, as far as it is a proof.
    fn history(&self, token: &Token) -> History {
        if !self.is_up() || self.view.token().as_ref() != Some(token) {
            return History::Silent;
        }
        let kept = self.ends.kept(token);
        match (self.view.state(), kept) {
            // Its name alone is shown from the start on, also over the finished print before it.
            (State::Finished, Some(_)) => History::Ended(End::Completed { inferred: false }),
            (State::Failed, Some(Kept::CancelAsked)) => History::Ended(End::Cancelled(CancelReason::Requested)),
            (State::Failed, Some(Kept::Ran)) if self.view.says_cancelled() => {
                History::Ended(End::Cancelled(CancelReason::AtPrinter))
            }
            (State::Failed, Some(Kept::Ran)) if words::fault(self.view.error()).is_some() => {
                History::Ended(End::Failed(FailureReason::PrinterError))
            }
            (
                State::Idle | State::Preparing | State::Running | State::Paused | State::Finished | State::Failed | State::Other,
                _,
            ) => History::Silent,
        }
    }

    fn ended(&mut self, token: &Token, end: End, detail: Option<String>) {
        self.ends.following.take_if(|following| following.token == *token);
        if self.ends.told.as_ref() != Some(token) {
            self.ends.told = Some(token.clone());
            self.report(Report::Ended { token: token.clone(), end, detail });
        }
    }
}

fn in_words(fault: &domain::printer::PrinterFault) -> String {
    fault.code.as_ref().map_or_else(|| fault.text.clone(), |code| format!("{} ({code})", fault.text))
}
