//! What every driver is to the farm: orders in, reports out. A driver core is a function of what it
//! is told and the time; it opens no socket, reads no clock and knows no job, queue or database.
//! Nothing outside a driver's folder knows its brand.

use domain::attempt::{AttemptState, End, PauseReason, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId};
use domain::print_object::PrintObject;
use domain::printer::{Activity, Control, Loaded, PrinterFault};
use domain::recovery::History;
use domain::telemetry::Telemetry;
use domain::time::Timestamp;

mod link_problem;

pub use link_problem::LinkProblem;

/// A protocol's core. `W` is what comes from its link, `A` what it asks of it.
pub trait PrinterProtocol: Send {
    /// What comes back from the link.
    type Wire: Send;
    /// What is asked of the link.
    type Ask: Send;

    /// Takes one input at that moment; returns what is to be done, in order. Called first with
    /// [`Input::Wake`], so that the core can open its link.
    fn handle(&mut self, now: Timestamp, input: Input<Self::Wire>) -> Vec<Output<Self::Ask>>;
}

/// What a core is told.
#[derive(Debug)]
pub enum Input<W> {
    /// A moment that it asked for has come.
    Wake,
    /// Something came from the link.
    Wire(W),
    /// The farm asks something.
    Order(Order),
}

/// What a core wants done.
#[derive(Debug, PartialEq)]
pub enum Output<A> {
    /// Something for the link.
    Ask(A),
    /// Something for the farm.
    Report(Report),
    /// Call again at that moment at the latest; the earliest of all asked moments counts, and each
    /// is asked for once.
    WakeAt(Timestamp),
}

/// What a core wants done, gathered while it handles an input.
#[derive(Debug)]
pub struct Outbox<A> {
    wanted: Vec<Output<A>>,
    woken_at: Option<Timestamp>,
}

impl<A> Default for Outbox<A> {
    fn default() -> Self {
        Self { wanted: Vec::new(), woken_at: None }
    }
}

impl<A> Outbox<A> {
    /// Something for the link.
    pub fn ask(&mut self, ask: A) {
        self.wanted.push(Output::Ask(ask));
    }

    /// Something for the farm.
    pub fn report(&mut self, report: Report) {
        self.wanted.push(Output::Report(report));
    }

    /// All of it, and to be woken for what is due next, unless that was asked for already.
    pub fn take(&mut self, now: Timestamp, next: Option<Timestamp>) -> Vec<Output<A>> {
        if let Some(next) = next.map(|next| next.max(now.plus_millis(1)))
            && self.woken_at.is_none_or(|asked| asked <= now || next < asked)
        {
            self.woken_at = Some(next);
            self.wanted.push(Output::WakeAt(next));
        }
        std::mem::take(&mut self.wanted)
    }
}

/// Bytes to bring to a printer, named by their content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The SHA-256.
    pub sha256: ContentHash,
    /// Bytes.
    pub size_bytes: u64,
    /// The end of the file's name, such as `gcode`.
    pub extension: String,
}

/// An attempt that the farm believes to be in flight at this printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its token.
    pub token: Token,
    /// The file that it prints.
    pub content: Content,
    /// Its state as it is written.
    pub state: AttemptState,
    /// What the driver asked to have kept with it ([`Report::Mark`]).
    pub mark: Option<String>,
}

/// A filament of a file and the slot that it is printed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// The filament's number in the file, from 0.
    pub filament: u32,
    /// [`SeenSlot::position`].
    pub position: u8,
}

/// What the farm asks of a driver. Orders for a link that is down are answered at once with their
/// failure; nothing is kept to be done later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// This attempt is in flight or about to be: its token is ours. Told before its `Send`, and after
    /// every restart of the agent. None: nothing is in flight.
    Watch(Option<Watched>),
    /// Bring the content to the printer (once per content) and make it ready to start under the
    /// token. Must not start anything.
    Send {
        /// The attempt.
        attempt: AttemptId,
        /// Its token.
        token: Token,
        /// The bytes.
        content: Content,
    },
    /// Stop bringing it; no report follows.
    StopSending {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Start what was sent. Sent to the device at most once per order.
    Start {
        /// The attempt.
        attempt: AttemptId,
        /// Its token.
        token: Token,
        /// The bytes that were sent.
        content: Content,
        /// Which filament of the file comes from where; empty for a printer that shows no slots.
        feeds: Vec<Feed>,
    },
    /// Let the print with that token stand still, if it is the one that prints.
    Pause {
        /// Who follows it.
        command: CommandId,
        /// The fence.
        token: Token,
    },
    /// Let it go on.
    Resume {
        /// Who follows it.
        command: CommandId,
        /// The fence.
        token: Token,
    },
    /// End it.
    Cancel {
        /// Who follows it; none if the agent itself asks.
        command: Option<CommandId>,
        /// The fence.
        token: Token,
    },
    /// Leave one thing out of it; the rest goes on. Only for drivers with that capability; others refuse.
    SkipObject {
        /// Who follows it.
        command: CommandId,
        /// The fence.
        token: Token,
        /// The [`PrintObject::id`] that the printer itself told.
        object: String,
    },
    /// Say what became of that token ([`Report::History`]).
    Recall {
        /// The token.
        token: Token,
    },
    /// The token is done with: remove what was made for it at the printer, and old uploads of ours.
    Tidy {
        /// The token.
        token: Token,
    },
}

