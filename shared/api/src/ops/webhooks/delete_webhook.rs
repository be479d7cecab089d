//! Delete a webhook with its secrets, its deliveries and what still waited.

use contract::operation::{Asked, Nothing};
use contract::ops::webhooks::DeleteWebhook;
use domain::webhook::{Delivery, Webhook};
use store::{StoreError, Tx};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteWebhook {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        delete(at, &webhook)?;
        Ok(Nothing {}.into())
    }
}

/// Deletes a webhook with all that is its own.
///
/// # Errors
/// What the database says.
pub(in crate::ops) fn delete(tx: &mut Tx<'_>, webhook: &Webhook) -> Result<(), StoreError> {
    tx.remove_untold::<Delivery>(("webhook_id", &webhook.id.to_string()))?;
    tx.forget_secrets(&webhook.id.to_string())?;
    tx.delete(webhook)
}
