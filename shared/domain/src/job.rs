//! A job: one plate to be printed. It waits by its own rules and, once it has a printer, follows its
//! attempt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::attempt::{AttemptState, CancelReason, End, FailureReason, IllegalTransition, Stage};
use crate::id::{AttemptId, FileId, JobId, PartId, PoolId, PrinterId};
use crate::printer::Size;
use crate::state::{BadState, Fields, Phase, StateWord};
use crate::text::{ExternalId, Metadata, Name, Note, Tag};
use crate::time::Timestamp;

/// Why a job is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A person or a program held it.
    Requested,
    /// The same file failed on several printers.
    SameFileFailing,
}

/// The attempt that a job has, and where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// Its printer.
    pub printer_id: PrinterId,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "JobFields", into = "JobFields")]
#[schemars(with = "JobFields")]
pub enum JobState {
    /// Waits for a printer.
    Queued,
    /// Waits for a person to release it.
    Held(HoldReason),
    /// Waits for a person's yes.
    AwaitingApproval,
    /// Has a printer.
    Active(Run, Stage),
    /// Ended; without a run if it never had a printer.
    Done(Option<Run>, End),
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobEvent {
    /// It is held.
    Hold(HoldReason),
    /// It is released.
    Release,
    /// A person said yes.
    Approve,
    /// It got a printer.
    Assign(Run),
    /// Its attempt moved.
    Follow(AttemptState),
    /// It was cancelled while it waited.
    CancelWaiting,
    /// It goes back to the queue: its attempt ended without a print, or it is tried again.
    Requeue,
}

impl JobState {
    /// The state after the event.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the event does not belong to the state.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalTransition> {
        use JobEvent as E;
        use JobState as S;
        match (self, event) {
            (S::Queued | S::AwaitingApproval | S::Held(_), E::Hold(reason)) => Ok(S::Held(reason)),
            (S::Held(_), E::Release) | (S::AwaitingApproval, E::Approve) => Ok(S::Queued),
            (S::Queued, E::Assign(run)) => Ok(S::Active(run, Stage::Assigned)),
            (S::Active(run, _), E::Follow(AttemptState::Active(stage))) => Ok(S::Active(run, stage)),
            (S::Active(run, _), E::Follow(AttemptState::Done(end))) => Ok(S::Done(Some(run), end)),
            (S::Queued | S::Held(_) | S::AwaitingApproval, E::CancelWaiting) => {
                Ok(S::Done(None, End::Cancelled(CancelReason::Requested)))
            }
            (S::Done(..), E::Requeue) => Ok(S::Queued),
            (from @ (S::Queued | S::Held(_) | S::AwaitingApproval | S::Active(..) | S::Done(..)), event) => {
                Err(IllegalTransition { subject: "job", from: from.word().name().to_owned(), event: event.word().to_owned() })
            }
        }
    }

    /// The word on the wire.
    pub const fn word(self) -> StateWord {
        match self {
            JobState::Queued => StateWord::Queued,
            JobState::Held(_) => StateWord::Held,
            JobState::AwaitingApproval => StateWord::AwaitingApproval,
            JobState::Active(_, stage) => AttemptState::Active(stage).state_word(),
            JobState::Done(_, end) => AttemptState::Done(end).state_word(),
        }
    }

    /// The phase.
    pub const fn phase(self) -> Phase {
        self.word().phase()
    }

    /// The attempt and printer, if it has or had one.
    pub const fn run(self) -> Option<Run> {
        match self {
            JobState::Active(run, _) => Some(run),
            JobState::Done(run, _) => run,
            JobState::Queued | JobState::Held(_) | JobState::AwaitingApproval => None,
        }
    }

    /// One state of each word, for tables and tests.
    pub fn samples(run: Run) -> Vec<JobState> {
        let followed = AttemptState::SAMPLES.iter().map(|state| match *state {
            AttemptState::Active(stage) => JobState::Active(run, stage),
            AttemptState::Done(end) => JobState::Done(Some(run), end),
        });
        [JobState::Queued, JobState::Held(HoldReason::Requested), JobState::AwaitingApproval]
            .into_iter()
            .chain(followed)
            .collect()
    }
}

impl JobEvent {
    /// A word for tables and errors.
    pub const fn word(self) -> &'static str {
        match self {
            JobEvent::Hold(_) => "hold",
            JobEvent::Release => "release",
            JobEvent::Approve => "approve",
            JobEvent::Assign(_) => "assign",
            JobEvent::Follow(AttemptState::Active(_)) => "follow_active",
            JobEvent::Follow(AttemptState::Done(_)) => "follow_done",
            JobEvent::CancelWaiting => "cancel_waiting",
            JobEvent::Requeue => "requeue",
        }
    }

    /// One event of each word, for tables and tests.
    pub fn samples(run: Run) -> Vec<JobEvent> {
        vec![
            JobEvent::Hold(HoldReason::Requested),
            JobEvent::Release,
            JobEvent::Approve,
            JobEvent::Assign(run),
            JobEvent::Follow(AttemptState::Active(Stage::Printing)),
            JobEvent::Follow(AttemptState::Done(End::Failed(FailureReason::PrinterError))),
            JobEvent::CancelWaiting,
            JobEvent::Requeue,
        ]
    }
}

