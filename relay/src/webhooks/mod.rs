//! Sends events to the addresses that stores gave, signed as Standard Webhooks 1.0.0 says. One reader of the
//! log makes a delivery of each event for each webhook that may see it; each webhook has a line of its own, in which
//! its deliveries are tried until they arrive or their tries are used up. What is decided stands in `schedule`,
//! without io. An event can arrive twice, never not at all: receivers tell doubles by `webhook-id`.

mod feed;
mod guard;
mod letter;
mod line;
mod post;
mod schedule;
mod sender;
mod sign;

use std::time::Duration;

pub use guard::{Guard, Looked, Names, Refused, Resolver, SystemNames};
pub use post::run;

/// How webhooks are sent.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tries at once to a webhook whose last try arrived; to any other it is one.
    pub at_once_each: usize,
    /// Tries at once in all.
    pub at_once: usize,
    /// How long a receiver has for its whole answer.
    pub patience: Duration,
    /// How often it is looked for what has become due.
    pub tick: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { at_once_each: 8, at_once: 512, patience: Duration::from_secs(15), tick: Duration::from_secs(1) }
    }
}
