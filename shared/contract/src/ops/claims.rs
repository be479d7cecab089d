//! How a farm comes to belong to a store, in the shape of RFC 8628: the agent asks its relay for a code, somebody who
//! may claim farms says yes to it, the agent asks whether they did. And how it leaves again.

use std::collections::BTreeMap;

use domain::access::Access;
use domain::actor::Actor;
use domain::farm::is_live;
use domain::id::{FarmId, StoreId};
use domain::pairing::RefusedAgent;
use domain::permission::{Permission, PermissionSet};
use domain::secret::Secret;
use domain::text::Name;
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::forward::RowItem;
use crate::operation::{Json, Nothing, Of, PathParts, given};
use crate::problem::Problem;
use crate::record::Document;

/// An API key that goes along with a farm to its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyToMove {
    /// What people call it.
    pub name: Name,
    /// What it may do.
    pub permissions: PermissionSet,
}

/// A farm that wants to be claimed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPairing {
    /// The farm.
    pub farm_id: FarmId,
    /// What people call it.
    pub farm_name: Name,
    /// What the machine calls itself.
    pub host: Name,
    /// False for a test farm.
    #[serde(default = "is_live", skip_serializing_if = "Clone::clone")]
    pub live: bool,
    /// The agent's Ed25519 key in hex.
    pub public_key: String,
    /// The signature of `gantry-pairing`, the farm's id and the key, a line each, in hex.
    pub signature: String,
    /// API keys that will go along.
    #[serde(default)]
    pub keys: Vec<KeyToMove>,
    /// It has no printer, no file and no history: it can take the place of a farm whose machine is gone.
    #[serde(default)]
    pub empty: bool,
}
impl Json for NewPairing {}

impl NewPairing {
    /// What is signed.
    pub fn signed(farm_id: FarmId, public_key: &str) -> Vec<u8> {
        format!("gantry-pairing\n{farm_id}\n{public_key}").into_bytes()
    }
}

/// A code was given out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PairingAsked {
    /// What the agent asks with; nobody else learns it.
    pub device_code: String,
    /// What a person enters.
    pub user_code: String,
    /// Seconds until both end.
    pub expires_in: u32,
    /// Seconds between two questions.
    pub interval: u32,
    /// The relay's own name, which the agent's sessions sign.
    pub relay_id: String,
}

/// Asks for an answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollPairing {
    /// The device code.
    pub device_code: Secret<String>,
}
impl Json for PollPairing {}

/// Takes the place in the store, with the keys that go along.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletePairing {
    /// The device code.
    pub device_code: Secret<String>,
    /// The keys.
    #[serde(default)]
    pub keys: Vec<MovedKey>,
}
impl Json for CompletePairing {}

/// A key on its way to its new home: the record, and the SHA-256 of what opens it in hex.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovedKey {
    /// The record.
    #[schemars(with = "serde_json::Value")]
    pub record: Document,
    /// The hashes.
    pub hashes: Vec<String>,
    /// Hashes that open it until then: another secret took their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ending: BTreeMap<String, Timestamp>,
}

/// Somebody said yes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PairingApproved {
    /// The store that the farm belongs to.
    pub store_id: StoreId,
    /// What it is called.
    pub store_name: Name,
    /// Who said yes.
    pub claimed_by: Actor,
    /// The farm's numbers go on above this one: so far the relay knows them.
    #[serde(default)]
    pub last_number: u64,
    /// The farm whose place this agent takes, if it is another than its own: it becomes that farm, with what the relay knows of its floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<FarmId>,
}

/// Asks for what the relay knows of the farm whose place an agent takes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFloor {
    /// The device code.
    pub device_code: Secret<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: u64,
}
impl Json for ReadFloor {}

/// A page of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FloorPage {
    /// Rows, oldest change first.
    pub items: Vec<RowItem>,
    /// Where the next page begins; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A claim code as a person enters it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(pub String);

impl PathParts for UserCode {
    const NAMES: &'static [&'static str] = &["id"];
    fn parse(parts: &BTreeMap<String, String>) -> Result<Self, Problem> {
        Ok(Self(parts.get("id").cloned().unwrap_or_default()))
    }
}

/// What is asked under a code.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PairingShown {
    /// The code.
    pub user_code: String,
    /// The farm.
    pub farm_id: FarmId,
    /// What people call it.
    pub farm_name: Name,
    /// What its machine calls itself.
    pub host: Name,
    /// False for a test farm: test keys open it, and live work does not go there by itself.
    #[serde(default = "is_live")]
    pub live: bool,
    /// Four words that the farm's own page shows too: only if they are the same is it that farm.
    pub fingerprint: String,
    /// API keys that will go along, at most with what who claims holds.
    pub keys: Vec<KeyToMove>,
    /// When the code ends.
    pub expires_at: Timestamp,
    /// The farm of this store whose place it takes: one that was refused, or set back to an old copy of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<FarmId>,
    /// The agent has nothing of its own: with `replace` it takes the place of any farm of this store, with what the relay knows of its floor.
    #[serde(default)]
    pub empty: bool,
}

/// Says yes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimFarm {
    /// The code.
    pub user_code: String,
    /// The four words, as the farm's own page shows them.
    pub fingerprint: String,
    /// The farm whose place the agent takes, if it is one of this store already: whatever agent had it before is refused from then on. An
    /// agent that is another farm must be empty for that; it comes with what the relay knows of the floor, and starts nothing until somebody
    /// has looked.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "FarmId")]
    pub replace: Option<FarmId>,
}
impl Json for ClaimFarm {}

