//! Ways to sign in at a relay besides passwords and links: passkeys, and identity providers. Each takes two calls: what the first
//! answers is good for one second call within five minutes.

use domain::access::Access;
use domain::id::PasskeyId;
use domain::secret::Secret;
use domain::text::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::OwnPasskey;
use crate::operation::{Json, Nothing, Of};

/// An identity provider that people can sign in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderShown {
    /// Which, for `begin_provider_sign_in`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// How one can sign in at this door.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WaysIn {
    /// `agent` or `relay`.
    pub served_by: String,
    /// The host name that passkeys hold for; absent = none are taken here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey_host: Option<String>,
    /// Identity providers.
    pub providers: Vec<ProviderShown>,
}

/// What a browser needs to make or to use a passkey.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyAsked {
    /// Goes with the answer.
    pub ceremony: String,
    /// For `navigator.credentials`, in WebAuthn's own JSON.
    pub options: Value,
}

/// What says who one is, again.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeyBody {
    /// The password that is set now, if one signed in more than ten minutes ago.
    #[serde(default)]
    pub current_password: Option<Secret<String>>,
}
impl Json for BeginPasskeyBody {}

/// A passkey that a browser made. What is binary is in base64url.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyMade {
    /// From the call before.
    pub ceremony: String,
    /// What its owner calls it.
    pub name: Name,
    /// The credential's `id`.
    pub credential_id: String,
    /// `response.clientDataJSON`.
    pub client_data: String,
    /// `response.attestationObject`.
    pub attestation: String,
}
impl Json for PasskeyMade {}

/// A passkey's proof. What is binary is in base64url.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyProof {
    /// From the call before.
    pub ceremony: String,
    /// The credential's `id`.
    pub credential_id: String,
    /// `response.clientDataJSON`.
    pub client_data: String,
    /// `response.authenticatorData`.
    pub authenticator_data: String,
    /// `response.signature`.
    pub signature: String,
}

/// The provider to go to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginProvider {
    /// Which.
    pub provider: String,
    /// The origin of the page that the person comes back to, such as `https://relay.example`: its `/sign-in` must be registered there.
    pub page: String,
}
impl Json for BeginProvider {}

/// Where the person goes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProviderAsked {
    /// Goes with what the provider sends back. The page keeps it to itself.
    pub ceremony: String,
    /// The provider's own page.
    pub url: String,
}

/// What a provider sent back by way of the browser.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderProof {
    /// From the call before.
    pub ceremony: String,
    /// As it came.
    pub code: String,
    /// As it came.
    pub state: String,
}

crate::operations! {
    /// Tell how one can sign in here.
    ListWaysIn = "list_ways_in" Get "/v1/sessions/ways" {
        access: Access::Public, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: WaysIn, status: 200
    }
    /// Begin to sign in by a passkey.
    ///
    /// `POST /v1/sessions` with `passkey` ends it.
    BeginPasskeySignIn = "begin_passkey_sign_in" Post "/v1/sessions/passkey" {
        access: Access::Public, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: PasskeyAsked, status: 200
    }
    /// Begin to sign in by an identity provider.
    ///
    /// The provider sends the browser back to the page's `/sign-in` with `code` and `state`; `POST /v1/sessions` with those as `provider` ends it.
    BeginProviderSignIn = "begin_provider_sign_in" Post "/v1/sessions/provider" {
        access: Access::Public, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: BeginProvider, reply: ProviderAsked, status: 200
    }
    /// Begin to make a passkey for oneself.
    BeginPasskey = "begin_passkey" Post "/v1/passkeys/begin" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: BeginPasskeyBody, reply: PasskeyAsked, status: 200
    }
    /// Keep a passkey that the browser made.
    CreatePasskey = "create_passkey" Post "/v1/passkeys" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: PasskeyMade, reply: OwnPasskey, status: 201
    }
    /// Forget one of one's own passkeys.
    DeletePasskey = "delete_passkey" Delete "/v1/passkeys/{id}" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Of<PasskeyId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
