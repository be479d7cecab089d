//! One try of a job on one printer: its states and what moves it from one to the next. The job
//! follows its attempt; this is the one machine of a running print.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, FileId, JobId, PrinterId};
use crate::state::{Fields, StateWord};
use crate::text::Note;
use crate::time::Timestamp;

/// Why a print stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody paused it.
    User,
    /// The filament ran out.
    Runout,
    /// The print asks for another colour.
    ColourChange,
    /// The printer found a fault.
    VendorError,
    /// The power was lost.
    PowerLoss,
    /// The printer asks something.
    Prompt,
}

/// Why the state of an attempt is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// Contact to the printer was lost in flight; resolves itself when the printer is seen.
    ContactLost,
    /// The start was written but nothing shows whether the printer got it.
    StartUnproven,
    /// The print is gone and nothing shows how it ended.
    EndUnproven,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The file could not be brought to the printer.
    UploadFailed,
    /// The printer has no room for the file.
    StorageFull,
    /// The printer refused the start.
    StartRefused,
    /// The start was sent, and the printer stayed idle.
    StartNotSeen,
    /// The printer reported a fault and ended the print.
    PrinterError,
    /// We were the host of the print and went away.
    HostLost,
    /// The file's bytes are gone.
    FileMissing,
    /// A person said that it failed.
    Judged,
}

/// Why an attempt was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Asked for through Gantry.
    Requested,
    /// Cancelled at the machine.
    AtPrinter,
    /// The bed's clear was undone before the start.
    ClearUndone,
    /// The printer went out of service before the start.
    PrinterWithdrawn,
    /// A person said that it never started.
    NotStarted,
}

/// How far an attempt that has not ended is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The printer is claimed.
    Assigned,
    /// The file is being made for this printer.
    Slicing,
    /// The file is on its way to the printer, or there and waiting for the bed.
    Sending,
    /// The start is written; telemetry does not show the print yet.
    Starting,
    /// Telemetry shows the print.
    Printing,
    /// The print stands still.
    Paused(PauseReason),
    /// Contact or proof is missing.
    Unknown(UnknownReason),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The printer finished; `inferred` if nobody saw it finish.
    Completed {
        /// Concluded from the last progress and the printer's state.
        inferred: bool,
    },
    /// It went wrong.
    Failed(FailureReason),
    /// It was stopped.
    Cancelled(CancelReason),
}

/// The state of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Fields", into = "Fields")]
#[schemars(with = "Fields")]
pub enum AttemptState {
    /// Not ended.
    Active(Stage),
    /// Ended.
    Done(End),
}

/// What can happen to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptEvent {
    /// The agent began to bring the file to the printer.
    SendBegan,
    /// The start act was written, the bed token consumed.
    StartWritten,
    /// The printer itself refused the start; it may be tried again.
    StartRefused,
    /// Telemetry shows the print.
    SeenPrinting,
    /// Telemetry shows that it stands still.
    SeenPaused(PauseReason),
    /// Contact or proof was lost.
    Lost(UnknownReason),
    /// It ended.
    Ended(End),
}

/// A move that the machine does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject} in state {from} cannot take {event}")]
pub struct IllegalTransition {
    /// `job` or `attempt`.
    pub subject: &'static str,
    /// The state that it is in.
    pub from: String,
    /// What was tried.
    pub event: String,
}

