//! What Moonraker is asked, and what each answer was for. Names every path and every deadline; decides
//! nothing.

use std::collections::BTreeMap;

use domain::attempt::Token;
use domain::id::{AttemptId, CommandId};
use domain::secret::Secret;
use http::Method;
use serde_json::{Map, Value, json};

use super::wire::fields_of_use;
use super::{EXTENSION, FOLDER};
use crate::contract::Content;
use crate::web::{Answer, Ask, Body, Call, FilePart, Header, NoAnswer};

/// A question: the server has it at hand.
const QUESTION_MS: u64 = 15_000;

/// A change of files, at whose end a small computer reads the whole file.
const CHANGE_MS: u64 = 60_000;

/// An act: Klipper does it after the line that it is at, and that may be a heating-up.
const ACT_MS: u64 = 300_000;

/// The longest that nothing may move in an upload; at its end the server reads the whole file.
const UPLOAD_MS: u64 = 120_000;

/// So many jobs of the history are looked through, the newest.
pub(super) const HISTORY_LOOKED_AT: usize = 100;

/// What is said over the socket, and what each answer there was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Who we are.
    Identify = 1,
    /// What we want to be told.
    Subscribe = 2,
    /// Is anybody there?
    Ping = 3,
}

impl Said {
    /// What the answer with that number is for.
    pub(super) fn of(id: u64) -> Option<Self> {
        [Self::Identify, Self::Subscribe, Self::Ping].into_iter().find(|said| *said as u64 == id)
    }
}

/// What came of a call.
pub(super) type Reply = Result<Answer, NoAnswer>;

/// What a call was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Is this a Moonraker, and has it Klipper?
    Server,
    /// What Klipper's objects are.
    Objects,
    /// What Klipper calls itself.
    Firmware,
    /// The picture.
    Picture,
    /// Room on its disk.
    Room,
    /// The next step of the file that is on its way.
    Send,
    /// Is it idle, before this start?
    Before(AttemptId, Token),
    /// The start.
    Start(AttemptId, Token),
    /// The start was refused in these words: did it begin nevertheless?
    Refused(AttemptId, Token, String),
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
    /// We, since it is gone and nothing shows how.
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
    /// The thing that is meant.
    pub object: Option<String>,
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
    /// Leave out a thing of it.
    Skip,
}

/// Makes the calls and remembers what they were for.
#[derive(Debug)]
pub(super) struct Requests {
    key: Option<Secret<String>>,
    last: u64,
    open: BTreeMap<u64, Purpose>,
}

impl Requests {
    pub(super) const fn new(key: Option<Secret<String>>) -> Self {
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
            Purpose::Server | Purpose::Objects | Purpose::Firmware | Purpose::Picture | Purpose::Room => true,
            Purpose::Send
            | Purpose::Before(..)
            | Purpose::Start(..)
            | Purpose::Refused(..)
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
        let starts = |open: &Purpose| matches!(open, Purpose::Before(..) | Purpose::Start(..) | Purpose::Refused(..));
        self.open.values().any(starts)
    }

    pub(super) fn server(&mut self) -> Ask {
        self.get("/server/info".to_owned(), Purpose::Server)
    }

    pub(super) fn objects(&mut self) -> Ask {
        self.get("/printer/objects/list".to_owned(), Purpose::Objects)
    }

    pub(super) fn firmware(&mut self) -> Ask {
        self.get("/printer/info".to_owned(), Purpose::Firmware)
    }

    pub(super) fn room(&mut self) -> Ask {
        self.get("/server/files/directory?path=gcodes".to_owned(), Purpose::Room)
    }

    /// The picture of these objects.
    pub(super) fn picture(&mut self, objects: &[String], purpose: Purpose) -> Ask {
        let asked = |object: &String| match fields_of_use(object) {
            Some(fields) => format!("{}={}", quoted(object), fields.join(",")),
            None => quoted(object),
        };
        let objects: Vec<String> = objects.iter().map(asked).collect();
        self.get(format!("/printer/objects/query?{}", objects.join("&")), purpose)
    }

    pub(super) fn start(&mut self, attempt: AttemptId, token: Token) -> Ask {
        let body = json!({"filename": format!("{FOLDER}/{}", copy_name(&token))});
        self.post("/printer/print/start", Body::Json(body), ACT_MS, Purpose::Start(attempt, token))
    }

