//! How a print of ours ended: from the state in which Klipper leaves it, else from the history that
//! Moonraker keeps. An end is told once, on an edge; what proves nothing is told as that.

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::History;
use domain::time::Timestamp;
use serde_json::Value;

use super::core::Core;
use super::requests::{AskedBy, HISTORY_LOOKED_AT, Purpose, Reply};
use super::wire::{Fate, PastJob, Phase, json};
use crate::contract::{Report, Watched};

/// The mark of an attempt that we asked to be cancelled: neither state nor history say who asked.
const CANCEL_ASKED: &str = "cancel_asked";

/// The history is written a little after the state.
const GRACE_MS: i64 = 2_000;

/// How often a history that says nothing is asked before that is believed.
const ASKED_AT_MOST: u32 = 3;

/// What is known of the print of ours that is on the printer, and of the last one.
#[derive(Debug, Default)]
pub(super) struct Ends {
    following: Option<Following>,
    /// The end that was told last.
    told: Option<(Token, End)>,
    /// The token that we asked to be cancelled.
    cancel_asked: Option<Token>,
}

#[derive(Debug)]
struct Following {
    token: Token,
    /// What the history said when it closed the job.
    said: Option<Fate>,
    /// It is gone, nothing shows how, and this is when the history is asked.
    ask_at: Option<Timestamp>,
    asked: u32,
}

impl Ends {
    /// The print that we follow is not seen any more, and how it ended is not known yet.
    pub(super) fn is_unresolved(&self) -> bool {
        self.following.as_ref().is_some_and(|following| following.ask_at.is_some())
    }

