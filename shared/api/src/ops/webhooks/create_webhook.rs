//! Make a webhook. Nobody gives what they lack.

use contract::operation::Asked;
use contract::ops::webhooks::{CreateWebhook, CreatedWebhook};
use contract::problem::{Code, Problem};
use domain::id::WebhookId;
use domain::webhook::{Webhook, WebhookState};

use super::{SECRET, new_secret, sendable};
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::{grants, held};

/// Webhooks of a store: each event is written down once for each.
const MOST: usize = 100;

impl Write for CreateWebhook {
    type Prepared = ();

    async fn prepare(_: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(), Failure> {
        std::future::ready(sendable(door, &asked.body.url)).await?;
        Ok(())
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<CreatedWebhook>, Failure> {
        let body = asked.body;
        let (farms, tags) = (body.farms.into(), body.tags.into());
        let grants = grants(at.rows(), body.role.map(Into::into), &body.permissions, farms, tags)?;
        held(&by.grants, &grants)?;
        let others = at.rows().all::<Webhook>()?.iter().filter(|row| row.store_id == at.store()).count();
        if others >= MOST {
            return Err(Problem::new(Code::IllegalState).detail(format!("a store has {MOST} webhooks at the most")).into());
        }
        let id: WebhookId = at.new_id();
        let webhook = Webhook {
            id,
            name: body.name,
            url: body.url,
            event_types: body.event_types.iter().map(ToString::to_string).collect(),
            test_events: body.test_events,
            grants,
            sponsor: by.actor.clone(),
            state: WebhookState::Active,
            max_age_seconds: body.max_age_seconds,
            old_secret_until: None,
            last_success_at: None,
            last_failure_at: None,
            failing_since: None,
            created_at: at.now(),
        };
        at.create(&webhook)?;
        let (secret, sealer) = (new_secret(at), at.sealer);
        at.put_secret(sealer, &id.to_string(), SECRET, &secret)?;
        Ok(Written::secret(CreatedWebhook { secret, webhook: by.view(at.rows(), id)? }))
    }
}
