//! Make an API key. Nobody gives what they lack.

use contract::operation::Asked;
use contract::ops::keys::{CreateApiKey, CreatedApiKey, NewApiKey};
use domain::access::Grants;
use domain::actor::Actor;
use domain::id::ApiKeyId;
use domain::key::{ApiKey, KeyState};
use store::{Credential, CredentialKind, Tx, credential_hash};

use super::presets::FirstCall;
use super::{few_networks, grants, held};
use crate::door::Door;
use crate::held::left_of;
use crate::key_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::role_is_ours;

impl Write for CreateApiKey {
    type Prepared = Option<FirstCall>;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<Option<FirstCall>, Failure> {
        let call = asked.body.preset.map(|_| FirstCall::of(by, door)).transpose()?;
        std::future::ready(Ok(call)).await
    }

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        mut asked: Asked<Self>,
        first_call: Option<FirstCall>,
    ) -> Result<Written<CreatedApiKey>, Failure> {
        let preset = asked.body.preset;
        if let Some(preset) = preset {
            asked.body.permissions.extend(preset.permissions().iter());
            let end = preset.ends_after_seconds().map(|seconds| at.now().plus_seconds(seconds));
            asked.body.expires_at = asked.body.expires_at.or(end);
        }
        few_networks(&asked.body.allowed_networks)?;
        let body = &asked.body;
        role_is_ours(by, at.rows(), body.role)?;
        let grants = grants(at.rows(), body.role, &body.permissions, body.farms.clone().into(), body.tags.clone().into())?;
        held(&by.grants, &grants)?;
        let (secret, id) = insert_api_key(at, asked.body, grants, by.actor.clone())?;
        let curl = preset.zip(first_call).map(|(preset, call)| call.text(preset, &secret));
        Ok(Written::secret(CreatedApiKey { curl, api_key: by.view(at.rows(), id)?, secret }))
    }
}

/// Writes a key with these grants and returns it, once.
///
/// # Errors
/// What the database says.
pub fn insert_api_key(tx: &mut Tx<'_>, asked: NewApiKey, grants: Grants, sponsor: Actor) -> Result<(String, ApiKeyId), Failure> {
    let secret = key_text::api_key(tx, asked.test);
    let id: ApiKeyId = tx.new_id();
    let mut key = ApiKey {
        id,
        name: asked.name,
        hint: key_text::hint(&secret),
        test: asked.test,
        role: asked.role,
        permissions: asked.permissions.into_iter().collect(),
        grants,
        holds: None,
        allowed_networks: asked.allowed_networks,
        rate_limit: asked.rate_limit,
        state: KeyState::Active,
        expires_at: asked.expires_at,
        old_secret_until: None,
        last_used_at: None,
        sponsor,
        created_at: tx.now(),
    };
    key.holds = left_of(tx.rows(), &key, tx.now())?;
    let credential = Credential { kind: CredentialKind::ApiKey, owner: id.to_string(), expires_at: None };
    tx.put_credential(&credential_hash(&secret), &credential)?;
    tx.create(&key)?;
    Ok((secret, id))
}