/// What a driver tells the farm.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The printer was heard; this is what it shows. Sent at every sign of life, at least once per
    /// [`HEARD_EVERY_SECONDS`] while the link lives.
    Heard(Box<Observation>),
    /// What the printer shows beside its picture has changed. Told before the `Heard` to which it belongs; nothing of it counts
    /// any more once the link was down.
    Beside(Box<Beside>),
    /// The link is down; `Heard` is the sign that it is up again.
    Lost(LinkProblem),
    /// So many bytes of the attempt's file are at the printer.
    SendProgress {
        /// The attempt.
        attempt: AttemptId,
        /// Bytes.
        sent_bytes: u64,
    },
    /// The file is at the printer under the token.
    Sent {
        /// The attempt.
        attempt: AttemptId,
    },
    /// It could not be brought there.
    SendFailed {
        /// The attempt.
        attempt: AttemptId,
        /// What hindered it.
        problem: SendProblem,
        /// What the printer said.
        detail: String,
    },
    /// The printer took the start order. Not a proof of a print: telemetry is.
    StartAccepted {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The printer itself refused the start; it certainly does not print the token.
    StartRefused {
        /// The attempt.
        attempt: AttemptId,
        /// What it said.
        detail: String,
    },
    /// No answer to the start: it may or may not have come through.
    StartUnanswered {
        /// The attempt.
        attempt: AttemptId,
        /// What happened.
        detail: String,
    },
    /// The driver saw the print of the token end (an edge, never a level).
    Ended {
        /// The token.
        token: Token,
        /// How.
        end: End,
        /// What the printer said.
        detail: Option<String>,
    },
    /// The outcome of a pause, resume or cancel.
    Acted {
        /// Who follows it.
        command: CommandId,
        /// Nothing, or why not.
        outcome: Result<(), ActProblem>,
    },
    /// The answer to [`Order::Recall`].
    History {
        /// The token.
        token: Token,
        /// What the printer knows.
        history: History,
    },
    /// Keep this with the attempt and hand it back in [`Watched::mark`].
    Mark {
        /// The token.
        token: Token,
        /// The driver's own words.
        mark: String,
    },
}

/// A report of life comes at least this often while the link is up.
pub const HEARD_EVERY_SECONDS: i64 = 15;

/// What a printer shows at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What it does.
    pub activity: Activity,
    /// Whether it takes orders.
    pub control: Control,
    /// The print that is on it right now.
    pub print: Option<SeenPrint>,
    /// The token of the file that it still shows although nothing is printed.
    pub shown_token: Option<Token>,
    /// A fault that it reports.
    pub fault: Option<PrinterFault>,
    /// The live values.
    pub telemetry: Telemetry,
    /// What its firmware or server calls itself.
    pub firmware: Option<String>,
    /// Room left for files, in bytes, where it tells.
    pub free_bytes: Option<u64>,
    /// Why it takes no orders, and what a person does about it.
    pub control_advice: Option<String>,
    /// The filament positions that it tells of; empty where it tells of none.
    pub slots: Vec<SeenSlot>,
}

/// A filament position, as the printer tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenSlot {
    /// The printer's own number for it; it stays while other positions come and go.
    pub position: u8,
    /// What people call it.
    pub name: String,
    /// What is in it; none if it is empty.
    pub loaded: Option<Loaded>,
}

/// What some printers show beside their picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The things in the print that is on it, where it tells them apart.
    pub objects: Vec<PrintObject>,
    /// What it asks the person at the machine: whether to go on after a loss of power, which filament to load.
    pub prompt: Option<String>,
}

/// A print that is on the printer right now.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenPrint {
    /// Whose it is, if its name carries one of our tokens.
    pub token: Option<Token>,
    /// The file's name as the printer tells it.
    pub file: Option<String>,
    /// Why it stands still, if it does.
    pub paused: Option<PauseReason>,
}

/// What hindered a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendProblem {
    /// The printer has no room.
    StorageFull,
    /// The printer refused the file; trying again is useless.
    Refused,
    /// The link broke or was slow; it may be tried again.
    Link,
    /// The bytes are not here.
    ContentMissing,
}

/// Why a pause, resume or cancel did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActProblem {
    /// Another print, or none, is on the printer: nothing was sent.
    #[error("the print that was meant is not on the printer")]
    NotThatPrint,
    /// The printer refused.
    #[error("the printer refused: {0}")]
    Refused(String),
    /// The link is down: nothing was sent.
    #[error("the printer cannot be reached")]
    NoLink,
    /// It was sent, and no answer came.
    #[error("the printer did not answer")]
    Unanswered,
}
