//! The bed: clear exactly while an unconsumed token exists. A clear names the bed's *use*, so that a
//! late tap cannot clear the next print's bed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, ActorKind};
use crate::id::AttemptId;
use crate::time::Timestamp;

/// A person can take back a clear for that long, and a start waits it out.
pub const UNDO_SECONDS: i64 = 10;

/// Whether something may lie on the bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bed {
    /// An unconsumed token exists.
    Clear,
    /// A print is on it or touched it, or nobody ever said that it is clear.
    NeedsClear,
    /// What became of the last print on it is not known.
    Unknown,
}

/// What lies or lay on the bed: the attempt's id, or an id of its own for a foreign print or a new
/// printer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct BedUse(String);

impl BedUse {
    /// The use of a bed by one of our attempts.
    pub fn attempt(attempt: AttemptId) -> Self {
        Self(attempt.to_string())
    }

    /// A use with an id of its own: a foreign print, or a printer that has just been added.
    pub fn own(id: uuid::Uuid) -> Self {
        Self(format!("use_{}", id.simple()))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a bed came to be clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClearedBy {
    /// A person said so; it can be undone.
    Person,
    /// A person said so and asked to start at once; it cannot be undone.
    PersonAtOnce,
    /// A sensor or a declared clearing method said so.
    Method,
}

/// One statement that a bed is clear. A start consumes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BedToken {
    /// The use that was cleared away.
    pub bed_use: BedUse,
    /// How.
    pub by: ClearedBy,
    /// By whom.
    pub actor: Actor,
    /// When.
    pub given_at: Timestamp,
}

impl BedToken {
    /// From when on a start may consume it.
    pub fn startable_at(&self) -> Timestamp {
        match self.by {
            ClearedBy::Person => self.given_at.plus_seconds(UNDO_SECONDS),
            ClearedBy::PersonAtOnce | ClearedBy::Method => self.given_at,
        }
    }

    /// Until when it can be taken back, if it can.
    pub fn undo_until(&self) -> Option<Timestamp> {
        match self.by {
            ClearedBy::Person => Some(self.given_at.plus_seconds(UNDO_SECONDS)),
            ClearedBy::PersonAtOnce | ClearedBy::Method => None,
        }
    }

    /// Whether it can be taken back at that moment.
    pub fn may_be_undone(&self, now: Timestamp) -> bool {
        self.undo_until().is_some_and(|until| now < until)
    }
}

/// Whether an actor of that kind sees the bed: an AI and a timed rule do not.
pub const fn can_see_a_bed(kind: ActorKind) -> bool {
    match kind {
        ActorKind::User | ActorKind::Floor | ActorKind::ApiKey | ActorKind::Device | ActorKind::Farm => true,
        ActorKind::Slicer | ActorKind::Ai | ActorKind::WebhookIn | ActorKind::Scheduler | ActorKind::Relay => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(by: ClearedBy) -> BedToken {
        BedToken {
            bed_use: BedUse("use_1".into()),
            by,
            actor: Actor::new(ActorKind::Floor, "owner"),
            given_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_start_waits_out_a_persons_undo_but_not_a_sensors() {
        assert_eq!(token(ClearedBy::Person).startable_at(), Timestamp::from_millis(10_000));
        assert_eq!(token(ClearedBy::Method).startable_at(), Timestamp::from_millis(0));
    }

    #[test]
    fn a_clear_can_be_undone_for_ten_seconds_unless_it_started_at_once() {
        assert!(token(ClearedBy::Person).may_be_undone(Timestamp::from_millis(9_999)));
        assert!(!token(ClearedBy::Person).may_be_undone(Timestamp::from_millis(10_000)));
        assert!(!token(ClearedBy::PersonAtOnce).may_be_undone(Timestamp::from_millis(1)));
    }
}
