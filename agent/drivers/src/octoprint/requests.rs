//! What OctoPrint is asked, and what each answer was for. Names every path and every deadline; decides
//! nothing.

use std::collections::BTreeMap;

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::secret::Secret;
use http::Method;
use serde_json::{Value, json};

use super::{EXTENSION, FOLDER};
use crate::contract::Content;
use crate::web::{Answer, Ask, Body, Call, FilePart, Header, NoAnswer};

/// A question: the server has it at hand.
const QUESTION_MS: u64 = 15_000;

/// An act or a change of files: a small computer under load took half a minute over them.
const ACT_MS: u64 = 60_000;

/// The longest that nothing may move in an upload; at its end the server reads the whole file.
const UPLOAD_MS: u64 = 120_000;

/// What came of a call.
pub(super) type Reply = Result<Answer, NoAnswer>;

/// What a call was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Is this an OctoPrint?
    Version,
    /// Has it a printer?
    Connection,
    /// It shall look for its printer.
    ConnectPrinter,
    /// A name and a session for the socket.
    Login,
    /// State and job.
    Job,
    /// Temperatures.
    Printer,
    /// Room on its disk.
    Room,
    /// The next step of the file that is on its way.
    Send,
    /// The start.
    Start(AttemptId),
    /// Whose print is it, before this act?
    Fence(Act),
    /// The act.
    Act(Act),
    /// How the prints of this token's copy ended.
    Past(Token, AskedBy),
    /// What of ours lies there.
    Listing,
    /// Remove something; what comes of it does not matter.
    Remove,
}

/// Who wants to know how a print ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// The farm.
    Farm,
    /// We, since it is gone and no event said how.
    Edge,
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

/// Makes the calls and remembers what they were for.
#[derive(Debug)]
pub(super) struct Requests {
    key: Secret<String>,
    last: u64,
    open: BTreeMap<u64, Purpose>,
}

impl Requests {
    pub(super) const fn new(key: Secret<String>) -> Self {
        Self { key, last: 0, open: BTreeMap::new() }
    }

    /// The id of the call that was made last.
    pub(super) const fn last_id(&self) -> u64 {
        self.last
    }

    /// What the call was for; none if nobody waits for it any more.
    pub(super) fn close(&mut self, id: u64) -> Option<Purpose> {
        self.open.remove(&id)
    }

    /// Drops what was asked about the link itself; acts, files and histories go on.
    pub(super) fn abandon_questions(&mut self) -> Vec<Ask> {
        let of_the_link = |purpose: &Purpose| match purpose {
            Purpose::Version
            | Purpose::Connection
            | Purpose::ConnectPrinter
            | Purpose::Login
            | Purpose::Job
            | Purpose::Printer
            | Purpose::Room => true,
            Purpose::Send
            | Purpose::Start(_)
            | Purpose::Fence(_)
            | Purpose::Act(_)
            | Purpose::Past(..)
            | Purpose::Listing
            | Purpose::Remove => false,
        };
        let dropped: Vec<u64> = self.open.iter().filter(|(_, purpose)| of_the_link(purpose)).map(|(id, _)| *id).collect();
        self.open.retain(|_, purpose| !of_the_link(purpose));
        dropped.into_iter().map(Ask::Abandon).collect()
    }

    /// Whether such a call is under way.
    pub(super) fn is_open(&self, purpose: &Purpose) -> bool {
        self.open.values().any(|open| open == purpose)
    }

    /// Whether a start is under way.
    pub(super) fn is_starting(&self) -> bool {
        self.open.values().any(|open| matches!(open, Purpose::Start(_)))
    }

    pub(super) fn version(&mut self) -> Ask {
        self.get("/api/version".to_owned(), Purpose::Version)
    }

    pub(super) fn connection(&mut self) -> Ask {
        self.get("/api/connection".to_owned(), Purpose::Connection)
    }

    pub(super) fn connect_printer(&mut self) -> Ask {
        self.post("/api/connection", json!({"command": "connect"}), Purpose::ConnectPrinter)
    }

    pub(super) fn login(&mut self) -> Ask {
        self.post("/api/login", json!({"passive": true}), Purpose::Login)
    }

