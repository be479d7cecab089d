//! The facts that a plan is made of, filled by the agent from its store and from live telemetry. Plain
//! values: nothing here decides.

use std::collections::BTreeSet;

use domain::bed::Bed;
use domain::farm::Dispatch;
use domain::file::FileContent;
use domain::id::{JobId, PrinterId};
use domain::job::{HoldReason, Needs};
use domain::printer::{Activity, Admin, Config, Connection, Control, Loaded, Machine};
use domain::text::Tag;
use domain::time::Timestamp;

/// The whole floor at one moment. Ids are unique in each list; the order of the lists says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The moment.
    pub now: Timestamp,
    /// Whether the farm starts work.
    pub dispatch: Dispatch,
    /// Whether the agent's disk is full.
    pub disk_full: bool,
    /// All printers.
    pub printers: Vec<PrinterFacts>,
    /// All jobs in the phase *waiting*.
    pub jobs: Vec<JobFacts>,
}

/// What matters of a printer.
#[derive(Debug, Clone, PartialEq)]
pub struct PrinterFacts {
    /// Its id.
    pub id: PrinterId,
    /// Its labels.
    pub tags: BTreeSet<Tag>,
    /// What it is.
    pub machine: Machine,
    /// What is loaded, position by position; empty if nobody said.
    pub loaded: Vec<Loaded>,
    /// A start says which filament of the file comes from which of them; else the file's order is theirs.
    pub chooses_filaments: bool,
    /// What its last print used, position by position: the best guess where `loaded` is
    /// empty. Only ranks, never refuses.
    pub last_loaded: Vec<Loaded>,
    /// What people want of it.
    pub admin: Admin,
    /// Whether it is heard.
    pub connection: Connection,
    /// What it does.
    pub activity: Activity,
    /// Whether something may lie on the bed.
    pub bed: Bed,
    /// Whether it is set up.
    pub config: Config,
    /// Whether it takes orders.
    pub control: Control,
    /// Whether a print that is not ours runs there.
    pub foreign: bool,
    /// Whether it reports a fault.
    pub fault: bool,
    /// Whether it is claimed for an attempt.
    pub claimed: bool,
    /// Whether it is not known what became of that attempt.
    pub outcome_unknown: bool,
    /// Room for files, if the printer says.
    pub free_bytes: Option<u64>,
    /// When it will probably be free; nothing or a past moment = now.
    pub ready_at: Option<Timestamp>,
    /// How long it has printed in its life.
    pub wear_seconds: u64,
}

/// What matters of a waiting job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobFacts {
    /// Its id.
    pub id: JobId,
    /// Higher goes first.
    pub priority: i32,
    /// Among the same priority and due time: lower goes first.
    pub rank: i64,
    /// When it should be done.
    pub due_at: Option<Timestamp>,
    /// Where it may run.
    pub aim: Aim,
    /// What a printer must have.
    pub needs: Needs,
    /// The size of its file.
    pub size_bytes: u64,
    /// How it waits.
    pub wait: Wait,
    /// Where the bytes of its file are.
    pub content: FileContent,
}

/// The state of a waiting job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For a printer.
    Queued,
    /// For a release.
    Held(HoldReason),
    /// For a person's yes.
    AwaitingApproval,
}

/// A job's target, its pool resolved to the tags that the pool asks for. All that is named must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aim {
    /// Only this printer.
    pub printer_id: Option<PrinterId>,
    /// Only printers with the tags of the pool.
    pub pool: Option<PoolTags>,
    /// Only printers with all these tags.
    pub tags: BTreeSet<Tag>,
}

/// The tags that a printer must have to belong to a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolTags(pub BTreeSet<Tag>);

impl Aim {
    /// Whether nothing is named.
    pub fn is_any(&self) -> bool {
        self.printer_id.is_none() && self.pool.is_none() && self.tags.is_empty()
    }
}
