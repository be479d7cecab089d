//! Send a sample event: a delivery like any other, of an event that is in no log.

use contract::event::{Change, EventType};
use contract::list::View;
use contract::operation::Asked;
use contract::ops::webhooks::TestWebhookOp;
use domain::id::DeliveryId;
use domain::kind::Kind;
use domain::webhook::{Delivery, Webhook};

use super::sends;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for TestWebhookOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Delivery>>, Failure> {
        let webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        sends(&webhook)?;
        let any = EventType::Record(Kind::Webhook, Change::Updated);
        let wanted = webhook.event_types.iter().next().and_then(|word| word.parse().ok());
        let event_type = asked.body.event_type.or(wanted).unwrap_or(any);
        let (id, event_id): (DeliveryId, _) = (at.new_id(), at.new_id());
        let (event_type, about) = (event_type.to_string(), webhook.id.to_string());
        let delivery = Delivery { sample: true, ..Delivery::due(id, webhook.id, event_id, event_type, about, at.now()) };
        at.create(&delivery)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
