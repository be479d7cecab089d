//! What is counted of a key's calls, day by day in UTC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// It was answered with an error.
    Failed,
    /// The key may not do that, not from there, or not now.
    Refused,
    /// It came too often.
    Throttled,
}

/// Calls. Each is one of `calls`, and of at most one of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calls {
    /// All of them.
    pub calls: u64,
    /// Answered with an error that is none of the others.
    pub errors: u64,
    /// The key may not do that, not from there, or not now.
    pub refused: u64,
    /// They came too often.
    pub throttled: u64,
}

impl Calls {
    /// One more.
    pub const fn count(&mut self, ended: Ended) {
        self.calls += 1;
        match ended {
            Ended::Done => {}
            Ended::Failed => self.errors += 1,
            Ended::Refused => self.refused += 1,
            Ended::Throttled => self.throttled += 1,
        }
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(more.calls),
            errors: self.errors.saturating_add(more.errors),
            refused: self.refused.saturating_add(more.refused),
            throttled: self.throttled.saturating_add(more.throttled),
        }
    }
}

/// A day, in days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The day of a moment.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis().div_euclid(DAY_MILLIS))
    }

    /// So many days before.
    #[must_use]
    pub const fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl std::fmt::Display for Day {
    /// `2026-11-24`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = Timestamp::from_millis(self.0.saturating_mul(DAY_MILLIS)).to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_once_and_at_most_once_more() {
        let mut calls = Calls::default();
        for ended in [Ended::Done, Ended::Failed, Ended::Refused, Ended::Throttled, Ended::Done] {
            calls.count(ended);
        }
        assert_eq!(calls, Calls { calls: 5, errors: 1, refused: 1, throttled: 1 });
        assert_eq!(calls.and(calls).calls, 10);
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc_also_before_1970() {
        let day = |text: &str| Day::of(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-11-24T00:00:00.000Z"), "2026-11-24");
        assert_eq!(day("2026-11-24T23:59:59.999Z"), "2026-11-24");
        assert_eq!(day("1969-12-31T23:59:59.999Z"), "1969-12-31");
        assert_eq!(Day(0).before(1).to_string(), "1969-12-31");
    }
}
