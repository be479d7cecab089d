//! Passkeys (WebAuthn): made and checked by `webauthn-rs`. They can be found by the browser alone, so nobody types who they are.

use api::auth::internal;
use api::ways_in::{Passkeys, PublicPart};
use contract::ops::ways_in::{PasskeyAsked, PasskeyMade, PasskeyProof};
use contract::problem::{Code, Problem};
use domain::id::{Id, UserId};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::Passkey;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey as Key, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::ceremonies::Ceremonies;

/// Passkeys of one host name.
pub struct Checked {
    host: String,
    webauthn: Webauthn,
    made: Ceremonies<(UserId, PasskeyRegistration)>,
    used: Ceremonies<DiscoverableAuthentication>,
}

impl Checked {
    /// Of that host; without one, of this machine alone. Browsers allow passkeys over TLS and on `localhost` only.
    ///
    /// # Errors
    /// That it is no name that passkeys can hold for.
    pub fn new(host: Option<&str>) -> Result<Self, String> {
        let host = host.unwrap_or("localhost").to_ascii_lowercase();
        let scheme = if host == "localhost" { "http" } else { "https" };
        let refused = |why: &dyn std::fmt::Display| format!("passkeys cannot hold for the host name `{host}`: {why}");
        let origin = Url::parse(&format!("{scheme}://{host}")).map_err(|error| refused(&error))?;
        let builder = WebauthnBuilder::new(&host, &origin).map_err(|error| refused(&error))?;
        // A relay is asked at whatever port it listens at; the host is what counts.
        let webauthn = builder.rp_name("Gantry").allow_any_port(true).build().map_err(|error| refused(&error))?;
        Ok(Self { host, webauthn, made: Ceremonies::default(), used: Ceremonies::default() })
    }
}

impl Passkeys for Checked {
    fn host(&self) -> &str {
        &self.host
    }

    fn begin_registration(&self, now: Timestamp, user: UserId, name: &str, has: &[Passkey]) -> Result<PasskeyAsked, Problem> {
        let has: Vec<CredentialID> =
            has.iter().filter_map(|passkey| key_of(passkey).ok()).map(|key| key.cred_id().clone()).collect();
        let begun = self.webauthn.start_passkey_registration(user.uuid(), name, name, Some(has));
        let (options, state) = begun.map_err(|error| internal(&error))?;
        let mut options = json(&options)?;
        // The browser itself must find it again.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut) {
            selection.insert("residentKey".into(), "required".into());
            selection.insert("requireResidentKey".into(), true.into());
        }
        Ok(PasskeyAsked { ceremony: self.made.begin(now, (user, state)), options })
    }

    fn finish_registration(&self, now: Timestamp, user: UserId, made: &PasskeyMade) -> Result<PublicPart, Problem> {
        let begun = self.made.end(now, &made.ceremony).filter(|(whose, _)| *whose == user);
        let (_, state) = begun.ok_or_else(too_late)?;
        let answer: RegisterPublicKeyCredential =
            answer(&made.credential_id, json!({"clientDataJSON": made.client_data, "attestationObject": made.attestation}))?;
        let key = self.webauthn.finish_passkey_registration(&answer, &state).map_err(|error| refused(&error))?;
        Ok(PublicPart { credential: made.credential_id.clone(), key: json(&key)? })
    }

    fn begin_sign_in(&self, now: Timestamp) -> Result<PasskeyAsked, Problem> {
        let (mut options, state) = self.webauthn.start_discoverable_authentication().map_err(|error| internal(&error))?;
        // The page asks when somebody presses its button, not by way of a form.
        options.mediation = None;
        Ok(PasskeyAsked { ceremony: self.used.begin(now, state), options: json(&options)? })
    }

    fn finish_sign_in(&self, now: Timestamp, proof: &PasskeyProof, passkey: &Passkey) -> Result<Value, Problem> {
        let state = self.used.end(now, &proof.ceremony).ok_or_else(too_late)?;
        let answer: PublicKeyCredential = answer(
            &proof.credential_id,
            json!({
                "clientDataJSON": proof.client_data, "authenticatorData": proof.authenticator_data, "signature": proof.signature,
            }),
        )?;
        let mut key = key_of(passkey)?;
        let done = self.webauthn.finish_discoverable_authentication_v2(&answer, state, &key);
        let done = done.map_err(|error| {
            if matches!(error, WebauthnError::CredentialPossibleCompromise) {
                tracing::warn!(passkey = %passkey.id, user = %passkey.user, "the counter of a passkey went back: there may be a copy of it");
            }
            refused(&error)
        })?;
        key.update_credential(&done);
        json(&key)
    }
}

fn key_of(passkey: &Passkey) -> Result<Key, Problem> {
    serde_json::from_value(passkey.state.key.clone()).map_err(|error| internal(&error))
}

/// What a browser answers, in WebAuthn's own JSON.
fn answer<T: serde::de::DeserializeOwned>(id: &str, response: Value) -> Result<T, Problem> {
    let whole = json!({"id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {}});
    serde_json::from_value(whole).map_err(|error| refused(&error))
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| internal(&error))
}

fn too_late() -> Problem {
    Problem::new(Code::BadCredential).detail("it took too long, or was answered before: begin again")
}

fn refused(why: &dyn std::fmt::Display) -> Problem {
    tracing::info!(%why, "a passkey was refused");
    Problem::new(Code::BadCredential).detail("the passkey does not fit")
}
