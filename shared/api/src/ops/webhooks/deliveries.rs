//! Send again: one delivery, or all of some time that did not arrive.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::webhooks::{RecoverWebhookOp, Recovered, Redeliver};
use domain::webhook::{Delivery, Webhook};

use super::sends;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for Redeliver {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Delivery>>, Failure> {
        let delivery = by.find_to_change::<Delivery>(at.rows(), asked.target.id)?.record;
        let id = delivery.id;
        sends(&by.find::<Webhook>(at.rows(), delivery.webhook_id)?.record)?;
        let again = delivery.again(at.now());
        at.update(&again)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}

impl Write for RecoverWebhookOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Recovered>, Failure> {
        let webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        sends(&webhook)?;
        let now = at.now();
        let wanted = asked.body.since..=asked.body.until.unwrap_or(now);
        let mut requeued = 0;
        for row in at.rows().all_where::<Delivery>("webhook_id", &[&webhook.id.to_string()])? {
            let delivery = row.record;
            if wanted.contains(&delivery.created_at) && delivery.is_recoverable() {
                at.update(&delivery.again(now))?;
                requeued += 1;
            }
        }
        Ok(Recovered { requeued }.into())
    }
}
