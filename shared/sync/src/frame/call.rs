//! What is asked of the other side, and its answer.

use std::collections::BTreeMap;

use domain::access::Grants;
use domain::actor::Actor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LARGEST_FRAME, RowItem};

/// An operation to run, as the relay's door accepted it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The id that it got at acceptance: the key to tell doubles by.
    pub id: String,
    /// The operation.
    pub operation: String,
    /// The parts of the path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub path: BTreeMap<String, String>,
    /// The pairs behind the question mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// How it was asked.
    #[serde(default)]
    pub how: How,
    /// Who asks.
    pub actor: Actor,
    /// What they hold, as judged at acceptance.
    pub grants: Grants,
}

impl Call {
    /// Whether it fits into a frame. A door refuses what does not before it promises anything.
    pub fn fits(&self) -> bool {
        // The frame around it: type, numbers, times.
        const AROUND: usize = 256;
        serde_json::to_string(self).is_ok_and(|text| text.len() + AROUND <= LARGEST_FRAME)
    }
}

/// What a call's headers say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct How {
    /// `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// `If-Match`, a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<u64>,
    /// Only ask what would happen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// `Prefer: wait`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The status as in HTTP.
    pub status: u16,
    /// The body; none also if it was too large for a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The revision of the record that was made or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The rows that it changed, so that the caller reads its own writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowItem>,
    /// The body was left out because it fits into no frame.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_big: bool,
}

impl Answer {
    /// The answer as far as it fits into a frame: rows go first, for the feed repeats them; then the body, and it is said.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        const AROUND: usize = 1024;
        let fits = |answer: &Self| serde_json::to_string(answer).is_ok_and(|text| text.len() + AROUND <= LARGEST_FRAME);
        if !fits(&self) {
            self.rows = Vec::new();
        }
        if !fits(&self) {
            self.body = None;
            self.too_big = true;
        }
        self
    }
}