    pub(super) fn act(&mut self, act: Act) -> Ask {
        let (path, body) = match (act.verb, &act.object) {
            (Verb::Pause, _) => ("/printer/print/pause", Body::Empty),
            (Verb::Resume, _) => ("/printer/print/resume", Body::Empty),
            (Verb::Cancel, _) => ("/printer/print/cancel", Body::Empty),
            (Verb::Skip, object) => {
                let name = object.as_deref().unwrap_or_default();
                ("/printer/gcode/script", Body::Json(json!({"script": format!("EXCLUDE_OBJECT NAME={name}")})))
            }
        };
        self.post(path, body, ACT_MS, Purpose::Act(act))
    }

    pub(super) fn history(&mut self, purpose: Purpose) -> Ask {
        self.get(format!("/server/history/list?order=desc&limit={HISTORY_LOOKED_AT}"), purpose)
    }

    pub(super) fn listing(&mut self, purpose: Purpose) -> Ask {
        self.get(format!("/server/files/directory?path=gcodes/{FOLDER}"), purpose)
    }

    pub(super) fn remove(&mut self, name: &str) -> Ask {
        self.call(Method::DELETE, format!("/server/files/gcodes/{FOLDER}/{name}"), Body::Empty, CHANGE_MS, Purpose::Remove)
    }

    pub(super) fn make_folder(&mut self) -> Ask {
        let body = json!({"path": format!("gcodes/{FOLDER}")});
        self.post("/server/files/directory", Body::Json(body), CHANGE_MS, Purpose::Send)
    }

    pub(super) fn copy(&mut self, from: &str, to: &str) -> Ask {
        let stored = |name: &str| format!("gcodes/{FOLDER}/{name}");
        let body = json!({"source": stored(from), "dest": stored(to)});
        self.post("/server/files/copy", Body::Json(body), CHANGE_MS, Purpose::Send)
    }

    pub(super) fn upload(&mut self, content: Content) -> Ask {
        let fields = vec![("root", "gcodes".to_owned()), ("path", FOLDER.to_owned()), ("checksum", content.sha256.to_string())];
        let file = FilePart { field: "file", name: content_name(&content), content };
        let body = Body::Multipart { fields, file: Some(file) };
        self.post("/server/files/upload", body, UPLOAD_MS, Purpose::Send)
    }

    pub(super) fn open_socket(&self) -> Ask {
        Ask::OpenSocket { path: "/websocket".to_owned(), headers: self.headers() }
    }

    pub(super) fn identify(&self) -> Ask {
        let mut who = json!({
            "client_name": "Gantry", "version": env!("CARGO_PKG_VERSION"), "type": "other", "url": "https://gantry.example",
        });
        if let Some(key) = &self.key {
            who["api_key"] = json!(key.expose());
        }
        say(Said::Identify, "server.connection.identify", who)
    }

    pub(super) fn subscribe(objects: &[String]) -> Ask {
        let objects: Map<String, Value> = objects.iter().map(|object| (object.clone(), json!(fields_of_use(object)))).collect();
        say(Said::Subscribe, "printer.objects.subscribe", json!({"objects": objects}))
    }

    pub(super) fn ping() -> Ask {
        say(Said::Ping, "server.info", json!({}))
    }

    fn get(&mut self, path: String, purpose: Purpose) -> Ask {
        self.call(Method::GET, path, Body::Empty, QUESTION_MS, purpose)
    }

    fn post(&mut self, path: &str, body: Body, deadline_ms: u64, purpose: Purpose) -> Ask {
        self.call(Method::POST, path.to_owned(), body, deadline_ms, purpose)
    }

    fn call(&mut self, method: Method, path: String, body: Body, deadline_ms: u64, purpose: Purpose) -> Ask {
        self.last += 1;
        self.open.insert(self.last, purpose);
        Ask::Call(Call { id: self.last, method, path, headers: self.headers(), body, deadline_ms })
    }

    fn headers(&self) -> Vec<Header> {
        self.key.iter().map(|key| ("x-api-key", key.clone())).collect()
    }
}

fn say(said: Said, method: &str, params: Value) -> Ask {
    let message = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": said as u64});
    Ask::SocketSend(Secret::new(message.to_string()))
}

/// An object's name in a query; it may have blanks and what people call their sensors.
fn quoted(object: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    object.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
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
