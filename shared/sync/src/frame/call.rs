//! Calls and answers as far as they fit into a frame.

use contract::forward::{Answered, Forwarded};
use serde::Serialize;
use serde_json::Value;

use super::LARGEST_FRAME;

/// The frame around it: type, numbers, times.
const AROUND: usize = 1024;

fn fits_around(value: &impl Serialize) -> bool {
    serde_json::to_string(value).is_ok_and(|text| text.len() + AROUND <= LARGEST_FRAME)
}

/// Whether a call fits into a frame. A door refuses what does not before it promises anything.
pub fn fits(call: &Forwarded) -> bool {
    fits_around(call)
}

/// The answer as far as it fits into a frame: rows go first, for the feed repeats them; then the body, and it is said.
#[must_use]
pub fn fitted(mut answer: Answered) -> Answered {
    if !fits_around(&answer) {
        answer.rows = Vec::new();
    }
    if !fits_around(&answer) {
        answer.body = Value::Null;
        answer.too_big = true;
    }
    answer
}
