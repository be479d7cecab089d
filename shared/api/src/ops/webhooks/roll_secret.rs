//! Replace a webhook's secret; the old one signs too until its receiver has changed over.

use contract::operation::Asked;
use contract::ops::webhooks::{CreatedWebhook, RollWebhookSecret};
use contract::problem::Problem;
use domain::webhook::Webhook;

use super::{OLD_SECRET, SECRET, new_secret};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

const DAY_SECONDS: u32 = 24 * 60 * 60;

impl Write for RollWebhookSecret {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<CreatedWebhook>, Failure> {
        let mut webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &webhook.grants)?;
        let overlap = asked.body.overlap_seconds.unwrap_or(DAY_SECONDS);
        if overlap > 30 * DAY_SECONDS {
            return Err(Problem::field("/overlap_seconds", "invalid", "must be at most 30 days").into());
        }
        let (sealer, owner) = (at.sealer, webhook.id.to_string());
        let before = at.rows().secret(sealer, &owner, SECRET)?;
        at.forget_secrets(&owner)?;
        webhook.old_secret_until = None;
        if let (Some(before), true) = (before, overlap > 0) {
            at.put_secret(sealer, &owner, OLD_SECRET, &before)?;
            webhook.old_secret_until = Some(at.now().plus_seconds(overlap.into()));
        }
        let secret = new_secret(at);
        at.put_secret(sealer, &owner, SECRET, &secret)?;
        at.update(&webhook)?;
        Ok(Written::secret(CreatedWebhook { secret, webhook: by.view(at.rows(), webhook.id)? }))
    }
}
