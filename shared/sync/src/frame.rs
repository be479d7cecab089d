//! What goes over the wire: one enum, in JSON. Fields that are not known are ignored and frames that are not known are skipped, so
//! that two versions can talk. Kinds, events and documents pass through as words and JSON: a relay keeps what it does not know yet.

mod call;
mod items;

use contract::forward::{Answered, Forwarded, RowItem};
use contract::record::Document;
use domain::id::{FarmId, PrinterId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::call::{fits, fitted};
pub use self::items::{AccountItem, Batch, EventItem, Numbered};

/// The largest frame in bytes.
pub const LARGEST_FRAME: usize = 256 * 1024;
/// The versions of the protocol that this build speaks.
pub const PROTO: (u32, u32) = (1, 1);

/// Why a text is no frame, or a frame cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// It is too large.
    #[error("a frame of {0} bytes is larger than {LARGEST_FRAME}")]
    TooBig(usize),
    /// It is not what it says.
    #[error("not a frame: {0}")]
    Malformed(String),
}

/// A frame and the session that it belongs to; 0 before the session has a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// The number of the session.
    pub session_no: u64,
    /// The frame.
    pub frame: Frame,
}

#[derive(Deserialize)]
struct Numbering {
    #[serde(default)]
    s: u64,
}

impl Packet {
    /// Reads a text message. The session's number stands in the frame as `s`.
    ///
    /// # Errors
    /// It is too large, no JSON, or not as its type says. A type that is not known is no error: it is [`Frame::Unknown`].
    pub fn read(text: &str) -> Result<Self, BadFrame> {
        if text.len() > LARGEST_FRAME {
            return Err(BadFrame::TooBig(text.len()));
        }
        let malformed = |e: serde_json::Error| BadFrame::Malformed(e.to_string());
        let numbering: Numbering = serde_json::from_str(text).map_err(malformed)?;
        Ok(Self { session_no: numbering.s, frame: serde_json::from_str(text).map_err(malformed)? })
    }

    /// The text message.
    ///
    /// # Errors
    /// It is too large.
    pub fn text(&self) -> Result<String, BadFrame> {
        let frame = serde_json::to_string(&self.frame).map_err(|e| BadFrame::Malformed(e.to_string()))?;
        let text = format!("{{\"s\":{},{}", self.session_no, &frame[1..]);
        if text.len() > LARGEST_FRAME { Err(BadFrame::TooBig(text.len())) } else { Ok(text) }
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Frame {
    /// The relay's first word: prove that you are who you will say.
    Challenge {
        /// Random, for this connection only.
        nonce: String,
        /// The relay's name, which is signed too: a signature is of no use at another relay.
        relay: String,
        /// The relay's own running time; only differences count.
        sent_ms: u64,
    },
    /// The farm's first word.
    Hello(Hello),
    /// The session is open.
    Welcome(Welcome),
    /// Rows of the farm.
    Rows(Batch<RowItem>),
    /// Events of the farm.
    Events(Batch<EventItem>),
    /// Account facts of the relay.
    Account(Batch<AccountItem>),
    /// Everything of the stream up to `at` is durable.
    Ack {
        /// The stream.
        stream: Stream,
        /// Up to where.
        at: u64,
    },
    /// A batch cannot be taken.
    Nack {
        /// The stream.
        stream: Stream,
        /// Go on from here.
        at: u64,
        /// Why.
        code: NackCode,
    },
    /// The stream begins again from 0; acknowledged with 0 before its first batch is sent.
    Reset {
        /// The stream.
        stream: Stream,
        /// The log that it follows from now on.
        epoch: String,
        /// The sender's head: beyond it, what was not repeated is gone.
        head: u64,
    },
    /// A caller waits for this at the relay.
    Call {
        /// Counts the calls of the session: what is not above the last is a double.
        n: u64,
        /// What is left of its time when it is sent.
        ttl_ms: u64,
        /// The relay's own running time; only differences count.
        sent_ms: u64,
        /// What is asked.
        call: Forwarded,
    },
    /// A call of the mailbox.
    Request {
        /// Its place in the mailbox.
        seq: u64,
        /// What is asked.
        call: Forwarded,
    },
    /// What became of a call or a request; for a request it is sent after the commit.
    Answered {
        /// The call's id.
        id: String,
        /// The request's place; none for a call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The answer.
        answer: Answered,
    },
    /// Whose live values somebody looks at.
    Watch {
        /// The printers.
        printers: Vec<PrinterId>,
    },
    /// Live values: the latest wins, a lost one is no matter.
    Telemetry {
        /// Counts within the session.
        n: u64,
        /// The printer.
        printer: PrinterId,
        /// Its values.
        values: Document,
    },
    /// The relay lacks the content: the farm brings it beside the line. A hint: if it is still wanted it is said again.
    BlobWanted {
        /// Its hash in hex.
        sha256: String,
    },
    /// The farm made a new key.
    Rekey(Rekey),
    /// The farm's new key is durable at the relay.
    Rekeyed {
        /// The key in hex.
        public_key: String,
    },
    /// Are you there? Somebody else says that they are you.
    Prove {
        /// Counts.
        n: u64,
    },
    /// I am here.
    Here {
        /// As asked.
        n: u64,
    },
    /// The session ends.
    Bye {
        /// Why.
        code: ByeCode,
        /// When to come again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u64>,
    },
    /// A type of a newer version: skipped.
    #[serde(other)]
    Unknown,
}

/// A numbered flow of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// The farm's records as they are now.
    Rows,
    /// The farm's events.
    Events,
    /// The relay's account facts that the farm's own doors need.
    Account,
}

/// How far a reader is, and in which log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// The log; empty if nothing was ever read.
    pub epoch: String,
    /// Everything up to here is durable at the reader.
    pub at: u64,
}

