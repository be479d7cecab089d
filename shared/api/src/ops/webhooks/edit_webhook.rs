//! Change a webhook. Another address for what it sees is a door to it: only who holds as much may give one.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::webhooks::EditWebhookOp;
use domain::access::Scope;
use domain::webhook::Webhook;

use super::sendable;
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::{grants, held};

impl Write for EditWebhookOp {
    type Prepared = ();

    async fn prepare(_: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(), Failure> {
        std::future::ready(asked.body.url.as_ref().map_or(Ok(()), |url| sendable(door, url))).await?;
        Ok(())
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Webhook>>, Failure> {
        let mut webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &webhook.grants)?;
        let body = asked.body;
        webhook.name = body.name.unwrap_or(webhook.name);
        webhook.url = body.url.unwrap_or(webhook.url);
        if let Some(types) = body.event_types {
            webhook.event_types = types.iter().map(ToString::to_string).collect();
        }
        webhook.test_events = body.test_events.unwrap_or(webhook.test_events);
        if let Some(permissions) = body.permissions {
            webhook.grants.permissions = grants(at.rows(), None, &permissions, Scope::All, Scope::All)?.permissions;
        }
        if let Some(farms) = body.farms {
            webhook.grants.farms = farms.into();
        }
        if let Some(tags) = body.tags {
            webhook.grants.tags = tags.into();
        }
        held(&by.grants, &webhook.grants)?;
        webhook.max_age_seconds = body.max_age_seconds.unwrap_or(webhook.max_age_seconds);
        at.update(&webhook)?;
        Ok(by.view(at.rows(), webhook.id)?.into())
    }
}
