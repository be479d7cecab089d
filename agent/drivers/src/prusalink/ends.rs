//! How a print of ours ended. PrusaLink keeps no history, and tells of no job once it has ended: an end is seen
//! as the state that follows on a print that we followed, without a gap in which another print would fit. After
//! a gap a printer is asked whether our job was its last one. What proves nothing is told as that.

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::{History, NEARLY_DONE};
use domain::time::Timestamp;

use super::core::Core;
use super::memory::{Cancel, Memory};
use super::requests::{Purpose, Reply};
use super::wire::Phase;
use crate::contract::{Report, Watched};

/// No print can begin and end within such a gap.
const NO_OTHER_FITS_MS: i64 = 20_000;

/// Nor can a printer go out and come back within such a gap.
const NO_BOOT_FITS_MS: i64 = 5_000;

/// How often a printer must be seen idle before an end that nothing proves is told as that.
const IDLE_SEEN: u32 = 2;

/// What is known of the print of ours that is on the printer, and of the last one.
#[derive(Debug, Default)]
pub(super) struct Ends {
    following: Option<Following>,
    /// The end that was told last.
    told: Option<(Token, End)>,
    /// The print of ours whose finish is still shown.
    finished: Option<Token>,
    /// What outlives us.
    memory: Option<Memory>,
    /// Tokens of which the farm wants to know.
    recalled: Vec<Token>,
}

#[derive(Debug)]
struct Following {
    token: Token,
    job: u64,
    share: f64,
    /// The last picture of it is of no moment before this.
    seen_at: Timestamp,
    /// Questions were missed since.
    broken: bool,
    /// So often it was seen gone without a proof of how.
    gone: u32,
    /// The printer is asked whether it was its last one.
    asks: bool,
}

impl Following {
    /// Nothing else can have been printed since it was last seen.
    const fn is_close(&self, now: Timestamp) -> bool {
        now.millis_since(self.seen_at) <= NO_OTHER_FITS_MS
    }
}

impl Ends {
    /// Something may have been missed from here on.
    pub(super) fn contact_broke(&mut self) {
        if let Some(following) = &mut self.following {
            following.broken = true;
            following.asks = false;
        }
    }

    /// A print of ours is on the printer, or was a moment ago.
    pub(super) const fn is_following(&self) -> bool {
        self.following.is_some()
    }

    /// The print that we follow is not seen any more, and how it ended is not known yet.
    pub(super) fn is_unresolved(&self) -> bool {
        self.following.as_ref().is_some_and(|following| following.gone > 0)
    }

    /// The print of ours whose finish is still shown.
    pub(super) const fn finished(&self) -> Option<&Token> {
        self.finished.as_ref()
    }

    /// A print of that token is about to begin: what was told of an earlier one counts no longer.
    pub(super) fn begins(&mut self, token: &Token) {
        self.told.take_if(|(told, _)| told == token);
    }

    /// It is in flight.
    pub(super) fn is_watched(&self, token: &Token) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.token == *token)
    }

    fn cancel_of(&self, token: &Token) -> Cancel {
        self.memory.as_ref().filter(|memory| memory.token == *token).map_or(Cancel::No, |memory| memory.cancel)
    }
}

