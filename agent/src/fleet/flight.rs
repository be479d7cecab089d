//! An attempt on its way through a printer, as the running agent knows it beyond what is written.

use domain::attempt::{Attempt, AttemptState, Stage, Token};
use domain::id::AttemptId;
use domain::recovery::History;
use domain::time::Timestamp;

/// An attempt in hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Flight {
    /// Which.
    pub attempt: AttemptId,
    /// Its token.
    pub token: Token,
    /// How far it is.
    pub leg: Leg,
    /// A cancel without a command was sent then.
    pub cancel_sent_at: Option<Timestamp>,
    /// It was given up on: whatever shows of it is cancelled.
    pub given_up: bool,
    /// The driver was asked what became of it, and has not answered.
    pub recalling: bool,
}

/// A leg of the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Leg {
    /// The file has to go there; not before that moment.
    ToSend {
        /// Tries that failed.
        failed: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// The file is on its way.
    Sending {
        /// Tries that failed before.
        failed: u32,
    },
    /// It is there; after a refused start, not before that moment.
    Sent {
        /// Not before.
        not_before: Timestamp,
    },
    /// The start was sent in this life of the agent.
    Started {
        /// Until when it must show.
        deadline: Timestamp,
    },
    /// The deadline passed: it was cancelled, and the printer is watched.
    GivingUp {
        /// Since when.
        since: Timestamp,
    },
    /// Telemetry shows it.
    Printing,
    /// The agent or the contact was away, or the print is gone without a word: what became of it?
    Looking {
        /// Since when the printer is seen.
        seen_since: Option<Timestamp>,
        /// What its history says.
        history: Option<History>,
    },
    /// Nothing proves anything: a person decides.
    Unproven,
}

impl Flight {
    /// An attempt as it is found written: at its beginning, or after a restart.
    pub fn found(attempt: &Attempt, now: Timestamp) -> Self {
        let leg = match attempt.state {
            AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) | AttemptState::Done(_) => {
                Leg::ToSend { failed: 0, not_before: now }
            }
            AttemptState::Active(Stage::Starting | Stage::Printing | Stage::Paused(_) | Stage::Unknown(_)) => {
                Leg::Looking { seen_since: None, history: None }
            }
        };
        Self { attempt: attempt.id, token: attempt.token.clone(), leg, cancel_sent_at: None, given_up: false, recalling: false }
    }

    /// When something is due by time alone.
    pub fn next_wake(&self, timing: &super::core::Timing) -> Option<Timestamp> {
        match &self.leg {
            Leg::ToSend { not_before, .. } | Leg::Sent { not_before } => Some(*not_before),
            Leg::Started { deadline } => Some(*deadline),
            Leg::GivingUp { since } => Some(since.plus_millis(timing.give_up_ms)),
            Leg::Looking { seen_since, .. } => seen_since.map(|since| since.plus_millis(timing.window_ms)),
            Leg::Sending { .. } | Leg::Printing | Leg::Unproven => None,
        }
    }
}
