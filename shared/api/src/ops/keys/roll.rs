//! Replace a key's secret; the old one opens too until whoever uses it has changed over.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::keys::{CreatedApiKey, CreatedSlicerKey, EndApiKeyRoll, EndSlicerKeyRoll, RollApiKey, RollSlicerKey};
use contract::problem::{Code, Problem};
use domain::key::{ApiKey, KeyState, SlicerKey};
use domain::time::Timestamp;
use store::{Credential, CredentialKind, StoreError, Tx, credential_hash};

use super::held;
use crate::key_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

const DAY_SECONDS: u32 = 24 * 60 * 60;
const MOST_DAYS: u32 = 7;

impl Write for RollApiKey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<CreatedApiKey>, Failure> {
        let mut key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        // Whoever learns the new secret can do what the key can.
        held(&by.grants, &key.grants)?;
        let overlap = overlap(key.state, &key.id, asked.body.overlap_seconds)?;
        let secret = key_text::api_key(at, key.test);
        key.hint = key_text::hint(&secret);
        key.old_secret_until = replace(at, CredentialKind::ApiKey, &key.id.to_string(), &secret, overlap)?;
        at.update(&key)?;
        Ok(Written::secret(CreatedApiKey { secret, curl: None, api_key: by.view(at.rows(), key.id)? }))
    }
}

impl Write for RollSlicerKey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<CreatedSlicerKey>, Failure> {
        let mut key = by.find_to_change::<SlicerKey>(at.rows(), asked.target.id)?.record;
        let overlap = overlap(key.state, &key.id, asked.body.overlap_seconds)?;
        let secret = key_text::slicer_key(at);
        key.hint = key_text::slicer_hint(&secret);
        key.old_secret_until = replace(at, CredentialKind::SlicerKey, &key.id.to_string(), &secret, overlap)?;
        at.update(&key)?;
        Ok(Written::secret(CreatedSlicerKey { secret, slicer_key: by.view(at.rows(), key.id)? }))
    }
}

impl Write for EndApiKeyRoll {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<ApiKey>>, Failure> {
        let mut key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        if key.old_secret_until.take().is_some() {
            at.forget_ending_credentials(&key.id.to_string())?;
            at.update(&key)?;
        }
        Ok(by.view(at.rows(), key.id)?.into())
    }
}

impl Write for EndSlicerKeyRoll {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<SlicerKey>>, Failure> {
        let mut key = by.find_to_change::<SlicerKey>(at.rows(), asked.target.id)?.record;
        if key.old_secret_until.take().is_some() {
            at.forget_ending_credentials(&key.id.to_string())?;
            at.update(&key)?;
        }
        Ok(by.view(at.rows(), key.id)?.into())
    }
}

/// How long the old secret opens, if the key opens anything at all.
fn overlap(state: KeyState, id: &dyn std::fmt::Display, asked: Option<u32>) -> Result<u32, Problem> {
    if state == KeyState::Revoked {
        return Err(Problem::new(Code::IllegalState).detail("a revoked key stays revoked").on(id));
    }
    let seconds = asked.unwrap_or(DAY_SECONDS);
    if seconds > MOST_DAYS * DAY_SECONDS {
        return Err(Problem::field("/overlap_seconds", "invalid", format!("must be at most {MOST_DAYS} days")));
    }
    Ok(seconds)
}

/// Puts the new secret beside the old one, and says until when that one opens. One of before that ends now.
fn replace(
    tx: &mut Tx<'_>,
    kind: CredentialKind,
    owner: &str,
    secret: &str,
    overlap: u32,
) -> Result<Option<Timestamp>, StoreError> {
    let until = (overlap > 0).then(|| tx.now().plus_seconds(overlap.into()));
    match until {
        Some(until) => tx.end_credentials(owner, until)?,
        None => tx.forget_credentials(owner)?,
    }
    let credential = Credential { kind, owner: owner.to_owned(), expires_at: None };
    tx.put_credential(&credential_hash(secret), &credential)?;
    Ok(until)
}
