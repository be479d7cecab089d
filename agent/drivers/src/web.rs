//! What brands with HTTP and a WebSocket ask of their link and hear from it, as plain values. A core
//! deals only in these; the shell below carries them out over real sockets. Nothing here knows a brand.

use bytes::Bytes;
use domain::secret::Secret;
use http::Method;

use crate::contract::Content;

mod address;
mod calls;
mod shell;
mod socket;
#[cfg(test)]
mod tests;

pub use address::WebAddress;
pub use calls::client;
pub use shell::drive;
pub use socket::dial;

/// The most bytes of an answer or of a socket's message that are taken.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The headers of an answer that a core gets to see.
pub const KEPT_HEADERS: [&str; 3] = ["content-type", "location", "www-authenticate"];

/// What is asked of the link.
#[derive(Debug, PartialEq)]
pub enum Ask {
    /// Make this call.
    Call(Call),
    /// Drop that call; nothing more is heard of it.
    Abandon(u64),
    /// Open the socket, in place of one that is open.
    OpenSocket {
        /// The path under the address.
        path: String,
        /// Headers of the handshake.
        headers: Vec<Header>,
    },
    /// Send this text through the socket; lost if it is not open.
    SocketSend(Secret<String>),
    /// Close the socket; nothing more is heard of it.
    CloseSocket,
}

/// A header. Its value may be a key, so it does not print.
pub type Header = (&'static str, Secret<String>);

/// One HTTP call.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// Under which its answer comes; never used twice.
    pub id: u64,
    /// The method.
    pub method: Method,
    /// The path and query under the address.
    pub path: String,
    /// Its headers.
    pub headers: Vec<Header>,
    /// Its body.
    pub body: Body,
    /// How long it may take. For a body of content: how long nothing may move.
    pub deadline_ms: u64,
}

/// The body of a call.
#[derive(Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(serde_json::Value),
    /// A file's bytes and nothing else, streamed from where they lie; the headers say of what kind they are.
    Content(Content),
    /// A form of fields, with a file behind them if there is one.
    Multipart {
        /// Names and values.
        fields: Vec<(&'static str, String)>,
        /// The file.
        file: Option<FilePart>,
    },
}

/// A file in a form, streamed from where its content lies.
#[derive(Debug, PartialEq)]
pub struct FilePart {
    /// The field's name.
    pub field: &'static str,
    /// The file's name as the other side shall see it.
    pub name: String,
    /// The bytes.
    pub content: Content,
}

/// What comes from the link.
#[derive(Debug, PartialEq)]
pub enum Wire {
    /// A call was answered.
    Answer(Answer),
    /// A call was not.
    NoAnswer {
        /// Which.
        id: u64,
        /// Why.
        why: NoAnswer,
    },
    /// So much of a call's content has left.
    Uploaded {
        /// Which call.
        id: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The socket is open.
    SocketOpened,
    /// A text came through it.
    SocketText(String),
    /// It is closed, or could not be opened.
    SocketClosed {
        /// Why.
        why: String,
    },
}

/// An answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// Of which call.
    pub id: u64,
    /// The HTTP status.
    pub status: u16,
    /// Those of [`KEPT_HEADERS`] that it has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No connection could be made: nothing was sent.
    #[error("nobody answers: {0}")]
    Unreachable(String),
    /// The deadline passed.
    #[error("no answer came in time")]
    Silent,
    /// The connection broke, or what came is no HTTP.
    #[error("the connection broke: {0}")]
    Cut(String),
    /// The answer is larger than [`MAX_BODY_BYTES`].
    #[error("the answer is too large")]
    TooLarge,
    /// The content to be sent is not here: nothing was sent.
    #[error("the file's bytes are not here")]
    ContentMissing,
}
