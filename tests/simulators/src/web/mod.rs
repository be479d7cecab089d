//! What simulated servers with HTTP have in common, whatever brand they are: what goes in and comes out as values (here), `held`
//! (answers that wait), `control` (the testers' own door), `shell` (the socket).

pub(crate) mod control;
pub(crate) mod held;
pub mod shell;

use bytes::Bytes;
use domain::time::Timestamp;
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The caller's number for one HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// The caller's number for one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// What reaches a server. `P` is what a person does at its printer, `F` its faults, `D` tells its sockets' doors apart.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Input<P, F, D> {
    /// An HTTP request, whole.
    Request {
        /// Names it in the answer.
        id: RequestId,
        /// The request; its target is path and query.
        request: http::Request<Bytes>,
    },
    /// Somebody opened a socket.
    SocketOpened {
        /// Names it from now on.
        socket: SocketId,
        /// Which door it came to.
        door: D,
    },
    /// A text came in on a socket.
    SocketText {
        /// Which one.
        socket: SocketId,
        /// The text.
        text: String,
    },
    /// The other side closed a socket.
    SocketClosed {
        /// Which one.
        socket: SocketId,
    },
    /// A person at the machine.
    Person(P),
    /// These faults hold from now on, and no others.
    Faults(F),
    /// Everything but the disk is lost; the server is away for this long, then boots.
    PowerCut {
        /// How long.
        off_ms: u64,
    },
    /// Time has passed.
    Wake,
}

/// What a server does.
#[derive(Debug)]
pub enum Output {
    /// Answers a request.
    Response {
        /// Which one.
        request: RequestId,
        /// The answer.
        response: http::Response<Bytes>,
    },
    /// Breaks the connection of a request, without an answer.
    Cut {
        /// Which one.
        request: RequestId,
    },
    /// Sends a text on a socket.
    Text {
        /// Which one.
        socket: SocketId,
        /// The text.
        text: String,
    },
    /// Closes a socket.
    Close {
        /// Which one.
        socket: SocketId,
    },
}

/// What a test wants to count. Not lost in a power cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Starts that were answered as accepted, per file.
    pub starts_accepted: BTreeMap<String, u64>,
    /// Prints that began, per file, whoever started them.
    pub prints_begun: BTreeMap<String, u64>,
    /// Uploads stored.
    pub uploads: u64,
    /// Their bytes.
    pub upload_bytes: u64,
    /// Prints that came to their end.
    pub prints_done: u64,
    /// Prints cancelled.
    pub prints_cancelled: u64,
    /// Prints that failed, lost in a power cut included.
    pub prints_failed: u64,
}

/// What reaches that server.
pub type InputOf<S> = Input<<S as Server>::Person, <S as Server>::Faults, <S as Server>::Door>;

/// A simulated server's core.
pub trait Server: Sized + Send + 'static {
    /// How it is set up.
    type Settings: Send;
    /// What can be wrong with it.
    type Faults: Serialize + DeserializeOwned + Send;
    /// What a person does at its printer.
    type Person: DeserializeOwned + Send;
    /// Tells its sockets' doors apart.
    type Door: Copy + Send + Sync + 'static;

    /// Where it takes sockets.
    const SOCKETS: &'static [(&'static str, Self::Door)];

    /// One that has just booted.
    fn new(settings: Self::Settings, now: Timestamp) -> Self;

    /// Takes one input at the moment it comes.
    fn handle(&mut self, now: Timestamp, input: InputOf<Self>) -> Vec<Output>;

    /// When `Input::Wake` is due next, if nothing else comes.
    fn next_wake(&self) -> Option<Timestamp>;

    /// What was counted so far.
    fn counters(&self) -> &Counters;

    /// The faults that hold.
    fn faults(&self) -> &Self::Faults;

    /// Its own word for its state.
    fn state(&self) -> &'static str;

    /// Whether that request brings a file, and after how many bytes of it the connection breaks.
    fn cuts_after(&self, request: &http::Request<Bytes>) -> Option<u64>;

    /// Why a socket is not opened for somebody who asks like that.
    fn bars(&self, _headers: &HeaderMap) -> Option<http::Response<Bytes>> {
        None
    }
}
