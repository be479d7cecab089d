//! Whether a printer is heard: silence is not a state, so it is counted.

use domain::printer::Connection;
use domain::time::Timestamp;
use drivers::contract::LinkProblem;

use super::core::Timing;

/// The line to a printer.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// Nothing came yet.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// It was heard.
    Up {
        /// When last.
        heard_at: Timestamp,
    },
    /// The driver says that it is down.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why.
        problem: LinkProblem,
    },
}

impl Line {
    /// The facet, the reason in words, and when the facet may change by time alone.
    pub fn judge(&self, now: Timestamp, timing: &Timing) -> (Connection, Option<String>, Option<Timestamp>) {
        let silent = |since: Timestamp| now.millis_since(since);
        match self {
            Line::Waiting { since } if silent(*since) < timing.stale_ms => {
                (Connection::Unknown, None, Some(since.plus_millis(timing.stale_ms)))
            }
            Line::Waiting { .. } => (Connection::Offline, Some("the printer has not been heard".to_owned()), None),
            Line::Up { heard_at } if silent(*heard_at) < timing.stale_ms => {
                (Connection::Online, None, Some(heard_at.plus_millis(timing.stale_ms)))
            }
            Line::Up { heard_at } if silent(*heard_at) < timing.offline_ms => {
                let text = "the printer has not been heard for a while".to_owned();
                (Connection::Stale, Some(text), Some(heard_at.plus_millis(timing.offline_ms)))
            }
            Line::Up { .. } => (Connection::Offline, Some("the printer has fallen silent".to_owned()), None),
            Line::Down { since, problem } if problem.may_pass() && silent(*since) < timing.lost_grace_ms => {
                (Connection::Stale, Some(problem.to_string()), Some(since.plus_millis(timing.lost_grace_ms)))
            }
            Line::Down { problem, .. } => (Connection::Offline, Some(problem.to_string()), None),
        }
    }

    /// Heard so lately that what it showed can be acted on.
    pub fn is_fresh(&self, now: Timestamp, timing: &Timing) -> bool {
        match self {
            Line::Up { heard_at } => now.millis_since(*heard_at) <= timing.fresh_ms,
            Line::Waiting { .. } | Line::Down { .. } => false,
        }
    }
}
