//! What PrusaLink is asked, and what each answer was for. Names every path and every deadline. Asks one
//! thing at a time, for a printer has few connections; only an upload, which takes minutes, goes beside.
//! Answers a server that asks who we are, for every call alike.

use std::collections::VecDeque;

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::secret::Secret;
use domain::time::Timestamp;
use http::Method;

use super::FOLDER;
use super::auth::{Auth, Challenge};
use crate::contract::Content;
use crate::web::{Answer, Ask, Body, Call, NoAnswer};

/// A question: the server has it at hand.
const QUESTION_MS: u64 = 10_000;

/// An act or a look at a file: a Raspberry Pi reads the whole of a new one before it answers.
const ACT_MS: u64 = 30_000;

/// The longest that nothing may move in an upload; at its end the printer puts the file in its place.
const UPLOAD_MS: u64 = 120_000;

/// So often a call is made anew because the server asks who we are.
const TRIES: u8 = 3;

/// What came of a call.
pub(super) type Reply = Result<Answer, NoAnswer>;

/// What a call was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Is this a PrusaLink?
    Version,
    /// Where can files be put?
    Storage,
    /// What does it show?
    Status,
    /// Whose is the job that it shows?
    Job,
    /// The next step of the file that is on its way.
    Send,
    /// Is it idle, before this start?
    Before(AttemptId, Token),
    /// The start.
    Start(AttemptId),
    /// Is it idle after that refusal?
    Refused(AttemptId, String),
    /// Whose print is it, before this act?
    Fence(Act),
    /// The act.
    Act(Act),
    /// Was a job of that number its last one? And does it say so of the number after it too?
    WasLast(Token, u64),
    WasNext(Token),
    /// What of ours lies there, and whose is done with?
    Listing(Token),
    /// Remove something; what comes of it does not matter.
    Remove,
    /// What does it ask of who shows nothing? An upload needs a fresh nonce.
    Nonce,
}

/// Something done to a print that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    /// What.
    pub verb: Verb,
    /// The print that is meant.
    pub token: Token,
    /// Who follows it.
    pub command: Option<CommandId>,
}

/// What can be done to a print that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Let it stand still.
    Pause,
    /// Let it go on.
    Resume,
    /// End it.
    Cancel,
}

/// A call before it is made.
#[derive(Debug)]
struct Draft {
    purpose: Purpose,
    method: Method,
    path: String,
    content: Option<Content>,
    deadline_ms: u64,
    tries: u8,
}

/// A call that is under way.
#[derive(Debug)]
struct Open {
    id: u64,
    asked_at: Timestamp,
    draft: Draft,
}

/// An answered call.
#[derive(Debug)]
pub(super) struct Closed {
    /// What it was for.
    pub purpose: Purpose,
    /// When it left.
    pub asked_at: Timestamp,
    /// What came of it.
    pub reply: Reply,
}

/// Makes the calls and remembers what they were for.
#[derive(Debug)]
pub(super) struct Requests {
    auth: Auth,
    /// The path of the address, which stands before every other.
    prefix: String,
    last: u64,
    waiting: VecDeque<Draft>,
    /// The one that is under way, and the upload beside it.
    open: Option<Open>,
    upload: Option<Open>,
    /// The nonce was just given.
    is_fresh: bool,
}

impl Requests {
    pub(super) fn new(entered: &Secret<String>, prefix: String) -> Self {
        Self { auth: Auth::new(entered), prefix, last: 0, waiting: VecDeque::new(), open: None, upload: None, is_fresh: false }
    }