impl AttemptState {
    /// The state after the event.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the event does not belong to the state.
    pub fn after(self, event: AttemptEvent) -> Result<Self, IllegalTransition> {
        use AttemptEvent as E;
        use AttemptState::{Active, Done};
        use Stage as S;
        match (self, event) {
            (Active(S::Assigned | S::Slicing | S::Sending), E::SendBegan) => Ok(Active(S::Sending)),
            (Active(S::Sending), E::StartWritten) => Ok(Active(S::Starting)),
            (Active(S::Starting), E::StartRefused) => Ok(Active(S::Sending)),
            (Active(S::Starting | S::Printing | S::Paused(_) | S::Unknown(_)), E::SeenPrinting) => Ok(Active(S::Printing)),
            (Active(S::Starting | S::Printing | S::Paused(_) | S::Unknown(_)), E::SeenPaused(reason)) => {
                Ok(Active(S::Paused(reason)))
            }
            (Active(S::Starting | S::Printing | S::Paused(_) | S::Unknown(_)), E::Lost(reason)) => Ok(Active(S::Unknown(reason))),
            (Active(S::Starting | S::Printing | S::Paused(_) | S::Unknown(_)), E::Ended(end)) => Ok(Done(end)),
            // Nothing has touched the bed yet: it can fail or be cancelled, but not complete.
            (Active(S::Assigned | S::Slicing | S::Sending), E::Ended(end @ (End::Failed(_) | End::Cancelled(_)))) => {
                Ok(Done(end))
            }
            (
                from @ (Active(S::Assigned | S::Slicing | S::Sending | S::Starting | S::Printing | S::Paused(_) | S::Unknown(_))
                | Done(End::Completed { .. } | End::Failed(_) | End::Cancelled(_))),
                event,
            ) => Err(IllegalTransition { subject: "attempt", from: from.word().to_owned(), event: event.word().to_owned() }),
        }
    }

    /// Whether the printer may have laid plastic: from the written start on.
    pub const fn touched_the_bed(self) -> bool {
        match self {
            AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) => false,
            AttemptState::Active(Stage::Starting | Stage::Printing | Stage::Paused(_) | Stage::Unknown(_))
            | AttemptState::Done(_) => true,
        }
    }

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        self.state_word().name()
    }

    /// The bare word of the state.
    pub const fn state_word(self) -> StateWord {
        match self {
            AttemptState::Active(Stage::Assigned) => StateWord::Assigned,
            AttemptState::Active(Stage::Slicing) => StateWord::Slicing,
            AttemptState::Active(Stage::Sending) => StateWord::Sending,
            AttemptState::Active(Stage::Starting) => StateWord::Starting,
            AttemptState::Active(Stage::Printing) => StateWord::Printing,
            AttemptState::Active(Stage::Paused(_)) => StateWord::Paused,
            AttemptState::Active(Stage::Unknown(_)) => StateWord::Unknown,
            AttemptState::Done(End::Completed { .. }) => StateWord::Completed,
            AttemptState::Done(End::Failed(_)) => StateWord::Failed,
            AttemptState::Done(End::Cancelled(_)) => StateWord::Cancelled,
        }
    }

    /// One state of each word, for tables and tests.
    pub const SAMPLES: &'static [AttemptState] = &[
        AttemptState::Active(Stage::Assigned),
        AttemptState::Active(Stage::Slicing),
        AttemptState::Active(Stage::Sending),
        AttemptState::Active(Stage::Starting),
        AttemptState::Active(Stage::Printing),
        AttemptState::Active(Stage::Paused(PauseReason::User)),
        AttemptState::Active(Stage::Unknown(UnknownReason::ContactLost)),
        AttemptState::Done(End::Completed { inferred: false }),
        AttemptState::Done(End::Failed(FailureReason::PrinterError)),
        AttemptState::Done(End::Cancelled(CancelReason::Requested)),
    ];
}

