//! A call between two doors: what a relay asks of a farm, and what comes back. Both doors, and the line
//! between them, speak these.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::access::Grants;
use domain::actor::Actor;
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Document;

/// A call on its way to a farm, as it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Its own id on the line: no other call has it.
    #[serde(default)]
    pub id: String,
    /// The operation's name.
    pub operation: String,
    /// Names and values of the path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub path: BTreeMap<String, String>,
    /// Pairs of the query.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The body; null = none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// `If-Match`, a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<u64>,
    /// `Prefer: wait=N`, in seconds.
    #[serde(default)]
    pub wait_seconds: u64,
    /// Who calls.
    pub actor: Actor,
    /// What they held when the call was accepted.
    pub grants: Grants,
    /// The address that they called the relay from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The request, as the relay named it to the caller.
    pub request_id: String,
}

/// What a farm answered. From 400 on the body is a problem.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Answered {
    /// The status as in HTTP.
    pub status: u16,
    /// The body; null = none, also if it was too large for the line.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// The revision of the thing that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// It was given before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// Rows that changed meanwhile, so that the caller reads its own writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowItem>,
    /// The body was left out because it was too large for the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_big: bool,
}

/// A record as it is now, on its way to a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowItem {
    /// The word of its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Counts its changes.
    pub revision: u64,
    /// Its place in its home's log.
    pub number: u64,
    /// Its place in the log of its home's database: what the feed is ordered by.
    pub position: u64,
    /// It was removed; its document is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The record.
    #[schemars(with = "serde_json::Value")]
    pub document: Document,
}
