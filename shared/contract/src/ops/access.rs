//! Who is calling, and the sessions of people.

use domain::access::{Access, Grants};
use domain::actor::Actor;
use domain::id::{OperatorId, SessionId, StoreId};
use domain::key::Session;
use domain::permission::Permission;
use domain::role::Role;
use domain::secret::Secret;
use domain::text::{Email, Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use super::ways_in::{PasskeyProof, ProviderProof};
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of};

/// Who is calling.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The actor as events and audit name it.
    pub actor: Actor,
    /// What they are called, if it is a person, a device or a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The store.
    pub store_id: StoreId,
    /// What the caller may do, and where.
    pub grants: Grants,
    /// When the credential ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<domain::time::Timestamp>,
}

/// How somebody signs in: by password (at a relay with their e-mail address), by passkey or identity provider, by the one-time token of a link, as an operator by PIN,
/// or as a device that is added.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// At a relay: the person's e-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// At a relay: the store, for who belongs to several.
    #[serde(default)]
    pub store_id: Option<StoreId>,
    /// The password: at a farm its owner's.
    #[serde(default)]
    pub password: Option<Secret<String>>,
    /// The token of a sign-in link; it works once.
    #[serde(default)]
    pub one_time_token: Option<Secret<String>>,
    /// At a relay: a passkey's proof.
    #[serde(default)]
    pub passkey: Option<PasskeyProof>,
    /// At a relay: what an identity provider sent back.
    #[serde(default)]
    pub provider: Option<ProviderProof>,
    /// The operator who signs in by PIN.
    #[serde(default)]
    pub operator_id: Option<OperatorId>,
    /// Their PIN.
    #[serde(default)]
    pub pin: Option<Secret<String>>,
    /// The token of the link by which this device is added; it works once.
    #[serde(default)]
    pub enrolment_token: Option<Secret<String>>,
    /// What the device shall be called.
    #[serde(default)]
    pub device_name: Option<Name>,
}
impl Json for SignIn {}

/// The one way of signing in that was chosen.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// By the password of a farm's owner.
    Password(&'a Secret<String>),
    /// As a person of a relay, by e-mail address and password.
    Person(&'a Email, &'a Secret<String>),
    /// By a passkey.
    Passkey(&'a PasskeyProof),
    /// By an identity provider.
    Provider(&'a ProviderProof),
    /// By the token of a link.
    OneTime(&'a Secret<String>),
    /// As an operator.
    Pin(OperatorId, &'a Secret<String>),
    /// As a device that is added.
    Enrolment(&'a Secret<String>),
}

impl SignIn {
    /// The way, if it is exactly one.
    pub fn way(&self) -> Option<Way<'_>> {
        let by_password = match (&self.email, &self.password) {
            (Some(email), Some(password)) => Some(Way::Person(email, password)),
            (None, Some(password)) => Some(Way::Password(password)),
            (None, None) => None,
            (Some(_), None) => return None,
        };
        let by_pin = match (self.operator_id, &self.pin) {
            (Some(operator), Some(pin)) => Some(Way::Pin(operator, pin)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        if (self.device_name.is_some() && self.enrolment_token.is_none())
            || (self.store_id.is_some() && self.email.is_none() && self.provider.is_none())
        {
            return None;
        }
        let (link, device) = (self.one_time_token.as_ref().map(Way::OneTime), self.enrolment_token.as_ref().map(Way::Enrolment));
        let (passkey, provider) = (self.passkey.as_ref().map(Way::Passkey), self.provider.as_ref().map(Way::Provider));
        let mut chosen = [by_password, by_pin, link, device, passkey, provider].into_iter().flatten();
        let way = chosen.next();
        way.filter(|_| chosen.next().is_none())
    }
}

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
    /// Answers with a session cookie. For programs: use an API key instead. At a farm: the owner by password or link; an operator by PIN, on the farm's own
    /// network; a device by the link that adds it.
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
    /// All other sessions of the owner end.
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