    pub(super) fn open_socket(&self) -> Ask {
        Ask::OpenSocket { path: "/sockjs/websocket".to_owned(), headers: self.headers() }
    }

    pub(super) fn job(&mut self, purpose: Purpose) -> Ask {
        self.get("/api/job".to_owned(), purpose)
    }

    pub(super) fn printer(&mut self) -> Ask {
        self.get("/api/printer".to_owned(), Purpose::Printer)
    }

    pub(super) fn room(&mut self) -> Ask {
        self.get("/api/files/local?recursive=false".to_owned(), Purpose::Room)
    }

    pub(super) fn act(&mut self, act: Act) -> Ask {
        let body = match act.verb {
            Verb::Pause => json!({"command": "pause", "action": "pause"}),
            Verb::Resume => json!({"command": "pause", "action": "resume"}),
            Verb::Cancel => json!({"command": "cancel"}),
        };
        self.post("/api/job", body, Purpose::Act(act))
    }

    pub(super) fn start(&mut self, attempt: AttemptId, token: &Token) -> Ask {
        let path = stored(&copy_name(token));
        self.post(&path, json!({"command": "select", "print": true}), Purpose::Start(attempt))
    }

    pub(super) fn listing(&mut self) -> Ask {
        self.get(format!("/api/files/local/{FOLDER}?recursive=false"), Purpose::Listing)
    }

    pub(super) fn look_at(&mut self, name: &str, purpose: Purpose) -> Ask {
        self.get(stored(name), purpose)
    }

    pub(super) fn remove(&mut self, name: &str, purpose: Purpose) -> Ask {
        self.call(Method::DELETE, stored(name), Body::Empty, ACT_MS, purpose)
    }

    pub(super) fn copy(&mut self, from: &str, to: &str) -> Ask {
        let body = json!({"command": "copy", "destination": format!("{FOLDER}/{to}")});
        self.post(&stored(from), body, Purpose::Send)
    }

    pub(super) fn make_folder(&mut self) -> Ask {
        let body = Body::Multipart { fields: vec![("foldername", FOLDER.to_owned())], file: None };
        self.call(Method::POST, "/api/files/local".to_owned(), body, ACT_MS, Purpose::Send)
    }

    pub(super) fn upload(&mut self, content: Content) -> Ask {
        let file = FilePart { field: "file", name: content_name(&content), content };
        let body = Body::Multipart { fields: vec![("path", FOLDER.to_owned())], file: Some(file) };
        self.call(Method::POST, "/api/files/local".to_owned(), body, UPLOAD_MS, Purpose::Send)
    }

    fn get(&mut self, path: String, purpose: Purpose) -> Ask {
        self.call(Method::GET, path, Body::Empty, QUESTION_MS, purpose)
    }

    fn post(&mut self, path: &str, body: Value, purpose: Purpose) -> Ask {
        self.call(Method::POST, path.to_owned(), Body::Json(body), ACT_MS, purpose)
    }

    fn call(&mut self, method: Method, path: String, body: Body, deadline_ms: u64, purpose: Purpose) -> Ask {
        self.last += 1;
        self.open.insert(self.last, purpose);
        Ask::Call(Call { id: self.last, method, path, headers: self.headers(), body, deadline_ms })
    }

    fn headers(&self) -> Vec<Header> {
        vec![("x-api-key", self.key.clone())]
    }
}

/// The name of an attempt's copy.
pub(super) fn copy_name(token: &Token) -> String {
    format!("{}.{EXTENSION}", token.as_str())
}

/// The name under which content lies; half of its hash is enough to tell files apart.
pub(super) fn content_name(content: &Content) -> String {
    let hash = content.sha256.to_string();
    format!("{}.{EXTENSION}", hash.get(..32).unwrap_or(&hash))
}

/// Whether the name is one of [`content_name`].
pub(super) fn is_content_name(name: &str) -> bool {
    let hash = name.strip_suffix(EXTENSION).and_then(|name| name.strip_suffix('.'));
    hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn stored(name: &str) -> String {
    format!("/api/files/local/{FOLDER}/{name}")
}
