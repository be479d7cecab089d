//! Delete a webhook with its secrets, its deliveries and what still waited.

use contract::operation::{Asked, Nothing};
use contract::ops::webhooks::DeleteWebhook;
use domain::webhook::{Delivery, Webhook};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteWebhook {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        at.remove_untold::<Delivery>(("webhook_id", &webhook.id.to_string()))?;
        at.forget_secrets(&webhook.id.to_string())?;
        at.delete(&webhook)?;
        Ok(Nothing {}.into())
    }
}