impl AttemptEvent {
    /// A word for tables and errors.
    pub const fn word(self) -> &'static str {
        match self {
            AttemptEvent::SendBegan => "send_began",
            AttemptEvent::StartWritten => "start_written",
            AttemptEvent::StartRefused => "start_refused",
            AttemptEvent::SeenPrinting => "seen_printing",
            AttemptEvent::SeenPaused(_) => "seen_paused",
            AttemptEvent::Lost(_) => "lost",
            AttemptEvent::Ended(End::Completed { .. }) => "ended_completed",
            AttemptEvent::Ended(End::Failed(_)) => "ended_failed",
            AttemptEvent::Ended(End::Cancelled(_)) => "ended_cancelled",
        }
    }

    /// One event of each word, for tables and tests.
    pub const SAMPLES: &'static [AttemptEvent] = &[
        AttemptEvent::SendBegan,
        AttemptEvent::StartWritten,
        AttemptEvent::StartRefused,
        AttemptEvent::SeenPrinting,
        AttemptEvent::SeenPaused(PauseReason::User),
        AttemptEvent::Lost(UnknownReason::ContactLost),
        AttemptEvent::Ended(End::Completed { inferred: false }),
        AttemptEvent::Ended(End::Failed(FailureReason::PrinterError)),
        AttemptEvent::Ended(End::Cancelled(CancelReason::Requested)),
    ];
}

/// The word that a start carries to the printer and that the printer reports back: 16 characters,
/// random, safe in a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

    /// The token that a printer tells back; none if the text is no token.
    pub fn read(text: &str) -> Option<Self> {
        let ours = text.len() == 16 && text.bytes().all(|byte| Self::LETTERS.contains(&byte));
        ours.then(|| Self(text.to_owned()))
    }

    /// A token from ten random bytes.
    pub fn new(random: [u8; 10]) -> Self {
        let bits = random.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
        let letter = |i: u32| {
            let index = usize::try_from((bits >> (5 * i)) & 31).unwrap_or(0);
            char::from(Self::LETTERS[index])
        };
        Self((0..16).map(letter).collect())
    }

    /// The token as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person or a sensor says of an attempt's items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Items that are good.
    pub good: u32,
    /// Items for the bin.
    pub scrap: u32,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Who says so.
    pub by: crate::actor::Actor,
    /// When.
    pub at: Timestamp,
}

/// One try of a job on one printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The job that is tried.
    pub job_id: JobId,
    /// The printer that it is tried on.
    pub printer_id: PrinterId,
    /// The file that is printed.
    pub file_id: FileId,
    /// Which try of the job it is, from 1.
    pub ordinal: u32,
    /// The word that the printer reports back.
    pub token: Token,
    /// Its state.
    #[serde(flatten)]
    pub state: AttemptState,
    /// A cancel was asked for and has not come through yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// What the printer said, in its own words, when it went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the items were worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// When the printer was claimed.
    pub created_at: Timestamp,
    /// When the file was at the printer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When telemetry first showed the print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_document() {
        for state in AttemptState::SAMPLES {
            let text = serde_json::to_string(state).unwrap();
            assert_eq!(serde_json::from_str::<AttemptState>(&text).unwrap(), *state, "{text}");
        }
    }

    #[test]
    fn a_done_attempt_takes_no_event_at_all() {
        for state in AttemptState::SAMPLES.iter().filter(|s| matches!(s, AttemptState::Done(_))) {
            for event in AttemptEvent::SAMPLES {
                assert!(state.after(*event).is_err(), "{} {}", state.word(), event.word());
            }
        }
    }

    #[test]
    fn an_attempt_that_never_started_cannot_complete() {
        let sending = AttemptState::Active(Stage::Sending);
        assert!(sending.after(AttemptEvent::Ended(End::Completed { inferred: true })).is_err());
        assert!(sending.after(AttemptEvent::SeenPrinting).is_err());
    }

    #[test]
    fn a_refused_start_goes_back_to_sending_and_can_be_written_again() {
        let back = AttemptState::Active(Stage::Starting).after(AttemptEvent::StartRefused).unwrap();
        assert_eq!(back.after(AttemptEvent::StartWritten), Ok(AttemptState::Active(Stage::Starting)));
    }

    #[test]
    fn tokens_differ_where_their_bytes_differ() {
        let one = Token::new([1; 10]);
        assert_eq!(one.as_str().len(), 16);
        assert_ne!(one, Token::new([2; 10]));
        assert_eq!(Token::read(one.as_str()), Some(one));
        assert_eq!(Token::read("benchy-0.2mm.gco"), None);
    }
}