/// The ends of the farm's two feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heads {
    /// The highest number of a row.
    pub rows: u64,
    /// The highest number of an event.
    pub events: u64,
}

/// What the farm has of the relay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FarmGot {
    /// Account facts.
    pub account: Cursor,
}

/// What the relay has of the farm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RelayGot {
    /// Rows.
    pub rows: Cursor,
    /// Events.
    pub events: Cursor,
}

/// The farm says who it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The oldest and the newest protocol that it speaks.
    pub proto: (u32, u32),
    /// Its build.
    pub build: String,
    /// Its id.
    pub farm_id: FarmId,
    /// Its log.
    pub epoch: String,
    /// The ends of its feeds.
    pub heads: Heads,
    /// What it has.
    pub got: FarmGot,
    /// Random, kept as long as the process: two at the same time are two agents.
    pub session_nonce: String,
    /// The pass that the relay gave with the last session; empty before the first.
    #[serde(default)]
    pub pass: String,
    /// Its wall clock, for display only.
    pub wall: Timestamp,
    /// Whether that clock is set.
    pub clock_ok: bool,
    /// The signature over [`Hello::signed`].
    pub signature: String,
}

impl Hello {
    /// What is signed: the relay's challenge, and who answers it.
    pub fn signed(&self, relay: &str, nonce: &str) -> Vec<u8> {
        let Self { farm_id, epoch, session_nonce, pass, .. } = self;
        format!("gantry-sync\n{relay}\n{nonce}\n{farm_id}\n{epoch}\n{session_nonce}\n{pass}").into_bytes()
    }
}

/// A farm's new key, signed by the one that its session was opened with and by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rekey {
    /// The new key in hex.
    pub public_key: String,
    /// The signature over [`Rekey::signed`] by the key before.
    pub by_old: String,
    /// The same by the new key: whoever offers it has it.
    pub by_new: String,
}

impl Rekey {
    /// What is signed.
    pub fn signed(relay: &str, farm_id: FarmId, public_key: &str) -> Vec<u8> {
        format!("gantry-rekey\n{relay}\n{farm_id}\n{public_key}").into_bytes()
    }
}

/// The relay lets the farm in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol that both speak.
    pub proto: u32,
    /// The session's number: higher than any before.
    pub session_no: u64,
    /// The relay's log.
    pub relay_epoch: String,
    /// What the relay has.
    pub got: RelayGot,
    /// What the relay takes.
    pub limits: Limits,
    /// The relay's own running time; only differences count.
    pub sent_ms: u64,
    /// Opens the relay's door for content, for as long as this session lasts.
    #[serde(default)]
    pub content_token: String,
    /// What the farm shows at its next session.
    #[serde(default)]
    pub pass: String,
    /// So far the relay knows the farm's numbers: a farm that was set back goes on above it.
    #[serde(default)]
    pub last_number: u64,
}

/// What one side takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Items in a batch.
    pub items: usize,
    /// Batches of a stream without an acknowledgement.
    pub window: usize,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NackCode {
    /// Something before it is missing.
    Gap,
    /// It is of another log.
    Epoch,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeCode {
    /// The farm is not known, or its signature is wrong.
    Refused,
    /// The pairing was ended.
    Revoked,
    /// A newer session of the same farm.
    Replaced,
    /// Two agents use one identity.
    Clone,
    /// The farm has another key by now.
    OldKey,
    /// No common protocol.
    Upgrade,
    /// The process ends.
    Shutdown,
    /// The farm's database is older than what it sent before.
    RolledBack,
    /// A fact fits into no frame.
    TooBig,
    /// The other side does not keep to the protocol, or is silent.
    Protocol,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
}
