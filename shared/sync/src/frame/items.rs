//! What a batch carries.

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
    /// The place.
    fn number(&self) -> u64;
}

/// A record as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowItem {
    /// The word of its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Counts its changes.
    pub revision: u64,
    /// Its place in its home's log.
    pub number: u64,
    /// Its place in its home's database.
    pub position: u64,
    /// It was removed; its document is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The record.
    pub document: Document,
}

impl Numbered for RowItem {
    fn number(&self) -> u64 {
        self.number
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
    fn number(&self) -> u64 {
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
    /// A key's record, or its removal.
    Row(RowItem),
    /// The hash of what opens a door, or its removal.
    Credential {
        /// Its place in the account's log.
        number: u64,
        /// SHA-256 in hex.
        hash: String,
        /// What it is.
        kind: String,
        /// The record that it belongs to.
        owner: String,
        /// When it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// It opens nothing any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
    },
}

impl Numbered for AccountItem {
    fn number(&self) -> u64 {
        match self {
            AccountItem::Row(row) => row.number,
            AccountItem::Credential { number, .. } => *number,
        }
    }
}
