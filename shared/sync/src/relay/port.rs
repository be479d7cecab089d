//! What the relay's session is told and what it says: the whole of its touch with the shell.

use contract::forward::{Answered, Forwarded, RowItem};
use contract::record::Document;
use domain::id::PrinterId;

use crate::feed::Page;
use crate::frame::{AccountItem, Batch, ByeCode, EventItem, Hello, Packet, Rekey, Stream};
use crate::intake::Known;

/// What the shell knows when a connection came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayStart {
    /// This relay's name.
    pub relay: String,
    /// Random, for this connection only.
    pub nonce: String,
}

/// What the shell found about a farm whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Higher than any before of this farm, and durable: whatever an older session still wants to write is refused by it.
    pub session_no: u64,
    /// The relay's log.
    pub relay_epoch: String,
    /// The farm's rows.
    pub rows: Known,
    /// The farm's events.
    pub events: Known,
    /// The end of the account's facts.
    pub account_head: u64,
    /// Removals below this number are no longer there.
    pub account_floor: u64,
    /// Requests up to here are answered, and that is durable.
    pub answered: u64,
    /// Requests wait.
    pub requests_wait: bool,
    /// Random, for this session only: with it the farm fetches content.
    pub content_token: String,
    /// What the farm is to show at its next session; durable.
    pub pass: String,
    /// So far the farm's numbers are known.
    pub last_number: u64,
}

/// What the session is told.
#[derive(Debug, Clone, PartialEq)]
pub enum RelayInput {
    /// The connection stands.
    Connected,
    /// A packet came.
    Received(Packet),
    /// The farm is who it says.
    Admitted(Admission),
    /// It may not come in.
    Refused(ByeCode),
    /// Rows or events, or their reset with 0, are durable.
    Committed(Stream, u64),
    /// The answer of a request is durable.
    AnswerCommitted(u64),
    /// A caller waits for this, for so long.
    Call(Forwarded, u64),
    /// Account facts that were asked for.
    AccountRead(Page<AccountItem>),
    /// The next request that was asked for; it counts as sent from now on and cannot be withdrawn.
    RequestRead(Option<(u64, Forwarded)>),
    /// There are more account facts.
    AccountMoved(u64),
    /// There are more requests.
    RequestsWait,
    /// Whose live values are looked at.
    Watch(Vec<PrinterId>),
    /// The farm's new key is durable.
    KeyCommitted(String),
    /// Ask whether the farm is there.
    Prove(u64),
    /// This side lacks the content.
    WantBlob(String),
    /// What was sent has left.
    WritableAgain,
    /// Time went by.
    Tick,
    /// The connection is gone.
    Lost,
    /// End it.
    Close(ByeCode, Option<u64>),
}

/// What a caller is told instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was never sent.
    FarmOffline,
    /// It was sent, and what became of it is not known.
    NoAnswer,
    /// It fits into no frame and was not sent.
    TooBig,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "handed over once and not kept")]
pub enum RelayOutput {
    /// Send it.
    Send(Packet),
    /// Is it who it says? Check the signature over `message`, then say `Admitted` or `Refused`.
    Admit {
        /// What it says.
        hello: Box<Hello>,
        /// What was signed.
        message: Vec<u8>,
    },
    /// The session is open.
    Opened(u64),
    /// Write rows and cursor in one transaction fenced by the session's number, then say `Committed`.
    ApplyRows(u64, Batch<RowItem>),
    /// Write events, what follows from them, and the cursor in one transaction fenced by the session's number, then say `Committed`.
    ApplyEvents(u64, Batch<EventItem>),
    /// Begin a new generation: cursor (epoch, 0) and `sweep_at`, durable; then say `Committed(stream, 0)`.
    GenerationBegin {
        /// Rows or events.
        stream: Stream,
        /// The farm's log.
        epoch: String,
        /// Where the old generation ends.
        sweep_at: u64,
    },
    /// Remove the rows that the new generation did not repeat, and forget `sweep_at`.
    Sweep,
    /// Read account facts.
    ReadAccount {
        /// Above this number.
        after: u64,
        /// About so many.
        limit: usize,
    },
    /// Read the first request above this place that still waits.
    ReadRequest(u64),
    /// A request was answered: write it, then say `AnswerCommitted`. Its rows go into the copy by their revisions.
    CommitAnswer(u64, Answered),
    /// A call was answered; its rows go into the copy by their revisions. `late` if its caller was told otherwise before, or it is a double.
    Answered {
        /// The call's id.
        id: String,
        /// The answer.
        answer: Answered,
        /// Nobody waits for it.
        late: bool,
    },
    /// A call ends without an answer.
    CallEnded(String, End),
    /// Live values.
    Telemetry(PrinterId, Document),
    /// The farm has a new key: check both signatures, write it beside the old one, then say `KeyCommitted`.
    CommitKey(Rekey),
    /// The farm is there.
    Here(u64),
    /// Close the connection.
    Close(ByeCode),
}
