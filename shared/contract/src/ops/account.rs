//! A person's own account: what they are called, what they sign in with, and where they are signed in.

use domain::access::Access;
use domain::id::{PasskeyId, StoreId, UserId};
use domain::key::Session;
use domain::role::RoleRef;
use domain::secret::Secret;
use domain::text::{Email, Name};
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::View;
use crate::operation::{Json, Nothing, given};

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OwnPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: Name,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it signed in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// A person's own account.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OwnAccount {
    /// Their id.
    pub id: UserId,
    /// The store.
    pub store_id: StoreId,
    /// What the store is called.
    pub store_name: Name,
    /// What they are called.
    pub name: Name,
    /// What they sign in with besides their password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Their role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Their passkeys.
    pub passkeys: Vec<OwnPasskey>,
    /// Identity providers that they signed in by.
    pub identities: Vec<String>,
}

/// A change to one's own account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditOwnAccount {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another e-mail address: from then on it is what one signs in with.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Email")]
    pub email: Option<Email>,
    /// The password that is set now, for another e-mail address, if one signed in more than ten minutes ago.
    #[serde(default)]
    pub current_password: Option<Secret<String>>,
}
impl Json for EditOwnAccount {}

/// One's own password, set or changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOwnPasswordBody {
    /// The new one: 10 to 200 characters.
    pub password: Secret<String>,
    /// The one that is set now, if one signed in more than ten minutes ago.
    #[serde(default)]
    pub current_password: Option<Secret<String>>,
}
impl Json for SetOwnPasswordBody {}

crate::operations! {
    /// Show one's own account.
    ///
    /// For people of a relay. A key has none: `GET /v1/me` tells what it may do.
    GetOwnAccount = "get_own_account" Get "/v1/me/account" {
        access: Access::Authenticated, home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: OwnAccount, status: 200
    }
    /// Change one's own name or e-mail address.
    EditOwnAccountOp = "edit_own_account" Patch "/v1/me/account" {
        access: Access::Authenticated, home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: EditOwnAccount, reply: OwnAccount, status: 200
    }
    /// Set one's own password.
    ///
    /// Who signed in more than ten minutes ago says the one that is set now. All other sessions end.
    SetOwnPassword = "set_own_password" Post "/v1/me/password" {
        access: Access::Authenticated, home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: SetOwnPasswordBody, reply: Nothing, status: 204
    }
    /// List where one is signed in.
    ListOwnSessions = "list_own_sessions" Get "/v1/me/sessions" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<View<Session>>, status: 200
    }
    /// Sign out everywhere but here.
    EndOtherSessions = "end_other_sessions" Post "/v1/me/sessions/end-others" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
