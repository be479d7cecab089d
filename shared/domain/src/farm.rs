//! A farm: one agent and its printers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FarmId, StoreId};
use crate::pairing::RefusedAgent;
use crate::printer::Connection;
use crate::text::Name;
use crate::time::Timestamp;

/// Whether the farm starts work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dispatch {
    /// It does.
    Run,
    /// What is on a printer goes on; nothing new is claimed.
    Drain,
    /// Nothing is claimed and nothing is started, not even what is already claimed.
    Stop,
}

/// The store and the farm that a fact belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HomeIds {
    /// The tenant.
    pub store_id: StoreId,
    /// The farm.
    pub farm_id: FarmId,
}

/// That a farm belongs to a store at a relay. What the accounts say is changed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Where the relay is.
    pub relay_url: String,
    /// The relay's own name: only to it does the agent prove who it is.
    pub relay_id: String,
    /// The store.
    pub store_id: StoreId,
    /// What the store is called.
    pub store_name: Name,
    /// Since when.
    pub claimed_at: Timestamp,
}

/// A farm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Farm {
    /// Its id.
    pub id: FarmId,
    /// What people call it.
    pub name: Name,
    /// False for a test farm: its printers are simulated. Said when the farm is made and when it is claimed, and never changed.
    #[serde(default = "is_live")]
    pub live: bool,
    /// Whether it starts work.
    pub dispatch: Dispatch,
    /// Whether its agent is heard.
    pub connection: Connection,
    /// An agent that came to the relay as this farm and was not let in. Told by the relay alone, until somebody dismisses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedAgent>,
    /// Failures in a row that quarantine a printer; 0 = never.
    pub quarantine_after: u32,
    /// Printers on which the same file must fail before its jobs are held; 0 = never.
    pub hold_file_after: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What says nothing of itself is real: nothing becomes a test farm by leaving a word out.
pub const fn is_live() -> bool {
    true
}
