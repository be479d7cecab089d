//! Answers that are given later than they could be.

use super::Output;
use crate::clock::later;
use domain::time::Timestamp;
use std::collections::BTreeMap;

/// What is said at its moment; of one moment in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Held {
    serial: u64,
    waiting: BTreeMap<(Timestamp, u64), Output>,
}

impl Held {
    /// Says it so much later; at once if there is no such time.
    pub(crate) fn say(&mut self, now: Timestamp, after_ms: Option<u64>, output: Output, out: &mut Vec<Output>) {
        match after_ms {
            Some(ms) => {
                self.serial += 1;
                self.waiting.insert((later(now, ms), self.serial), output);
            }
            None => out.push(output),
        }
    }

    /// When the next is said.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// Says what is due.
    pub(crate) fn due(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            out.push(entry.remove());
        }
    }

    /// Nothing of it is ever said: the power is gone.
    pub(crate) fn cut(&mut self, out: &mut Vec<Output>) {
        for held in std::mem::take(&mut self.waiting).into_values() {
            if let Output::Response { request, .. } = held {
                out.push(Output::Cut { request });
            }
        }
    }
}
