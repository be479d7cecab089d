//! Make a slicer key: 40 characters that may only submit files.

use contract::operation::Asked;
use contract::ops::keys::{CreateSlicerKey, CreatedSlicerKey};
use domain::id::SlicerKeyId;
use domain::key::{KeyState, SlicerKey};
use domain::part::Pool;
use domain::printer::Printer;
use store::{Credential, CredentialKind, credential_hash};

use crate::key_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateSlicerKey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<CreatedSlicerKey>, Failure> {
        if let Some(pool) = asked.body.pool_id {
            by.find::<Pool>(at.rows(), pool)?;
        }
        if let Some(printer) = asked.body.printer_id {
            by.find::<Printer>(at.rows(), printer)?;
        }
        let secret = key_text::slicer_key(at);
        let id: SlicerKeyId = at.new_id();
        let key = SlicerKey {
            id,
            name: asked.body.name,
            hint: key_text::slicer_hint(&secret),
            pool_id: asked.body.pool_id,
            printer_id: asked.body.printer_id,
            state: KeyState::Active,
            old_secret_until: None,
            sponsor: by.actor.clone(),
            created_at: at.now(),
        };
        let credential = Credential { kind: CredentialKind::SlicerKey, owner: id.to_string(), expires_at: None };
        at.put_credential(&credential_hash(&secret), &credential)?;
        at.create(&key)?;
        Ok(Written::secret(CreatedSlicerKey { secret, slicer_key: by.view(at.rows(), id)? }))
    }
}
