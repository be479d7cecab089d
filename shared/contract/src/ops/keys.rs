//! API keys for programs and slicer keys for workstations.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::{ApiKeyId, FarmId, PoolId, PrinterId, SlicerKeyId, UserId};
use domain::key::{ApiKey, SlicerKey};
use domain::limit::RateLimit;
use domain::network::Network;
use domain::permission::Permission;
use domain::role::RoleRef;
use domain::text::{Name, Tag};
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::ops::key_presets::KeyPreset;

/// A new key for a program. Role and permissions add up; neither may go beyond the caller's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What people call it: one key per integration.
    pub name: Name,
    /// A test key, `gty_test_…`: it opens the store's test farms only, and changes nothing of the account, whatever it is given here.
    #[serde(default)]
    pub test: bool,
    /// A built-in role (never `store_owner`), or the id of one of the store's own.
    #[serde(default)]
    pub role: Option<RoleRef>,
    /// Single permissions.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// What the integration is for: adds that preset's permissions, and its end if none is named.
    #[serde(default)]
    pub preset: Option<KeyPreset>,
    /// Only on these farms; absent = all.
    #[serde(default)]
    pub farms: Option<BTreeSet<FarmId>>,
    /// Only for printers with one of these tags; absent = all.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
    /// Networks that it may come from, as CIDR; empty = any.
    #[serde(default)]
    pub allowed_networks: Vec<Network>,
    /// How often it may call; absent = as often as any key.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}
impl Json for NewApiKey {}

impl NewApiKey {
    /// A key of that name and nothing else.
    pub const fn named(name: Name) -> Self {
        Self {
            name,
            test: false,
            role: None,
            permissions: BTreeSet::new(),
            preset: None,
            farms: None,
            tags: None,
            allowed_networks: Vec::new(),
            rate_limit: None,
            expires_at: None,
        }
    }
}

/// A change to a key; it may only narrow or widen within the caller's own rights.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditApiKey {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another role; `null` = none. What the key may do is what role and permissions open from then on, as far as its sponsor holds it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<RoleRef>")]
    pub role: Option<Option<RoleRef>>,
    /// Other single permissions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Permission>")]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Other farms; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<FarmId>>")]
    pub farms: Option<Option<BTreeSet<FarmId>>>,
    /// Other tags; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<Tag>>")]
    pub tags: Option<Option<BTreeSet<Tag>>>,
    /// Other networks.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<Network>")]
    pub allowed_networks: Option<Vec<Network>>,
    /// Another limit of calls; `null` = that of any key.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<RateLimit>")]
    pub rate_limit: Option<Option<RateLimit>>,
    /// Another end; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Timestamp>")]
    pub expires_at: Option<Option<Timestamp>>,
}
impl Json for EditApiKey {}

/// A key that was just made: the only time that it is seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreatedApiKey {
    /// The key itself. It is shown now and never again.
    pub secret: String,
    /// A first call with it, for a shell, if it was made from a preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
    /// Its record.
    pub api_key: View<ApiKey>,
}

/// Who sponsors a key from now on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// An active person of the store.
    pub to: UserId,
}
impl Json for HandOver {}

/// How a key's secret is replaced.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollKey {
    /// How long the old secret opens too, up to 7 days; 24 hours if not named.
    #[serde(default)]
    #[schemars(range(max = 604_800))]
    pub overlap_seconds: Option<u32>,
}
impl Json for RollKey {}

/// A new key for a slicer. It may only submit files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSlicerKey {
    /// The workstation that it belongs to.
    pub name: Name,
    /// The pool that it submits to.
    #[serde(default)]
    pub pool_id: Option<PoolId>,
    /// The printer that it submits to.
    #[serde(default)]
    pub printer_id: Option<PrinterId>,
}
impl Json for NewSlicerKey {}

/// A slicer key that was just made: the only time that it is seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreatedSlicerKey {
    /// The key itself, at most 43 characters. It is shown now and never again.
    pub secret: String,
    /// Its record.
    pub slicer_key: View<SlicerKey>,
}

