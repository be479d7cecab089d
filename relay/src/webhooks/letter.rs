//! What is sent: the event as the webhook may see it at this moment, and what signs it.

use api::held::still_held;
use api::ops::webhooks::{OLD_SECRET, SECRET};
use contract::event::{API_VERSION, Event, Subject};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{DeliveryId, StoreId, WebhookId};
use domain::kind::Kind;
use domain::time::Timestamp;
use domain::webhook::{Delivery, SkipReason, Webhook, WebhookState, WebhookUrl};
use fanout::Sight;
use serde_json::{Map, Value, json};
use store::{Row, Rows, Sealer, StoreError};

/// A body stays below that, as the standard asks.
const MOST: usize = 20_000;

/// A letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where it goes.
    pub url: WebhookUrl,
    /// By which the receiver tells doubles.
    pub id: String,
    /// The event.
    pub body: String,
    /// What signs it: the secret, and the one before while it still holds.
    pub secrets: Vec<String>,
}

/// A webhook with its store.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The store.
    pub store: StoreId,
    /// The webhook.
    pub webhook: Webhook,
    /// Counts its changes.
    pub revision: u64,
    /// What it may see now; nothing at all if who gave it the right may not any more.
    pub grants: Option<Grants>,
}

impl Endpoint {
    fn of(rows: Rows<'_>, row: Row<Webhook>, now: Timestamp) -> Result<Self, StoreError> {
        let grants = still_held(rows, &row.record.grants, &row.record.sponsor, now)?;
        Ok(Self { store: row.store_id, webhook: row.record, revision: row.revision, grants })
    }

    /// Whether anything is sent to it now. What waits for one that is suspended or off waits on.
    pub fn hears(&self) -> bool {
        self.grants.is_some() && self.webhook.state == WebhookState::Active
    }
}

/// Every webhook, with what it may see now.
pub fn endpoints(rows: Rows<'_>, now: Timestamp) -> Result<Vec<Endpoint>, StoreError> {
    rows.all::<Webhook>()?.into_iter().map(|row| Endpoint::of(rows, row, now)).collect()
}

/// One webhook, with what it may see now; none if it is deleted.
pub fn endpoint(rows: Rows<'_>, id: WebhookId, now: Timestamp) -> Result<Option<Endpoint>, StoreError> {
    rows.get::<Webhook>(id)?.map(|row| Endpoint::of(rows, row, now)).transpose()
}

/// What is to be done about a delivery.
pub enum Found {
    /// It is sent.
    Letter(StoreId, Letter),
    /// It is not sent after all.
    Skip(StoreId, SkipReason),
    /// Nothing now: meanwhile it was settled, or its webhook was paused, suspended or deleted.
    Nothing,
}

/// The letter of a delivery, as everything is now.
pub fn write(
    rows: Rows<'_>,
    sealer: &Sealer,
    webhook: WebhookId,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<Found, StoreError> {
    let Some(endpoint) = endpoint(rows, webhook, now)?.filter(Endpoint::hears) else { return Ok(Found::Nothing) };
    let due = |delivery: &Delivery| delivery.next_try_at.is_some_and(|at| at <= now);
    let Some(delivery) = rows.get::<Delivery>(delivery)?.map(|row| row.record).filter(due) else { return Ok(Found::Nothing) };
    let event = if delivery.sample { sample(&endpoint, &delivery) } else { seen(rows, &endpoint, &delivery)? };
    let event = match event {
        Ok(event) => event,
        Err(why) => return Ok(Found::Skip(endpoint.store, why)),
    };
    let owner = webhook.to_string();
    let mut secrets: Vec<String> = rows.secret(sealer, &owner, SECRET)?.into_iter().collect();
    if endpoint.webhook.old_secret_until.is_some_and(|until| now < until) {
        secrets.extend(rows.secret(sealer, &owner, OLD_SECRET)?);
    }
    let body = body(event).map_err(|cause| StoreError::Document { kind: "event", cause })?;
    let Endpoint { store, webhook, .. } = endpoint;
    Ok(Found::Letter(store, Letter { url: webhook.url, id: delivery.event_id.to_string(), body, secrets }))
}

fn seen(rows: Rows<'_>, endpoint: &Endpoint, delivery: &Delivery) -> Result<Result<Event, SkipReason>, StoreError> {
    let Some(stored) = rows.event(&delivery.event_id.to_string())? else { return Ok(Err(SkipReason::Trimmed)) };
    let Some(grants) = endpoint.grants.clone() else { return Ok(Err(SkipReason::NotPermitted)) };
    let sight = Sight { store: endpoint.store, grants };
    Ok(sight.project(rows, stored)?.ok_or(SkipReason::NotPermitted))
}

/// An event that did not happen: `live` is false, and its subject is the webhook itself.
fn sample(endpoint: &Endpoint, delivery: &Delivery) -> Result<Event, SkipReason> {
    let id = endpoint.webhook.id.to_string();
    let data = json!({"id": id, "sample": true});
    Ok(Event {
        id: delivery.event_id,
        event_type: delivery.event_type.parse().map_err(|_| SkipReason::Trimmed)?,
        store_id: endpoint.store,
        farm_id: None,
        number: 0,
        subject: Subject { kind: Kind::Webhook, id, revision: endpoint.revision },
        actor: Actor::new(ActorKind::Relay, "relay"),
        occurred_at: delivery.created_at,
        received_at: delivery.created_at,
        clock_ok: true,
        live: false,
        api_version: API_VERSION.to_owned(),
        data: data.as_object().cloned().unwrap_or_default(),
    })
}

fn body(mut event: Event) -> Result<String, serde_json::Error> {
    let whole = serde_json::to_string(&event)?;
    if whole.len() < MOST {
        return Ok(whole);
    }
    let id = event.subject.id.clone();
    event.data = Map::from_iter([("id".to_owned(), Value::String(id)), ("truncated".to_owned(), Value::Bool(true))]);
    serde_json::to_string(&event)
}

#[cfg(test)]
mod tests {
    use domain::id::{EventId, Id};

    use super::*;

    fn event(name: &str) -> Event {
        let now = Timestamp::from_millis(1_800_000_000_000);
        serde_json::from_value(json!({
            "id": EventId::new(now, [3; 10]), "type": "job.started", "store_id": StoreId::new(now, [4; 10]), "number": 1,
            "subject": {"kind": "job", "id": "job_1", "revision": 1}, "actor": {"kind": "floor", "id": "owner"}, "received_at": now,
            "occurred_at": now, "clock_ok": true, "live": true, "api_version": "", "data": {"id": "job_1", "name": name},
        }))
        .unwrap()
    }

    #[test]
    fn a_body_is_below_twenty_thousand_bytes_and_says_when_it_was_cut() {
        let small: Event = serde_json::from_str(&body(event("small")).unwrap()).unwrap();
        assert_eq!(small.data["name"], "small");
        let large = body(event(&"x".repeat(30_000))).unwrap();
        assert!(large.len() < MOST);
        let large: Event = serde_json::from_str(&large).unwrap();
        assert_eq!(Value::Object(large.data), json!({"id": "job_1", "truncated": true}));
    }
}
