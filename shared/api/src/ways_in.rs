//! Ways to sign in that only some doors have. What they are checked with stays with who assembles the door, so that an agent
//! links none of it.

use std::sync::Arc;

use async_trait::async_trait;
use contract::ops::ways_in::{PasskeyAsked, PasskeyMade, PasskeyProof, ProviderAsked, ProviderProof, ProviderShown};
use contract::problem::{Code, Problem};
use domain::id::UserId;
use domain::text::Email;
use domain::time::Timestamp;
use serde_json::Value;
use store::{Identity, Passkey};

/// The ways of a door; by default none.
#[derive(Clone, Default)]
pub struct WaysIn {
    /// By passkey.
    pub passkeys: Option<Arc<dyn Passkeys>>,
    /// By identity providers.
    pub providers: Option<Arc<dyn Providers>>,
}

impl WaysIn {
    /// What checks passkeys.
    ///
    /// # Errors
    /// `relay_only` where there is none.
    pub fn passkeys(&self) -> Result<&dyn Passkeys, Problem> {
        self.passkeys.as_deref().ok_or_else(|| Problem::new(Code::RelayOnly).detail("passkeys are used at relays"))
    }

    /// What asks identity providers.
    ///
    /// # Errors
    /// `relay_only` where there is none.
    pub fn providers(&self) -> Result<&dyn Providers, Problem> {
        let refused = || Problem::new(Code::RelayOnly).detail("identity providers are set up at relays");
        self.providers.as_deref().ok_or_else(refused)
    }
}

/// A passkey's public part.
#[derive(Debug, Clone)]
pub struct PublicPart {
    /// What the authenticator knows it by, in base64url.
    pub credential: String,
    /// Its public key and counter.
    pub key: Value,
}

/// Checks passkeys.
pub trait Passkeys: Send + Sync {
    /// The host name that they hold for.
    fn host(&self) -> &str;
    /// Begins to make one, beside those that the person has.
    ///
    /// # Errors
    /// `internal`.
    fn begin_registration(&self, now: Timestamp, user: UserId, name: &str, has: &[Passkey]) -> Result<PasskeyAsked, Problem>;
    /// Ends it.
    ///
    /// # Errors
    /// `bad_credential`.
    fn finish_registration(&self, now: Timestamp, user: UserId, made: &PasskeyMade) -> Result<PublicPart, Problem>;
    /// Begins to sign somebody in.
    ///
    /// # Errors
    /// `internal`.
    fn begin_sign_in(&self, now: Timestamp) -> Result<PasskeyAsked, Problem>;
    /// Ends it: the passkey's key with its new counter.
    ///
    /// # Errors
    /// `bad_credential`, also if the counter shows that there is a copy of it.
    fn finish_sign_in(&self, now: Timestamp, proof: &PasskeyProof, passkey: &Passkey) -> Result<Value, Problem>;
}

/// Whom an identity provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who they are there.
    pub identity: Identity,
    /// Their e-mail address, if the provider has verified it.
    pub email: Option<Email>,
}

/// Asks identity providers.
#[async_trait]
pub trait Providers: Send + Sync {
    /// Which there are.
    fn list(&self) -> Vec<ProviderShown>;
    /// Begins to ask one, which then sends the browser to that address.
    ///
    /// # Errors
    /// `invalid_request` if there is none such, `provider_failed`.
    async fn begin(&self, now: Timestamp, provider: &str, back_to: &str) -> Result<ProviderAsked, Problem>;
    /// Ends it.
    ///
    /// # Errors
    /// `bad_credential`, `provider_failed`.
    async fn finish(&self, now: Timestamp, proof: &ProviderProof) -> Result<Known, Problem>;
}
