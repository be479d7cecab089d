//! Who is calling, and the sessions of people.

use domain::access::{Access, Grants};
use domain::actor::Actor;
use domain::id::{SessionId, StoreId};
use domain::key::Session;
use domain::permission::Permission;
use domain::role::Role;
use domain::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of};

/// Who is calling.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The actor as events and audit name it.
    pub actor: Actor,
    /// The store.
    pub store_id: StoreId,
    /// What the caller may do, and where.
    pub grants: Grants,
    /// When the credential ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<domain::time::Timestamp>,
}

/// How somebody signs in: by password, or by the one-time token of a link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The owner's password.
    #[serde(default)]
    pub password: Option<Secret<String>>,
    /// The token of a sign-in link; it works once.
    #[serde(default)]
    pub one_time_token: Option<Secret<String>>,
}
impl Json for SignIn {}

/// The owner's password, set or changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The new one: at least 10 characters.
    pub password: Secret<String>,
}
impl Json for SetPassword {}

/// A permission and what it opens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PermissionInfo {
    /// Its name.
    pub name: Permission,
    /// What it opens.
    pub text: String,
    /// The built-in roles that have it.
    pub roles: Vec<Role>,
}

crate::operations! {
    /// Tell who is calling and what they may do.
    GetMe = "get_me" Get "/v1/me" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Me, status: 200
    }
    /// Sign in to the page.
    ///
    /// Answers with a session cookie. For programs: use an API key instead.
    CreateSession = "create_session" Post "/v1/sessions" {
        access: Access::Public, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: SignIn, reply: View<Session>, status: 201
    }
    /// Sign out: end the calling session.
    DeleteOwnSession = "delete_own_session" Delete "/v1/sessions/current" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// List who is signed in at this door.
    ListSessions = "list_sessions" Get "/v1/sessions" {
        access: Access::Needs(Permission::UserView), home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<Session>, body: Nothing, reply: Page<Session>, status: 200
    }
    /// End a session.
    DeleteSession = "delete_session" Delete "/v1/sessions/{id}" {
        access: Access::Needs(Permission::UserRemove), home: Door, nature: Refused, ai: Hidden,
        target: Of<SessionId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// Set the owner's password of this farm.
    ///
    /// All other sessions end.
    SetOwnerPassword = "set_owner_password" Post "/v1/settings/owner-password" {
        access: Access::Needs(Permission::SettingsEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: SetPassword, reply: Nothing, status: 204
    }
    /// List every permission, what it opens, and the roles that have it.
    ListPermissions = "list_permissions" Get "/v1/permissions" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<PermissionInfo>, status: 200
    }
}