/// The state as it stands in a document.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct JobFields {
    #[serde(flatten)]
    state: Fields,
    /// Waiting, active or done.
    phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_reason: Option<HoldReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt_id: Option<AttemptId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    printer_id: Option<PrinterId>,
}

impl From<JobState> for JobFields {
    fn from(state: JobState) -> Self {
        let fields = match state {
            JobState::Queued | JobState::Held(_) | JobState::AwaitingApproval => Fields::bare(state.word()),
            JobState::Active(_, stage) => AttemptState::Active(stage).into(),
            JobState::Done(_, end) => AttemptState::Done(end).into(),
        };
        let hold_reason = match state {
            JobState::Held(reason) => Some(reason),
            JobState::Queued | JobState::AwaitingApproval | JobState::Active(..) | JobState::Done(..) => None,
        };
        let run = state.run();
        Self {
            state: fields,
            phase: state.phase(),
            hold_reason,
            attempt_id: run.map(|run| run.attempt_id),
            printer_id: run.map(|run| run.printer_id),
        }
    }
}

impl TryFrom<JobFields> for JobState {
    type Error = BadState;
    fn try_from(fields: JobFields) -> Result<Self, BadState> {
        let word = fields.state.state;
        let run = fields.attempt_id.zip(fields.printer_id).map(|(attempt_id, printer_id)| Run { attempt_id, printer_id });
        match word {
            StateWord::Queued => return Ok(JobState::Queued),
            StateWord::Held => return Ok(JobState::Held(fields.hold_reason.ok_or(BadState(word))?)),
            StateWord::AwaitingApproval => return Ok(JobState::AwaitingApproval),
            StateWord::Assigned
            | StateWord::Slicing
            | StateWord::Sending
            | StateWord::Starting
            | StateWord::Printing
            | StateWord::Paused
            | StateWord::Unknown
            | StateWord::Completed
            | StateWord::Failed
            | StateWord::Cancelled => {}
        }
        match AttemptState::try_from(fields.state)? {
            AttemptState::Active(stage) => Ok(JobState::Active(run.ok_or(BadState(word))?, stage)),
            AttemptState::Done(end) => Ok(JobState::Done(run, end)),
        }
    }
}

/// Where a job may run. Empty = anywhere that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Only this printer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<PrinterId>,
    /// Only printers of this pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    /// Only printers that have all these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl Target {
    /// Whether nothing is named: any printer that fits.
    pub fn is_any(&self) -> bool {
        self.printer_id.is_none() && self.pool_id.is_none() && self.tags.is_empty()
    }
}

/// One filament that a job needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaterialNeed {
    /// `PLA`, `PETG`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grams: Option<f64>,
}

/// What a printer must have to print the job. Read from the file, unless the request says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Printer models that the file was made for; empty if the file does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Nozzle diameter in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nozzle_mm: Option<f64>,
    /// The filaments, in the order of the file's tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materials: Vec<MaterialNeed>,
    /// The kind of build plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_type: Option<String>,
    /// What the moves span in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_mm: Option<Size>,
}

/// A cancel that was asked for while the job was on a printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelRequest {
    /// Who asked.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Back into the queue afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requeue: bool,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What people call it.
    pub name: Name,
    /// The file to print.
    pub file_id: FileId,
    /// The part that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_id: Option<PartId>,
    /// Its state, with what is true in it.
    #[serde(flatten)]
    pub state: JobState,
    /// Where it may run.
    #[serde(default)]
    pub target: Target,
    /// What a printer must have.
    #[serde(default)]
    pub needs: Needs,
    /// Higher goes first; 0 is normal.
    pub priority: i32,
    /// Its place among jobs of the same priority: lower goes first.
    pub rank: i64,
    /// When it should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// How long the slicer thinks that it prints, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
    /// Items on the plate.
    pub items: u32,
    /// A cancel that has not come through yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested: Option<CancelRequest>,
    /// How many attempts it has had.
    pub attempts: u32,
    /// The printers that it ran on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub printers_tried: Vec<PrinterId>,
    /// What went wrong last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its print was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn run() -> Run {
        let t = Timestamp::from_millis(1);
        Run { attempt_id: AttemptId::new(t, [1; 10]), printer_id: PrinterId::new(t, [2; 10]) }
    }

    #[test]
    fn every_state_reads_back_from_its_document() {
        for state in JobState::samples(run()) {
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<JobState>(&text).unwrap(), state, "{text}");
        }
    }

    #[test]
    fn a_job_on_a_printer_cannot_be_assigned_again_or_held() {
        let active = JobState::Active(run(), Stage::Sending);
        assert!(active.after(JobEvent::Assign(run())).is_err());
        assert!(active.after(JobEvent::Hold(HoldReason::Requested)).is_err());
        assert!(active.after(JobEvent::Requeue).is_err());
    }

    #[test]
    fn only_an_ended_job_can_be_tried_again() {
        for state in JobState::samples(run()) {
            assert_eq!(state.after(JobEvent::Requeue).is_ok(), state.phase() == Phase::Done, "{}", state.word().name());
        }
    }

    #[test]
    fn a_held_job_without_its_reason_is_no_document() {
        assert!(serde_json::from_str::<JobState>(r#"{"state":"held","phase":"waiting"}"#).is_err());
    }
}
