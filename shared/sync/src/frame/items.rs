//! What a batch carries.

use std::collections::BTreeMap;

use contract::forward::RowItem;
use contract::record::Document;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Facts of a stream in the order of their numbers: all that there are above `from` and up to `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// The log.
    pub epoch: String,
    /// Not included.
    pub from: u64,
    /// Included.
    pub to: u64,
    /// The sender's head of rows when this was read. Events are given out when the rows are there; a feed that reached it is whole.
    pub rows_head: u64,
    /// The facts.
    pub items: Vec<T>,
}

/// What has a place in a stream.
pub trait Numbered {
    /// The place in the stream.
    fn place(&self) -> u64;
}

impl Numbered for RowItem {
    fn place(&self) -> u64 {
        self.position
    }
}

/// A fact of the log, or the place where facts are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventItem {
    /// An event as it is stored.
    Event {
        /// Its number.
        number: u64,
        /// The subject's labels when it happened, for scopes.
        labels: Vec<String>,
        /// Envelope and data.
        body: Document,
    },
    /// Events above `after` and up to `to` were trimmed before they were sent.
    Gap {
        /// Not included.
        after: u64,
        /// Included.
        to: u64,
    },
}

impl Numbered for EventItem {
    fn place(&self) -> u64 {
        match self {
            EventItem::Event { number, .. } => *number,
            EventItem::Gap { to, .. } => *to,
        }
    }
}

/// An account fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountItem {
    /// A key's record, and the SHA-256 of all that opens it in hex.
    Key {
        /// The record, or its removal.
        row: RowItem,
        /// Whatever else opened it before does no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hashes: Vec<String>,
        /// Hashes that open it until then: another secret took their place. Who does not know this field lets them end now.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        ending: BTreeMap<String, Timestamp>,
    },
}

impl Numbered for AccountItem {
    fn place(&self) -> u64 {
        match self {
            AccountItem::Key { row, .. } => row.position,
        }
    }
}
