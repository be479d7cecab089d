//! How a print of ours ended: from an event, else from the history that OctoPrint keeps with the copy.
//! An end is told once, on an edge; what proves nothing is told as that.

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::History;
use domain::time::Timestamp;
use serde_json::Value;

use super::core::Core;
use super::requests::{AskedBy, Purpose, Reply, copy_name};
use super::wire::{Phase, StoredFile, json, text, token_of};
use crate::contract::{Report, Watched};

/// The mark of an attempt that we asked OctoPrint to cancel: its history calls a cancel a failure.
const CANCEL_ASKED: &str = "cancel_asked";

/// An event may come a little after the state, and the history is written later still.
const GRACE_MS: i64 = 2_000;

/// What is told where OctoPrint itself gives no reason.
const PRINTER_LOST: &str = "OctoPrint lost its printer in the print";

/// How often an empty history is asked before it is believed.
const ASKED_AT_MOST: u32 = 3;

/// What is known of the print of ours that is on the printer, and of the last one.
#[derive(Debug, Default)]
pub(super) struct Ends {
    following: Option<Following>,
    /// The end that was told last.
    told: Option<(Token, End)>,
    /// The token that we asked to be cancelled.
    cancel_asked: Option<Token>,
    /// It was asked more than once: a refusal may mean that an earlier one came through.
    cancel_repeated: bool,
}

#[derive(Debug)]
struct Following {
    token: Token,
    /// It was seen being cancelled.
    cancel_seen: bool,
    /// The firmware's fault for which OctoPrint cancels it.
    fault: Option<String>,
    /// What else OctoPrint said of an error.
    said: Option<String>,
    /// Events may have been missed since it was last seen running.
    broken: bool,
    /// OctoPrint's words when its printer went, if nothing can have been missed in between.
    printer_lost: Option<String>,
    /// It is gone, no event said how, and this is when its history is asked.
    ask_at: Option<Timestamp>,
    asked: u32,
}

impl Ends {
    /// Events may be missed from here on.
    pub(super) fn contact_broke(&mut self) {
        if let Some(following) = &mut self.following {
            following.broken = true;
        }
    }

    /// The print that we follow is not seen any more, and how it ended is not known yet.
    pub(super) fn is_unresolved(&self) -> bool {
        self.following.as_ref().is_some_and(|following| following.ask_at.is_some())
    }

    fn begin(&mut self, token: Token) {
        if self.following.as_ref().is_none_or(|following| following.token != token) {
            self.following = Some(Following {
                token,
                cancel_seen: false,
                fault: None,
                said: None,
                broken: false,
                printer_lost: None,
                ask_at: None,
                asked: 0,
            });
        }
    }

    fn about(&mut self, token: &Token) -> Option<&mut Following> {
        self.following.as_mut().filter(|following| following.token == *token)
    }
}