impl Core {
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        self.ends.memory = watched.map(|Watched { token, mark, .. }| {
            let kept = Memory::read(token.clone(), mark.as_deref().unwrap_or_default());
            match self.ends.memory.take().filter(|known| known.token == token) {
                // What is kept may lag behind what is known.
                Some(known) => Memory { job: known.job.or(kept.job), cancel: known.cancel.max(kept.cancel), ..kept },
                None => kept,
            }
        });
    }

    fn remember(&mut self, token: &Token, change: impl FnOnce(&mut Memory)) {
        let known = self.ends.memory.take().filter(|memory| memory.token == *token);
        let before = known.unwrap_or(Memory { token: token.clone(), job: None, cancel: Cancel::No });
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.report(Report::Mark { token: token.clone(), mark: after.mark() });
        }
        self.ends.memory = Some(after);
    }

    /// How far a cancel came; the mark outlives us.
    pub(super) fn remember_cancel(&mut self, token: &Token, cancel: Cancel) {
        self.remember(token, |memory| memory.cancel = memory.cancel.max(cancel));
    }

    /// The printer refused it. One that was taken before may be the reason.
    pub(super) fn cancel_was_refused(&mut self, token: &Token) {
        self.remember(token, |memory| {
            if memory.cancel == Cancel::Asked {
                memory.cancel = Cancel::No;
            }
        });
    }

    /// Looks at a new picture: did a print of ours begin, or is the one that we follow gone?
    pub(super) fn follow(&mut self, now: Timestamp) {
        let Some(shown) = &self.view.shown else { return };
        let ours = shown.print().and_then(|job| Some((job.token()?, job.id)));
        let (asked_at, share) = (shown.asked_at, shown.status.job.and_then(|job| job.share));
        if shown.status.phase != Phase::Finished {
            self.ends.finished = None;
        }
        if let Some(token) = self.ends.following.as_ref().map(|following| following.token.clone())
            && ours.as_ref().is_none_or(|(shown, _)| *shown != token)
        {
            self.gone(now, token);
        }
        let Some((token, job)) = ours else { return };
        let last_share =
            self.ends.following.as_ref().filter(|known| known.token == token && known.job == job).map(|known| known.share);
        let share = share.or(last_share).unwrap_or(0.0);
        self.ends.following =
            Some(Following { token: token.clone(), job, share, seen_at: asked_at, broken: false, gone: 0, asks: false });
        if self.ends.memory.as_ref().is_some_and(|memory| memory.token == token) {
            self.remember(&token, |memory| memory.job = Some(job));
        }
    }

    /// The print that we follow is not on the printer any more.
    fn gone(&mut self, now: Timestamp, token: Token) {
        let Some(shown) = &self.view.shown else { return };
        let (phase, other, words) = (shown.status.phase, shown.print().is_some(), shown.status.wrong.clone());
        let last = shown.job.as_ref().is_some_and(|job| job.token().as_ref() == Some(&token));
        let cancel = self.ends.cancel_of(&token);
        let Some(following) = &mut self.ends.following else { return };
        let (close, unbroken) = (following.is_close(now), !following.broken);
        let seen = close || last;
        match phase {
            Phase::Finished if seen => self.ended(token, End::Completed { inferred: false }, None),
            Phase::Stopped if seen => self.ended(token, cancelled(cancel), None),
            Phase::Failed if close && !other => {
                let detail = words.unwrap_or_else(|| "the printer reports an error".to_owned());
                self.ended(token, End::Failed(FailureReason::PrinterError), Some(detail));
            }
            Phase::Finished | Phase::Stopped => self.ask_whether_last(token),
            // A stop that the printer took is the one thing that can have ended it.
            _ if cancel == Cancel::Taken && (other || matches!(phase, Phase::Idle | Phase::Ready | Phase::Failed)) => {
                self.ended(token, cancelled(cancel), None);
            }
            Phase::Idle | Phase::Ready
                if unbroken && following.share >= NEARLY_DONE && now.millis_since(following.seen_at) <= NO_BOOT_FITS_MS =>
            {
                self.ended(token, End::Completed { inferred: true }, None);
            }
            Phase::Idle | Phase::Ready | Phase::Failed => {
                following.gone += 1;
                if following.gone >= IDLE_SEEN {
                    self.unproven(token);
                }
            }
            // It winds down, unless another print took its place.
            Phase::Busy | Phase::Printing | Phase::Paused | Phase::Attention | Phase::Other => {
                if other {
                    self.unproven(token);
                }
            }
        }
    }

    fn ask_whether_last(&mut self, token: Token) {
        let Some(following) = &mut self.ends.following else { return };
        following.gone += 1;
        if !std::mem::replace(&mut following.asks, true) {
            self.requests.job_of(following.job, Purpose::WasLast(token, following.job));
        }
    }

    pub(super) fn recall(&mut self, now: Timestamp, token: Token) {
        if !self.is_up() {
            return self.report(Report::History { token, history: History::Silent });
        }
        self.ends.recalled.push(token);
        self.poll(now);
    }

    /// The link is down: nothing can be said.
    pub(super) fn forget_recalls(&mut self) {
        for token in std::mem::take(&mut self.ends.recalled) {
            self.report(Report::History { token, history: History::Silent });
        }
    }

    /// Answers what the farm wants to know, by a new picture.
    pub(super) fn answer_recalls(&mut self) {
        let Some(shown) = &self.view.shown else { return };
        let (phase, print) = (shown.status.phase, shown.print().and_then(super::wire::Job::token));
        for token in std::mem::take(&mut self.ends.recalled) {
            let told = self.ends.told.as_ref().filter(|(told, _)| *told == token).map(|(_, end)| *end);
            let memory = self.ends.memory.as_ref().filter(|memory| memory.token == token);
            let job = memory.and_then(|memory| memory.job);
            let taken = memory.is_some_and(|memory| memory.cancel == Cancel::Taken);
            let idle = matches!(phase, Phase::Idle | Phase::Ready);
            let history = match (told, job) {
                (Some(end), _) => History::Ended(end),
                (None, _) if print.as_ref() == Some(&token) => History::Silent,
                (None, Some(job)) if matches!(phase, Phase::Finished | Phase::Stopped) => {
                    self.requests.job_of(job, Purpose::WasLast(token, job));
                    continue;
                }
                (None, _) if taken && (idle || print.is_some()) => History::Ended(cancelled(Cancel::Taken)),
                (None, _) => History::Silent,
            };
            self.report(Report::History { token, history });
        }
    }

    /// 405: it was its last one. But there are servers that say so of every number.
    pub(super) fn was_last_told(&mut self, token: Token, id: u64, reply: &Reply) {
        match reply {
            Ok(answer) if answer.status == 405 => self.requests.job_of(id.wrapping_add(1), Purpose::WasNext(token)),
            Ok(_) | Err(_) => self.was_not_last(token),
        }
    }

    pub(super) fn was_next_told(&mut self, now: Timestamp, token: Token, reply: &Reply) {
        let proven = matches!(reply, Ok(answer) if answer.status == 404);
        let phase = self.view.shown.as_ref().map(|shown| shown.status.phase);
        match phase.filter(|_| proven) {
            Some(Phase::Finished) => self.ended_or_recalled(token, End::Completed { inferred: false }),
            Some(Phase::Stopped) => {
                let end = cancelled(self.ends.cancel_of(&token));
                self.ended_or_recalled(token, end);
            }
            Some(
                Phase::Idle
                | Phase::Ready
                | Phase::Busy
                | Phase::Printing
                | Phase::Paused
                | Phase::Failed
                | Phase::Attention
                | Phase::Other,
            )
            | None => self.was_not_last(token),
        }
        self.show(now);
    }

    fn ended_or_recalled(&mut self, token: Token, end: End) {
        if self.ends.following.as_ref().is_some_and(|following| following.token == token) {
            return self.ended(token, end, None);
        }
        self.tell_end(&token, end);
        self.report(Report::History { token, history: History::Ended(end) });
    }

    pub(super) fn was_not_last(&mut self, token: Token) {
        if self.ends.following.as_ref().is_some_and(|following| following.token == token) {
            return self.unproven(token);
        }
        self.report(Report::History { token, history: History::Silent });
    }

    /// It is gone, and nothing shows how it ended.
    fn unproven(&mut self, token: Token) {
        self.ends.following = None;
        self.report(Report::History { token, history: History::Silent });
    }

    fn ended(&mut self, token: Token, end: End, detail: Option<String>) {
        self.ends.following = None;
        if self.ends.told.as_ref().is_some_and(|(told, _)| *told == token) {
            return;
        }
        self.tell_end(&token, end);
        self.report(Report::Ended { token, end, detail });
    }

    fn tell_end(&mut self, token: &Token, end: End) {
        self.ends.told = Some((token.clone(), end));
        let shown = self.view.shown.as_ref().is_some_and(|shown| shown.status.phase == Phase::Finished);
        self.ends.finished = (shown && matches!(end, End::Completed { .. })).then(|| token.clone());
    }
}

/// Neither state says who stopped it.
const fn cancelled(asked: Cancel) -> End {
    match asked {
        Cancel::Asked | Cancel::Taken => End::Cancelled(CancelReason::Requested),
        Cancel::No => End::Cancelled(CancelReason::AtPrinter),
    }
}
