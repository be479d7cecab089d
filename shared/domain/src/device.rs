//! A device: a phone or a wall tablet that was added to the farm, and that is signed in for as long as it is used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Grants;
use crate::actor::Actor;
use crate::id::DeviceId;
use crate::role::Role;
use crate::text::Name;
use crate::time::Timestamp;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Its link waits to be opened.
    Invited,
    /// It is signed in.
    Active,
}

/// A phone or a tablet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What people call it.
    pub name: Name,
    /// The role that it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What it was given, and where: at most that, and no more than its sponsor holds now.
    pub grants: Grants,
    /// How far it is.
    pub state: DeviceState,
    /// When its link ends, while it waits to be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_ends_at: Option<Timestamp>,
    /// What its browser calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// When it was last heard, to about a minute; of a copy at a relay, to about a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
    /// Whose rights bound it: who added it.
    pub sponsor: Actor,
    /// When it was added.
    pub created_at: Timestamp,
}