impl Core {
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        self.ends.cancel_asked = match watched {
            Some(Watched { token, mark: Some(mark), .. }) if mark == CANCEL_ASKED => Some(token),
            Some(Watched { token, .. }) => self.ends.cancel_asked.take().filter(|asked| *asked == token),
            None => None,
        };
    }

    /// A cancel is about to be sent; the mark outlives us.
    pub(super) fn cancel_is_asked(&mut self, token: &Token) {
        self.ends.cancel_repeated = self.ends.cancel_asked.as_ref() == Some(token);
        self.ends.cancel_asked = Some(token.clone());
        self.report(Report::Mark { token: token.clone(), mark: CANCEL_ASKED.to_owned() });
    }

    /// OctoPrint refused it.
    pub(super) fn cancel_was_refused(&mut self, token: &Token) {
        if self.ends.cancel_repeated {
            return;
        }
        self.ends.cancel_asked = None;
        self.report(Report::Mark { token: token.clone(), mark: String::new() });
    }

    pub(super) fn event(&mut self, now: Timestamp, name: &str, payload: &Value) {
        if name == "Error" {
            if let Some(following) = &mut self.ends.following {
                following.said = text(payload.get("error"));
            }
            return;
        }
        let Some(token) = text(payload.get("path")).as_deref().and_then(token_of) else { return };
        match name {
            "PrintStarted" => {
                self.ends.told = None;
                self.view.begins();
                self.ends.begin(token);
                self.poll(now);
            }
            "PrintCancelling" => {
                if let Some(following) = self.ends.about(&token) {
                    following.cancel_seen = true;
                    following.fault = text(payload.get("firmwareError")).or(following.fault.take());
                }
            }
            "PrintDone" => self.ended(token, End::Completed { inferred: false }, None),
            "PrintCancelled" => self.was_cancelled(token),
            "PrintFailed" if payload.get("reason").and_then(Value::as_str) == Some("cancelled") => self.was_cancelled(token),
            "PrintFailed" => {
                let known = self.ends.about(&token).and_then(|following| following.said.take());
                let detail = text(payload.get("error")).or(known).unwrap_or_else(|| PRINTER_LOST.to_owned());
                self.ended(token, End::Failed(FailureReason::PrinterError), Some(detail));
            }
            _ => {}
        }
    }

    /// Looks at a new picture: did a print of ours begin, or is the one that we follow gone?
    pub(super) fn follow(&mut self, now: Timestamp) {
        let hears = self.hears_events();
        let (phase, words) = (self.view.phase(), self.view.words());
        let active = self.view.active_token();
        if let Some(token) = active.clone()
            && !self.view.is_winding_down(&token)
        {
            self.ends.begin(token);
        }
        let Some(following) = &mut self.ends.following else { return };
        if active.as_ref() == Some(&following.token) {
            following.ask_at = None;
            following.printer_lost = None;
            following.broken = !hears;
            following.cancel_seen |= phase == Some(Phase::Cancelling);
        } else if phase != Some(Phase::Other) && following.ask_at.is_none() {
            following.ask_at = Some(now.plus_millis(GRACE_MS));
            let lost = phase.is_some_and(Phase::is_disconnected) && !following.broken;
            following.printer_lost = lost.then_some(words);
        }
    }

    pub(super) fn missed_end_moment(&self) -> Option<Timestamp> {
        let following = self.ends.following.as_ref()?;
        let asking = self.requests.is_open(&Purpose::Past(following.token.clone(), AskedBy::Edge));
        if asking { None } else { following.ask_at }
    }

    pub(super) fn look_for_missed_end(&mut self, now: Timestamp) {
        if self.missed_end_moment().is_none_or(|moment| moment > now) {
            return;
        }
        let Some(token) = self.ends.following.as_ref().map(|following| following.token.clone()) else { return };
        self.ask_for_past(token, AskedBy::Edge);
    }

    pub(super) fn recall(&mut self, token: Token) {
        if !self.is_up() {
            return self.report(Report::History { token, history: History::Silent });
        }
        self.ask_for_past(token, AskedBy::Farm);
    }

    fn ask_for_past(&mut self, token: Token, asked_by: AskedBy) {
        let ask = self.requests.look_at(&copy_name(&token), Purpose::Past(token.clone(), asked_by));
        self.ask(ask);
    }

    pub(super) fn past_told(&mut self, now: Timestamp, token: Token, asked_by: AskedBy, reply: Reply) {
        let answered = matches!(&reply, Ok(answer) if matches!(answer.status, 200 | 404));
        let history = self.history(&token, &reply);
        match asked_by {
            AskedBy::Farm => self.report(Report::History { token, history }),
            AskedBy::Edge => {
                self.past_of_followed(now, token, answered, history);
                self.show(now);
            }
        }
    }

    fn past_of_followed(&mut self, now: Timestamp, token: Token, answered: bool, history: History) {
        let is_up = self.is_up();
        let Some(following) = self.ends.about(&token) else { return };
        if following.ask_at.is_none() {
            return; // It is seen running again.
        }
        if let History::Ended(end) = history {
            let detail = following.fault.take().or(following.said.take());
            return self.ended(token, end, detail);
        }
        following.asked += u32::from(answered || is_up);
        if following.asked < ASKED_AT_MOST {
            following.ask_at = Some(now.plus_millis(GRACE_MS));
            return;
        }
        if let Some(words) = following.printer_lost.take() {
            // A paused print whose printer goes leaves no event and no history. We saw both moments.
            let detail = following.said.take().unwrap_or(words);
            return self.ended(token, End::Failed(FailureReason::PrinterError), Some(detail));
        }
        self.ends.following = None;
        self.report(Report::History { token, history });
    }

    /// What OctoPrint's record of the copy says.
    fn history(&self, token: &Token, reply: &Reply) -> History {
        let Ok(answer) = reply else { return History::Silent };
        if answer.status == 404 {
            return History::NeverSaw;
        }
        let stored = json(answer).as_ref().and_then(StoredFile::read).filter(|_| answer.status == 200);
        match stored.map(|stored| (stored.successes, stored.failures)) {
            None => History::Silent,
            Some((0, 0)) if self.view.selected_token().as_ref() == Some(token) => History::Silent,
            Some((0, 0)) => History::NeverSaw,
            Some((_, 0)) => History::Ended(End::Completed { inferred: false }),
            Some((0, _)) => History::Ended(self.kind_of_failure(token)),
            // Somebody printed the copy again: which of them was ours cannot be told.
            Some((_, _)) => History::Silent,
        }
    }

    /// OctoPrint's history calls a cancel a failure.
    fn kind_of_failure(&self, token: &Token) -> End {
        if let Some((told, end)) = &self.ends.told
            && told == token
        {
            return *end;
        }
        let following = self.ends.following.as_ref().filter(|following| following.token == *token);
        let fault = following.is_some_and(|following| following.fault.is_some());
        let cancelled = following.is_some_and(|following| following.cancel_seen);
        if fault {
            End::Failed(FailureReason::PrinterError)
        } else if self.ends.cancel_asked.as_ref() == Some(token) {
            End::Cancelled(CancelReason::Requested)
        } else if cancelled {
            End::Cancelled(CancelReason::AtPrinter)
        } else {
            End::Failed(FailureReason::PrinterError)
        }
    }

    fn was_cancelled(&mut self, token: Token) {
        let fault = self.ends.about(&token).and_then(|following| {
            following.cancel_seen = true;
            following.fault.clone()
        });
        let end = match (&fault, self.ends.cancel_asked.as_ref() == Some(&token)) {
            (Some(_), _) => End::Failed(FailureReason::PrinterError),
            (None, true) => End::Cancelled(CancelReason::Requested),
            (None, false) => End::Cancelled(CancelReason::AtPrinter),
        };
        self.ended(token, end, fault);
    }

    fn ended(&mut self, token: Token, end: End, detail: Option<String>) {
        if self.ends.about(&token).is_some() {
            self.ends.following = None;
        }
        if self.ends.told.as_ref().is_some_and(|(told, _)| *told == token) {
            return;
        }
        self.ends.told = Some((token.clone(), end));
        self.view.wind_down(token.clone());
        self.report(Report::Ended { token, end, detail });
    }
}
