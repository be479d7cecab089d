//! A command: something asked of the farm that is followed. It expires, is carried out at most once
//! where a repeat could do harm, and has one outcome.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::attempt::IllegalTransition;
use crate::id::{AttemptId, CommandId, PrinterId};
use crate::time::Timestamp;

/// What is asked of a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Let the print stand still.
    Pause,
    /// Let it go on.
    Resume,
    /// End it.
    Cancel,
    /// Leave one thing out of it.
    SkipObject,
}

impl Verb {
    /// Whether repeating it ends in the same safe state. What does not is sent at most once.
    pub const fn may_be_repeated(self) -> bool {
        match self {
            Verb::Pause | Verb::Cancel | Verb::SkipObject => true,
            Verb::Resume => false,
        }
    }

    /// How long it is worth doing, in seconds.
    pub const fn expires_after_seconds(self) -> i64 {
        match self {
            Verb::Cancel => 10,
            Verb::Pause | Verb::Resume | Verb::SkipObject => 30,
        }
    }
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Written down; the device is not touched yet.
    Accepted,
    /// Written before the device is touched.
    Dispatched,
    /// It is done.
    Completed,
    /// It was refused or went wrong.
    Failed,
    /// Its time ran out before the device was touched.
    Expired,
    /// The device may or may not have done it.
    Unknown,
}

impl CommandState {
    /// Every state.
    pub const ALL: &'static [CommandState] = &[
        CommandState::Accepted,
        CommandState::Dispatched,
        CommandState::Completed,
        CommandState::Failed,
        CommandState::Expired,
        CommandState::Unknown,
    ];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            CommandState::Accepted => "accepted",
            CommandState::Dispatched => "dispatched",
            CommandState::Completed => "completed",
            CommandState::Failed => "failed",
            CommandState::Expired => "expired",
            CommandState::Unknown => "unknown",
        }
    }

    /// Whether nothing more will come.
    pub const fn is_final(self) -> bool {
        match self {
            CommandState::Accepted | CommandState::Dispatched => false,
            CommandState::Completed | CommandState::Failed | CommandState::Expired | CommandState::Unknown => true,
        }
    }

    /// The state after moving to `to`.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the move is not allowed: a final state never changes, and nothing
    /// expires once the device may have been touched.
    pub fn to(self, to: CommandState) -> Result<Self, IllegalTransition> {
        use CommandState as S;
        match (self, to) {
            (S::Accepted, S::Dispatched | S::Failed | S::Expired) | (S::Dispatched, S::Completed | S::Failed | S::Unknown) => {
                Ok(to)
            }
            (
                S::Accepted | S::Dispatched | S::Completed | S::Failed | S::Expired | S::Unknown,
                S::Accepted | S::Dispatched | S::Completed | S::Failed | S::Expired | S::Unknown,
            ) => Err(IllegalTransition { subject: "command", from: self.word().to_owned(), event: to.word().to_owned() }),
        }
    }
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// What is asked.
    pub verb: Verb,
    /// Of which printer.
    pub printer_id: PrinterId,
    /// For which attempt: a cancel for one cannot hit the next. None for a foreign print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<AttemptId>,
    /// Which thing in the print is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where it stands.
    pub state: CommandState,
    /// What the printer or the agent said, when it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who asked.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is not begun any more.
    pub expires_at: Timestamp,
    /// When its outcome was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}