crate::operations! {
    /// List the API keys.
    ListApiKeys = "list_api_keys" Get "/v1/api_keys" {
        access: Access::Needs(Permission::ApiKeyView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<ApiKey>, body: Nothing, reply: Page<ApiKey>, status: 200
    }
    /// Make an API key.
    ///
    /// The answer holds the key itself, once.
    CreateApiKey = "create_api_key" Post "/v1/api_keys" {
        access: Access::Needs(Permission::ApiKeyCreate), home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewApiKey, reply: CreatedApiKey, status: 201
    }
    /// Show one API key.
    GetApiKey = "get_api_key" Get "/v1/api_keys/{id}" {
        access: Access::Needs(Permission::ApiKeyView), home: Account, nature: Read, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: View<ApiKey>, status: 200
    }
    /// Change an API key.
    EditApiKeyOp = "edit_api_key" Patch "/v1/api_keys/{id}" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: EditApiKey, reply: View<ApiKey>, status: 200
    }
    /// Pause an API key: it opens nothing until it is resumed.
    PauseApiKey = "pause_api_key" Post "/v1/api_keys/{id}/pause" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: View<ApiKey>, status: 200, bulk: "pause"
    }
    /// Resume a paused API key.
    ResumeApiKey = "resume_api_key" Post "/v1/api_keys/{id}/resume" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: View<ApiKey>, status: 200, bulk: "resume"
    }
    /// Replace an API key's secret.
    ///
    /// The answer holds the new one, once. Until the overlap ends, the old one opens too; of three only the newest two do.
    RollApiKey = "roll_api_key" Post "/v1/api_keys/{id}/roll" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: RollKey, reply: CreatedApiKey, status: 200
    }
    /// End the overlap now: only the newest secret of an API key opens.
    EndApiKeyRoll = "end_api_key_roll" Post "/v1/api_keys/{id}/end-roll" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: View<ApiKey>, status: 200
    }
    /// Give an API key to somebody else, whose rights bound it from then on.
    ///
    /// It never gets more: it keeps at most what its sponsor of before held.
    HandOverApiKey = "hand_over_api_key" Post "/v1/api_keys/{id}/hand-over" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: HandOver, reply: View<ApiKey>, status: 200
    }
    /// Revoke an API key for ever.
    RevokeApiKey = "revoke_api_key" Post "/v1/api_keys/{id}/revoke" {
        access: Access::Needs(Permission::ApiKeyRevoke), home: Account, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: View<ApiKey>, status: 200, bulk: "revoke"
    }
    /// List the slicer keys.
    ListSlicerKeys = "list_slicer_keys" Get "/v1/slicer_keys" {
        access: Access::Needs(Permission::ApiKeyView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<SlicerKey>, body: Nothing, reply: Page<SlicerKey>, status: 200
    }
    /// Make a slicer key.
    ///
    /// The answer holds the key itself, once.
    CreateSlicerKey = "create_slicer_key" Post "/v1/slicer_keys" {
        access: Access::Needs(Permission::ApiKeyCreate), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewSlicerKey, reply: CreatedSlicerKey, status: 201
    }
    /// Show one slicer key.
    GetSlicerKey = "get_slicer_key" Get "/v1/slicer_keys/{id}" {
        access: Access::Needs(Permission::ApiKeyView), home: Farm, nature: Read, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: Nothing, reply: View<SlicerKey>, status: 200
    }
    /// Pause a slicer key.
    PauseSlicerKey = "pause_slicer_key" Post "/v1/slicer_keys/{id}/pause" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: Nothing, reply: View<SlicerKey>, status: 200, bulk: "pause"
    }
    /// Resume a paused slicer key.
    ResumeSlicerKey = "resume_slicer_key" Post "/v1/slicer_keys/{id}/resume" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: Nothing, reply: View<SlicerKey>, status: 200, bulk: "resume"
    }
    /// Replace a slicer key's secret.
    ///
    /// The answer holds the new one, once. Until the overlap ends, the old one opens too; of three only the newest two do.
    RollSlicerKey = "roll_slicer_key" Post "/v1/slicer_keys/{id}/roll" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: RollKey, reply: CreatedSlicerKey, status: 200
    }
    /// End the overlap now: only the newest secret of a slicer key opens.
    EndSlicerKeyRoll = "end_slicer_key_roll" Post "/v1/slicer_keys/{id}/end-roll" {
        access: Access::Needs(Permission::ApiKeyEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: Nothing, reply: View<SlicerKey>, status: 200
    }
    /// Revoke a slicer key for ever.
    RevokeSlicerKey = "revoke_slicer_key" Post "/v1/slicer_keys/{id}/revoke" {
        access: Access::Needs(Permission::ApiKeyRevoke), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SlicerKeyId>, query: Nothing, body: Nothing, reply: View<SlicerKey>, status: 200, bulk: "revoke"
    }
}