    /// The calls that can be made now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Ask> {
        let mut asks = Vec::new();
        while let Some(at) = self.waiting.iter().position(|draft| self.may_go(draft)) {
            let Some(mut next) = self.waiting.remove(at) else { break };
            if next.content.is_some() && self.auth.is_digest() && !std::mem::take(&mut self.is_fresh) {
                self.waiting.push_front(next);
                next = draft(Method::GET, "/api/version".to_owned(), QUESTION_MS, Purpose::Nonce);
            }
            asks.push(self.make(now, next));
        }
        asks
    }

    /// An upload needs both: its nonce is asked where all else is.
    fn may_go(&self, draft: &Draft) -> bool {
        self.open.is_none() && (draft.content.is_none() || self.upload.is_none())
    }

    fn make(&mut self, now: Timestamp, draft: Draft) -> Ask {
        self.last += 1;
        let id = self.last;
        let shown = if draft.purpose == Purpose::Nonce {
            None
        } else {
            self.auth.header(&draft.method, &format!("{}{}", self.prefix, draft.path), id)
        };
        let plain = |text: &str| Secret::new(text.to_owned());
        let mut headers: Vec<_> = shown.into_iter().chain([("accept", plain("application/json"))]).collect();
        let body = match &draft.content {
            None => Body::Empty,
            Some(content) => {
                // A Raspberry Pi breaks over any other type; a file that lies there is a part of an earlier try.
                headers.extend([("content-type", plain("text/x.gcode")), ("overwrite", plain("?1"))]);
                Body::Content(content.clone())
            }
        };
        let (method, path, deadline_ms) = (draft.method.clone(), draft.path.clone(), draft.deadline_ms);
        let slot = if draft.content.is_some() { &mut self.upload } else { &mut self.open };
        *slot = Some(Open { id, asked_at: now, draft });
        Ask::Call(Call { id, method, path, headers, body, deadline_ms })
    }

    /// What the call was for; none if nobody waits for it any more, or if it is made anew.
    pub(super) fn close(&mut self, id: u64, reply: Reply) -> Option<Closed> {
        let open = self.open.take_if(|open| open.id == id).or_else(|| self.upload.take_if(|open| open.id == id))?;
        let Open { asked_at, mut draft, .. } = open;
        if let Ok(answer) = &reply
            && matches!(answer.status, 401 | 403)
            && self.may_be_let_in(answer, &draft)
        {
            draft.tries += 1;
            self.waiting.push_front(draft);
            return None;
        }
        if draft.purpose == Purpose::Nonce {
            self.is_fresh = true;
            return None;
        }
        Some(Closed { purpose: draft.purpose, asked_at, reply })
    }

    /// Whether the call shall be made anew, with what the server now asks. It has done nothing.
    fn may_be_let_in(&mut self, answer: &Answer, draft: &Draft) -> bool {
        let header = answer.headers.iter().find(|(name, _)| *name == "www-authenticate");
        let challenge = header.and_then(|(_, value)| Challenge::read(value));
        if draft.purpose == Purpose::Nonce {
            if let Some(challenge) = challenge {
                self.auth.challenged(challenge);
            }
            return false;
        }
        if !self.auth.is_digest() {
            // Only at the greeting: a key that was good is not a password.
            return draft.purpose == Purpose::Version && self.auth.try_as_password();
        }
        let Some(challenge) = challenge.filter(|_| answer.status == 401 && draft.tries < TRIES) else { return false };
        // Who showed nothing yet is asked for the first time; a nonce that ran out is no wrong password.
        let was_shown = self.auth.header(&draft.method, &draft.path, 0).is_some();
        let again = challenge.is_stale || !was_shown;
        self.auth.challenged(challenge);
        again
    }

    /// The server is greeted anew.
    pub(super) fn start_over(&mut self) {
        self.auth.start_over();
    }

    /// Drops what was asked about the link itself; acts and files go on.
    pub(super) fn abandon_questions(&mut self) -> Option<Ask> {
        let of_the_link = |purpose: &Purpose| match purpose {
            Purpose::Version | Purpose::Storage | Purpose::Status | Purpose::Job => true,
            Purpose::Send
            | Purpose::Before(..)
            | Purpose::Start(_)
            | Purpose::Refused(..)
            | Purpose::Fence(_)
            | Purpose::Act(_)
            | Purpose::WasLast(..)
            | Purpose::WasNext(_)
            | Purpose::Listing(_)
            | Purpose::Remove
            | Purpose::Nonce => false,
        };
        self.waiting.retain(|draft| !of_the_link(&draft.purpose));
        self.open.take_if(|open| of_the_link(&open.draft.purpose)).map(|open| Ask::Abandon(open.id))
    }

    /// Drops all that has not left: nothing is kept to be done later.
    pub(super) fn drop_waiting(&mut self) -> Vec<Purpose> {
        self.waiting.drain(..).map(|draft| draft.purpose).collect()
    }

    /// Drops the step of the file that is on its way.
    pub(super) fn abandon_sending(&mut self) -> Option<Ask> {
        let sends = |draft: &Draft| draft.purpose == Purpose::Send;
        self.waiting.retain(|draft| !sends(draft));
        let open = self.upload.take().or_else(|| self.open.take_if(|open| sends(&open.draft)));
        open.map(|open| Ask::Abandon(open.id))
    }

    /// Whether that call is the upload that is under way.
    pub(super) fn is_upload(&self, id: u64) -> bool {
        self.upload.as_ref().is_some_and(|open| open.id == id)
    }

    /// Whether such a call is under way or waits.
    pub(super) fn is_asked(&self, is: impl Fn(&Purpose) -> bool) -> bool {
        let open = self.open.iter().map(|open| &open.draft);
        open.chain(&self.waiting).any(|draft| is(&draft.purpose))
    }

    pub(super) fn version(&mut self) {
        self.ask(Method::GET, "/api/version".to_owned(), QUESTION_MS, Purpose::Version);
    }

    pub(super) fn storage(&mut self) {
        self.ask(Method::GET, "/api/v1/storage".to_owned(), QUESTION_MS, Purpose::Storage);
    }

    pub(super) fn status(&mut self, purpose: Purpose) {
        self.ask(Method::GET, "/api/v1/status".to_owned(), QUESTION_MS, purpose);
    }

    pub(super) fn job(&mut self, purpose: Purpose) {
        self.ask(Method::GET, "/api/v1/job".to_owned(), QUESTION_MS, purpose);
    }

    /// Of a number that is not its last one a printer knows nothing; of its last one it answers that it cannot
    /// be read. Nothing is changed by either.
    pub(super) fn job_of(&mut self, id: u64, purpose: Purpose) {
        self.ask(Method::GET, format!("/api/v1/job/{id}"), QUESTION_MS, purpose);
    }

    pub(super) fn act(&mut self, id: u64, act: Act) {
        let (method, path) = match act.verb {
            Verb::Pause => (Method::PUT, format!("/api/v1/job/{id}/pause")),
            Verb::Resume => (Method::PUT, format!("/api/v1/job/{id}/resume")),
            Verb::Cancel => (Method::DELETE, format!("/api/v1/job/{id}")),
        };
        self.ask(method, path, ACT_MS, Purpose::Act(act));
    }

    pub(super) fn start(&mut self, storage: &str, name: &str, attempt: AttemptId) {
        self.ask(Method::POST, stored(storage, name), ACT_MS, Purpose::Start(attempt));
    }

    pub(super) fn listing(&mut self, storage: &str, done_with: Token) {
        self.ask(Method::GET, format!("/api/v1/files/{storage}/{FOLDER}"), ACT_MS, Purpose::Listing(done_with));
    }

    pub(super) fn look_at(&mut self, storage: &str, name: &str) {
        self.ask(Method::GET, stored(storage, name), ACT_MS, Purpose::Send);
    }

    pub(super) fn remove(&mut self, storage: &str, name: &str) {
        self.ask(Method::DELETE, stored(storage, name), ACT_MS, Purpose::Remove);
    }

    pub(super) fn upload(&mut self, storage: &str, name: &str, content: Content) {
        let bare = draft(Method::PUT, stored(storage, name), UPLOAD_MS, Purpose::Send);
        self.waiting.push_back(Draft { content: Some(content), ..bare });
    }

    fn ask(&mut self, method: Method, path: String, deadline_ms: u64, purpose: Purpose) {
        self.waiting.push_back(draft(method, path, deadline_ms, purpose));
    }
}

const fn draft(method: Method, path: String, deadline_ms: u64, purpose: Purpose) -> Draft {
    Draft { purpose, method, path, content: None, deadline_ms, tries: 0 }
}

/// How a file of ends that a printer takes is named for it; none if no printer takes it.
pub(super) fn file_end(content: &Content) -> Option<&'static str> {
    match content.extension.to_ascii_lowercase().as_str() {
        "gcode" | "gco" | "gc" | "g" => Some("gcode"),
        "bgcode" | "bgc" => Some("bgcode"),
        _ => None,
    }
}

/// The name of an attempt's file.
pub(super) fn file_name(token: &Token, end: &str) -> String {
    format!("{}.{end}", token.as_str())
}

fn stored(storage: &str, name: &str) -> String {
    format!("/api/v1/files/{storage}/{FOLDER}/{name}")
}