/// Where the farm is to be claimed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginClaim {
    /// The relay's address.
    pub relay_url: String,
}
impl Json for BeginClaim {}

/// How far a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// The farm belongs to no store.
    Unclaimed,
    /// A code is shown, and nobody has said yes yet.
    Waiting,
    /// The farm belongs to a store.
    Claimed,
}

/// Whether the farm belongs to a store, as the farm itself knows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClaimShown {
    /// How far it is.
    pub state: ClaimState,
    /// Four words for the agent's key.
    pub fingerprint: String,
    /// The relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_url: Option<String>,
    /// The code to enter there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_code: Option<String>,
    /// Where to enter it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri: Option<String>,
    /// The same with the code in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// That as a QR code, an SVG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_svg: Option<String>,
    /// When the code ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_name: Option<Name>,
    /// Since when it belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// Whether the line to the relay stands.
    pub connected: bool,
    /// Why the relay does not let this agent in: then it starts nothing until somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedAgent>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The farm left its store.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Unpaired {
    /// The farm.
    pub farm_id: FarmId,
}

/// The farm makes a new key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Rekeying {
    /// The farm.
    pub farm_id: FarmId,
    /// The four words of its new key.
    pub fingerprint: String,
}

/// What was said of the refused agent is dismissed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Dismissed {
    /// The farm.
    pub farm_id: FarmId,
}

crate::operations! {
    /// Ask for a claim code. For agents.
    RequestPairing = "request_pairing" Post "/v1/pairings" {
        access: Access::Public, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewPairing, reply: PairingAsked, status: 201
    }
    /// Ask whether somebody said yes to a claim code. For agents.
    ///
    /// Until then the answer is `authorization_pending`; when the code has ended it is `expired_token`.
    PollPairingOp = "poll_pairing" Post "/v1/pairings/poll" {
        access: Access::Public, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: PollPairing, reply: PairingApproved, status: 200
    }
    /// Take the farm's place in the store that claimed it. For agents.
    ///
    /// It may be sent again: it is done once.
    CompletePairingOp = "complete_pairing" Post "/v1/pairings/complete" {
        access: Access::Public, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: CompletePairing, reply: PairingApproved, status: 200
    }
    /// Read what the relay knows of the farm whose place an agent takes. For agents.
    ///
    /// Only after somebody said yes to it, and the agent took the place.
    ReadFloorOp = "read_pairing_floor" Post "/v1/pairings/floor" {
        access: Access::Public, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: ReadFloor, reply: FloorPage, status: 200
    }
    /// Show which farm asks under a claim code.
    GetPairing = "get_pairing" Get "/v1/pairings/{id}" {
        access: Access::Needs(Permission::FarmClaim), home: Door, nature: Read, ai: Hidden,
        target: UserCode, query: Nothing, body: Nothing, reply: PairingShown, status: 200
    }
    /// Claim the farm that asks under a code.
    ///
    /// Compare the four words with those that the farm's own page shows. Its API keys go along, at most with what you hold.
    ClaimFarmOp = "claim_farm" Post "/v1/farms/claim" {
        access: Access::Needs(Permission::FarmClaim), home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: ClaimFarm, reply: PairingShown, status: 200
    }
    /// Show whether the farm belongs to a store, and the code that it waits under.
    GetClaim = "get_claim" Get "/v1/claim" {
        access: Access::Needs(Permission::FarmClaim), home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: ClaimShown, status: 200
    }
    /// Show a code under which the farm can be claimed at a relay.
    BeginClaimOp = "begin_claim" Post "/v1/claim" {
        access: Access::Needs(Permission::FarmClaim), home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: BeginClaim, reply: ClaimShown, status: 201
    }
    /// Take the claim code back.
    CancelClaim = "cancel_claim" Delete "/v1/claim" {
        access: Access::Needs(Permission::FarmClaim), home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: ClaimShown, status: 200
    }
    /// Let the farm leave its store.
    ///
    /// The store's keys open nothing at the farm from then on. Printers, filament and pools stay with the farm; jobs, orders, files and
    /// history stay with the store. What waits is cancelled, a print that runs is not stopped.
    UnpairFarm = "unpair_farm" Post "/v1/farms/{id}/unpair" {
        access: Access::Needs(Permission::FarmRemove), home: Door, nature: Refused, ai: Hidden,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: Unpaired, status: 200
    }
    /// Let the farm make a new key for its line to the relay.
    ///
    /// The old key opens nothing any more as soon as the new one has opened a session: within seconds while the line stands. Farms do
    /// it by themselves every 90 days.
    RekeyFarm = "rekey_farm" Post "/v1/farms/{id}/rekey" {
        access: Access::Needs(Permission::FarmClaim), home: Farm, nature: Live, ai: Hidden,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: Rekeying, status: 202
    }
    /// Dismiss what is said of an agent that came as this farm and was not let in.
    ///
    /// It changes nothing for that agent. If it is told of again, it came again.
    DismissRefusal = "dismiss_refusal" Post "/v1/farms/{id}/dismiss-refusal" {
        access: Access::Needs(Permission::FarmClaim), home: Door, nature: Refused, ai: Hidden,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: Dismissed, status: 200
    }
}
