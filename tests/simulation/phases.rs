//! Where a print is when the agent's power goes: every phase must have been hit.

use std::collections::BTreeMap;

/// Where a print is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Claimed,
    Sending,
    ActWrittenNotSent,
    SentNotAnswered,
    Starting,
    Printing,
    Paused,
    Finishing,
    EndedMeanwhile,
}

impl Phase {
    pub const ALL: [Phase; 9] = [
        Phase::Claimed,
        Phase::Sending,
        Phase::ActWrittenNotSent,
        Phase::SentNotAnswered,
        Phase::Starting,
        Phase::Printing,
        Phase::Paused,
        Phase::Finishing,
        Phase::EndedMeanwhile,
    ];
}

/// How far the start of an attempt is, as the network knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartCall {
    #[default]
    NotMade,
    Open(u64),
    Answered,
}

/// What a run came past.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    pub cuts: BTreeMap<Phase, u32>,
    pub other: BTreeMap<&'static str, u32>,
}

impl Reached {
    pub fn count(&mut self, what: &'static str) {
        *self.other.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (phase, count) in &other.cuts {
            *self.cuts.entry(*phase).or_default() += count;
        }
        for (what, count) in &other.other {
            *self.other.entry(what).or_default() += count;
        }
    }
}
