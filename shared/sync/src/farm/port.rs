//! What the agent's session is told and what it says: the whole of its touch with the shell.

use contract::forward::{Answered, Forwarded, RowItem};
use contract::record::Document;
use domain::id::PrinterId;

use crate::feed::Page;
use crate::frame::{AccountItem, Batch, ByeCode, EventItem, Heads, Hello, Packet, Rekey, Stream, Welcome};

/// What the shell knows when a connection stands.
#[derive(Debug, Clone, PartialEq)]
pub struct FarmStart {
    /// The hello without its signature, which the session asks for.
    pub hello: Hello,
    /// Removals below this number are no longer in the rows.
    pub rows_floor: u64,
    /// An account generation that was begun and not swept.
    pub account_sweep_at: Option<u64>,
}

/// What the session is told.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "handed over once and not kept")]
pub enum FarmInput {
    /// A packet came.
    Received(Packet),
    /// The signature that was asked for.
    Signed(String),
    /// Rows that were asked for, and the head of rows when they were read.
    RowsRead(Page<RowItem>, u64),
    /// Events that were asked for, with what was trimmed.
    EventsRead {
        /// The events.
        page: Page<EventItem>,
        /// Events up to here are gone.
        trimmed_to: u64,
        /// The head of rows when they were read.
        rows_head: u64,
    },
    /// Account facts, or their reset with 0, are durable.
    Committed(u64),
    /// A call ended.
    CallDone(String, Answered),
    /// A request was carried out and its outcome and place are durable, or were before.
    RequestDone(u64, Answered),
    /// The feeds are longer now.
    HeadMoved(Heads),
    /// Live values of a printer.
    Telemetry(PrinterId, Document),
    /// There is a new key, and it is durable here.
    Rekey(Rekey),
    /// What was sent has left.
    WritableAgain,
    /// Time went by.
    Tick,
    /// The connection is gone.
    Lost,
    /// End it.
    Close(ByeCode),
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum FarmOutput {
    /// Send it.
    Send(Packet),
    /// Sign these bytes with the farm's key.
    Sign(Vec<u8>),
    /// The session is open.
    Opened(Welcome),
    /// Read rows.
    ReadRows {
        /// Above this number.
        after: u64,
        /// About so many.
        limit: usize,
    },
    /// Read events.
    ReadEvents {
        /// Above this number.
        after: u64,
        /// About so many.
        limit: usize,
    },
    /// Write account facts and the cursor in one transaction, then say `Committed(to)`.
    ApplyAccount(Batch<AccountItem>),
    /// Begin a new generation of account facts: cursor (epoch, 0) and `sweep_at`, durable; then say `Committed(0)`.
    GenerationBegin {
        /// The relay's log.
        epoch: String,
        /// Where the old generation ends.
        sweep_at: u64,
    },
    /// Remove what the new generation did not repeat, and forget `sweep_at`.
    Sweep,
    /// Run it, once; not after `deadline_ms`.
    RunCall {
        /// What is asked.
        call: Forwarded,
        /// By the clock that is handed in.
        deadline_ms: u64,
    },
    /// Run it: effect, and outcome by the call's key, in one transaction. A known key gives its outcome.
    RunRequest {
        /// Its place.
        seq: u64,
        /// What is asked.
        call: Forwarded,
    },
    /// The relay has everything of the stream up to here.
    Acked(Stream, u64),
    /// Whose live values are looked at.
    Watch(Vec<PrinterId>),
    /// The relay lacks the content.
    BlobWanted(String),
    /// The relay knows that key: it opens the next session.
    Rekeyed(String),
    /// The relay has more of this log than this database: it was rolled back. Stop dispatch, take a new epoch and
    /// go on above what was told before.
    RolledBack {
        /// The highest number that the relay knows.
        last_number: u64,
    },
    /// Close the connection; come again after so long if it is said.
    Close(ByeCode, Option<u64>),
}
