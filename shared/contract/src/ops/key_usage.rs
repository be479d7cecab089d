//! What an API key is used for: its calls day by day at each door, and the networks that they came from.

use domain::access::Access;
use domain::id::{ApiKeyId, FarmId};
use domain::network::Network;
use domain::permission::Permission;
use domain::time::Timestamp;
use domain::usage::Calls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::{Nothing, Of};

/// For so many days calls are kept, today among them.
pub const DAYS: i64 = 30;

/// Calls of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayUsage {
    /// The day in UTC, such as `2026-11-24`.
    pub day: String,
    /// Its calls.
    pub calls: Calls,
}

/// A network that calls came from: a /24 of IPv4, a /48 of IPv6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenNetwork {
    /// The network.
    pub network: Network,
    /// When a call came from there first.
    pub first_seen_at: Timestamp,
    /// And last, to the hour.
    pub last_seen_at: Timestamp,
}

/// What came through one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorUsage {
    /// `agent` or `relay`.
    pub door: String,
    /// The farm, if it was counted at an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farm_id: Option<FarmId>,
    /// When the key was let in there last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// All of the last 30 days.
    pub total: Calls,
    /// Days with calls, oldest first.
    pub days: Vec<DayUsage>,
    /// The 32 networks that calls came from last, the latest first.
    pub networks: Vec<SeenNetwork>,
}

/// What a key was used for in the last 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyUsage {
    /// When it was let in last, at any of these doors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// All calls at these doors.
    pub total: Calls,
    /// Each door, with what came through itself: a call that the relay passes on to a farm is counted at the relay alone.
    pub doors: Vec<DoorUsage>,
    /// Farms that are away: what came through their doors is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_farms: Vec<FarmId>,
}

impl KeyUsage {
    /// What these doors counted.
    pub fn of(doors: Vec<DoorUsage>, missing_farms: Vec<FarmId>) -> Self {
        let total = doors.iter().fold(Calls::default(), |total, door| total.and(door.total));
        let last_used_at = doors.iter().filter_map(|door| door.last_used_at).max();
        Self { last_used_at, total, doors, missing_farms }
    }
}

crate::operations! {
    /// Tell what an API key was used for in the last 30 days.
    ///
    /// Calls, errors, refused and throttled ones day by day, and the networks that they came from, at each door. A relay asks the
    /// store's farms for what came in on their own networks. A door that is killed forgets its last minute.
    GetKeyUsage = "get_key_usage" Get "/v1/api_keys/{id}/usage" {
        access: Access::Needs(Permission::ApiKeyView), home: Farm, nature: Read, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: KeyUsage, status: 200
    }
}