    fn begin(&mut self, token: Token) {
        match &mut self.following {
            Some(following) if following.token == token => following.ask_at = None,
            Some(_) | None => self.following = Some(Following { token, said: None, ask_at: None, asked: 0 }),
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
        self.ends.cancel_asked = Some(token.clone());
        self.report(Report::Mark { token: token.clone(), mark: CANCEL_ASKED.to_owned() });
    }

    /// The printer refused it.
    pub(super) fn cancel_was_refused(&mut self, token: &Token) {
        self.ends.cancel_asked = None;
        self.report(Report::Mark { token: token.clone(), mark: String::new() });
    }

    /// Looks at a new picture: did a print of ours begin, or is the one that we follow gone?
    pub(super) fn follow(&mut self, now: Timestamp) {
        let active = self.view.active_token();
        let before = self.ends.following.as_ref().map(|following| following.token.clone());
        if let Some(token) = &before
            && active.as_ref() != Some(token)
            && self.view.is_answering()
        {
            self.gone(now, token.clone());
        }
        if let Some(token) = active {
            self.ends.begin(token);
        }
    }

    fn gone(&mut self, now: Timestamp, token: Token) {
        if let Some((end, detail)) = self.end_shown(&token) {
            return self.ended(token, end, detail);
        }
        let Some(following) = self.ends.about(&token) else { return };
        if let Some(fate) = following.said.take()
            && let Some((end, detail)) = self.end_of(&token, fate)
        {
            return self.ended(token, end, detail.map(str::to_owned));
        }
        if let Some(following) = self.ends.about(&token) {
            following.ask_at.get_or_insert(now.plus_millis(GRACE_MS));
        }
    }

    /// How the print of the token ended, if that is what the printer shows.
    fn end_shown(&self, token: &Token) -> Option<(End, Option<String>)> {
        let (picture, halt) = match self.view.halted() {
            Some((picture, words)) => (picture, Some(words)),
            None => (self.view.picture(), None),
        };
        let picture = picture.filter(|picture| picture.token().as_ref() == Some(token))?;
        match picture.phase {
            Phase::Complete => Some((End::Completed { inferred: false }, None)),
            Phase::Cancelled => Some((self.cancelled(token), None)),
            Phase::Failed => {
                let detail = halt.map(str::to_owned).or(picture.message.clone());
                Some((End::Failed(FailureReason::PrinterError), detail))
            }
            // It stands in the middle, and Klipper goes on with nothing that it stopped over a fault.
            Phase::Printing | Phase::Paused => {
                halt.map(|words| (End::Failed(FailureReason::PrinterError), Some(words.to_owned())))
            }
            Phase::Standby | Phase::Other => None,
        }
    }

    fn end_of(&self, token: &Token, fate: Fate) -> Option<(End, Option<&'static str>)> {
        let failed = |detail| Some((End::Failed(FailureReason::PrinterError), Some(detail)));
        match fate {
            Fate::Completed => Some((End::Completed { inferred: false }, None)),
            Fate::Cancelled => Some((self.cancelled(token), None)),
            Fate::Failed => failed("a command of the file failed"),
            Fate::Halted => failed("Klipper shut down in the print"),
            Fate::HostLost => failed("Klipper was restarted or lost in the print"),
            Fate::Open => None,
        }
    }

    fn cancelled(&self, token: &Token) -> End {
        let asked = self.ends.cancel_asked.as_ref() == Some(token);
        End::Cancelled(if asked { CancelReason::Requested } else { CancelReason::AtPrinter })
    }

    /// Moonraker closed a job: kept until the picture shows it gone, for it may know less than the picture.
    pub(super) fn history_changed(&mut self, now: Timestamp, change: &Value) {
        let finished = change.get("action").and_then(Value::as_str) == Some("finished");
        let Some(past) = change.get("job").filter(|_| finished).and_then(PastJob::read) else { return };
        let said = match past.fate {
            Fate::Completed | Fate::Cancelled | Fate::Failed | Fate::Halted => past.fate,
            Fate::HostLost | Fate::Open => return,
        };
        if let Some(following) = self.ends.about(&past.token) {
            following.said = Some(said);
            self.poll(now);
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
        let ask = self.requests.history(Purpose::Past(token, asked_by));
        self.ask(ask);
    }

    pub(super) fn past_told(&mut self, now: Timestamp, token: Token, asked_by: AskedBy, reply: Reply) {
        let (history, detail) = self.history(&token, &reply);
        match asked_by {
            AskedBy::Farm => self.report(Report::History { token, history }),
            AskedBy::Edge => {
                let answered = matches!(&reply, Ok(answer) if answer.status < 500);
                self.past_of_followed(now, token, answered, history, detail);
                self.show(now);
            }
        }
    }

    fn past_of_followed(&mut self, now: Timestamp, token: Token, answered: bool, history: History, detail: Option<&str>) {
        let is_up = self.is_up();
        let Some(following) = self.ends.about(&token) else { return };
        if following.ask_at.is_none() {
            return; // It is seen running again.
        }
        if let History::Ended(end) = history {
            return self.ended(token, end, detail.map(str::to_owned));
        }
        following.asked += u32::from(answered || is_up);
        if following.asked < ASKED_AT_MOST {
            following.ask_at = Some(now.plus_millis(GRACE_MS));
            return;
        }
        self.ends.following = None;
        self.report(Report::History { token, history });
    }

    /// What the newest jobs of Moonraker's history say of the token's copy.
    fn history(&self, token: &Token, reply: &Reply) -> (History, Option<&'static str>) {
        let silent = (History::Silent, None);
        let body = reply.as_ref().ok().filter(|answer| answer.status == 200).and_then(json);
        let Some(jobs) = body.as_ref().and_then(|body| body.pointer("/result/jobs")?.as_array()) else { return silent };
        let ours = jobs.iter().filter_map(PastJob::read).filter(|past| past.token == *token);
        let fates: Vec<Fate> = ours.map(|past| past.fate).collect();
        let shown = self.end_shown(token).map(|(end, _)| end);
        let shows = self.view.picture().is_some_and(|picture| picture.token().as_ref() == Some(token));
        match (fates.as_slice(), shown) {
            ([] | [_], Some(end)) => (History::Ended(end), None),
            ([], None) if !shows && jobs.len() < HISTORY_LOOKED_AT => (History::NeverSaw, None),
            ([], None) => silent,
            // Somebody printed the copy again: if they ended differently, which was ours cannot be told.
            ([fate, others @ ..], _) if others.iter().all(|other| other == fate) => {
                self.end_of(token, *fate).map_or(silent, |(end, detail)| (History::Ended(end), detail))
            }
            ([..], _) => silent,
        }
    }

    fn ended(&mut self, token: Token, end: End, detail: Option<String>) {
        if self.ends.about(&token).is_some() {
            self.ends.following = None;
        }
        if self.ends.told.as_ref().is_some_and(|(told, _)| *told == token) {
            return;
        }
        self.ends.told = Some((token.clone(), end));
        self.report(Report::Ended { token, end, detail });
    }
}
