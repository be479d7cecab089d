//! Keys for programs and slicers, and the sessions of people. What opens a door is only ever stored
//! as a hash, apart from these documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Grants;
use crate::actor::Actor;
use crate::id::{ApiKeyId, PoolId, PrinterId, SessionId, SlicerKeyId};
use crate::limit::RateLimit;
use crate::network::Network;
use crate::permission::PermissionSet;
use crate::role::RoleRef;
use crate::text::Name;
use crate::time::Timestamp;

/// Whether a key opens doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It does.
    Active,
    /// Not for now.
    Paused,
    /// Never again.
    Revoked,
}

/// A key for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it: one key per integration.
    pub name: Name,
    /// Its first characters, so that people recognise it.
    pub hint: String,
    /// A test key: it opens test farms only, and changes nothing of the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// The role that it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
    /// Single permissions beside the role's.
    #[serde(default, skip_serializing_if = "PermissionSet::is_empty")]
    pub permissions: PermissionSet,
    /// What it was given, and where: the most that it can ever do.
    pub grants: Grants,
    /// What of that it may do now, as far as its sponsor and its role still hold it; none if its sponsor opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Grants>,
    /// Networks that it may come from; empty = any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<Network>,
    /// How often it may call, if not as often as any key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether it opens doors.
    pub state: KeyState,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Until then the secret of before opens too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// When it was let in last, as far as this door knows, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Whose rights bound it.
    pub sponsor: Actor,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A key that may only submit files to the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlicerKey {
    /// Its id.
    pub id: SlicerKeyId,
    /// The workstation that it belongs to.
    pub name: Name,
    /// Its first characters.
    pub hint: String,
    /// The pool that it submits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    /// The printer that it submits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<PrinterId>,
    /// Whether it opens doors.
    pub state: KeyState,
    /// Until then the secret of before opens too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// Who made it.
    pub sponsor: Actor,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A signed-in browser or phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub actor: Actor,
    /// What the browser called itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
}
