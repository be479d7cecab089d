//! The words for states as they stand in documents, and the reading of a document back into a state: a
//! document whose word and reasons do not fit together is no document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attempt::{AttemptState, CancelReason, End, FailureReason, PauseReason, Stage, UnknownReason};

/// The words for the state of a job or an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// Waits for a printer.
    Queued,
    /// Waits for a person to release it.
    Held,
    /// Waits for a person's yes.
    AwaitingApproval,
    /// Has a printer.
    Assigned,
    /// Its file is being made.
    Slicing,
    /// Its file is on its way.
    Sending,
    /// Its start is written.
    Starting,
    /// Prints.
    Printing,
    /// Stands still.
    Paused,
    /// Contact or proof is missing.
    Unknown,
    /// The printer finished.
    Completed,
    /// Went wrong.
    Failed,
    /// Was stopped.
    Cancelled,
}

/// The closed summary of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not on a printer yet.
    Waiting,
    /// On a printer.
    Active,
    /// Ended.
    Done,
}

impl StateWord {
    /// Every word, in the order of a job's life.
    pub const ALL: &'static [StateWord] = &[
        StateWord::Queued,
        StateWord::Held,
        StateWord::AwaitingApproval,
        StateWord::Assigned,
        StateWord::Slicing,
        StateWord::Sending,
        StateWord::Starting,
        StateWord::Printing,
        StateWord::Paused,
        StateWord::Unknown,
        StateWord::Completed,
        StateWord::Failed,
        StateWord::Cancelled,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            StateWord::Queued => "queued",
            StateWord::Held => "held",
            StateWord::AwaitingApproval => "awaiting_approval",
            StateWord::Assigned => "assigned",
            StateWord::Slicing => "slicing",
            StateWord::Sending => "sending",
            StateWord::Starting => "starting",
            StateWord::Printing => "printing",
            StateWord::Paused => "paused",
            StateWord::Unknown => "unknown",
            StateWord::Completed => "completed",
            StateWord::Failed => "failed",
            StateWord::Cancelled => "cancelled",
        }
    }

    /// The phase that the word belongs to.
    pub const fn phase(self) -> Phase {
        match self {
            StateWord::Queued | StateWord::Held | StateWord::AwaitingApproval => Phase::Waiting,
            StateWord::Assigned
            | StateWord::Slicing
            | StateWord::Sending
            | StateWord::Starting
            | StateWord::Printing
            | StateWord::Paused
            | StateWord::Unknown => Phase::Active,
            StateWord::Completed | StateWord::Failed | StateWord::Cancelled => Phase::Done,
        }
    }
}

/// The state as it stands in a document: one word, and beside it what is true in that state.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Fields {
    pub(crate) state: StateWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pause_reason: Option<PauseReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_reason: Option<UnknownReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure_reason: Option<FailureReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancel_reason: Option<CancelReason>,
    /// The end was concluded, not seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) inferred: bool,
}

impl Fields {
    pub(crate) const fn bare(state: StateWord) -> Self {
        Self { state, pause_reason: None, unknown_reason: None, failure_reason: None, cancel_reason: None, inferred: false }
    }
}

impl From<AttemptState> for Fields {
    fn from(state: AttemptState) -> Self {
        let mut fields = Fields::bare(state.state_word());
        match state {
            AttemptState::Active(Stage::Paused(reason)) => fields.pause_reason = Some(reason),
            AttemptState::Active(Stage::Unknown(reason)) => fields.unknown_reason = Some(reason),
            AttemptState::Done(End::Failed(reason)) => fields.failure_reason = Some(reason),
            AttemptState::Done(End::Cancelled(reason)) => fields.cancel_reason = Some(reason),
            AttemptState::Done(End::Completed { inferred }) => fields.inferred = inferred,
            AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending | Stage::Starting | Stage::Printing) => {}
        }
        fields
    }
}

/// A document whose state and reasons do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a document in state {} lacks what belongs to that state", .0.name())]
pub struct BadState(pub(crate) StateWord);

impl TryFrom<Fields> for AttemptState {
    type Error = BadState;
    fn try_from(fields: Fields) -> Result<Self, BadState> {
        let bad = BadState(fields.state);
        Ok(match fields.state {
            StateWord::Queued | StateWord::Held | StateWord::AwaitingApproval => return Err(bad),
            StateWord::Assigned => AttemptState::Active(Stage::Assigned),
            StateWord::Slicing => AttemptState::Active(Stage::Slicing),
            StateWord::Sending => AttemptState::Active(Stage::Sending),
            StateWord::Starting => AttemptState::Active(Stage::Starting),
            StateWord::Printing => AttemptState::Active(Stage::Printing),
            StateWord::Paused => AttemptState::Active(Stage::Paused(fields.pause_reason.ok_or(bad)?)),
            StateWord::Unknown => AttemptState::Active(Stage::Unknown(fields.unknown_reason.ok_or(bad)?)),
            StateWord::Completed => AttemptState::Done(End::Completed { inferred: fields.inferred }),
            StateWord::Failed => AttemptState::Done(End::Failed(fields.failure_reason.ok_or(bad)?)),
            StateWord::Cancelled => AttemptState::Done(End::Cancelled(fields.cancel_reason.ok_or(bad)?)),
        })
    }
}
