//! The line of one webhook: what is due to it is sent in the order in which it was told, a few at once and never
//! two about one thing. Until something has arrived, and when a try fails, it gets one at a time. So whoever is slow or dead holds up nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::event::Named;
use domain::id::{DeliveryId, WebhookId};
use domain::time::Timestamp;
use domain::webhook::{Delivery, SkipReason, Try, Webhook};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::{StoreError, Tx};
use tokio::sync::Notify;

use super::feed::by;
use super::letter::{self, Endpoint, Found, endpoint};
use super::post::Post;
use super::schedule::{Ended, after, health};
use super::sender::Sent;

/// Due deliveries that are looked at together: more than are sent at once, for some may be about the same thing.
const LOOKED_AT: usize = 64;
/// How long a delivery rests whose end could not be written: it is still due, and must not be sent again and again.
const BREATH: Duration = Duration::from_secs(5);

/// Sends what is due to a webhook, and looks again whenever it is woken.
pub async fn attend(post: Arc<Post>, webhook: WebhookId, wake: Arc<Notify>) {
    let mut tries = FuturesUnordered::new();
    let mut under_way: BTreeMap<DeliveryId, String> = BTreeMap::new();
    loop {
        let (most, due) = due(&post, webhook).unwrap_or_else(|error| {
            tracing::error!(%error, %webhook, "what is due to a webhook could not be read");
            (0, Vec::new())
        });
        for delivery in due {
            let about = delivery.subject_id;
            let apart = !under_way.contains_key(&delivery.id) && under_way.values().all(|other| *other != about);
            if apart && under_way.len() < most {
                under_way.insert(delivery.id, about);
                tries.push(attempt(&post, webhook, delivery.id));
            }
        }
        tokio::select! {
            () = wake.notified() => {}
            Some(ended) = tries.next() => { under_way.remove(&ended); }
        }
    }
}

/// How many may be under way, and what is due.
fn due(post: &Post, webhook: WebhookId) -> Result<(usize, Vec<Delivery>), StoreError> {
    let now = post.door.now();
    post.door.store.read(|rows| {
        let due = rows.due::<Delivery>(("webhook_id", &webhook.to_string()), "next_try_at", now, LOOKED_AT)?;
        if due.is_empty() {
            return Ok((0, Vec::new()));
        }
        let Some(endpoint) = endpoint(rows, webhook, now)?.filter(Endpoint::hears) else { return Ok((0, Vec::new())) };
        let well = endpoint.webhook.last_success_at.is_some() && endpoint.webhook.failing_since.is_none();
        let most = if well { post.options.at_once_each } else { 1 };
        Ok((most, due.into_iter().map(|row| row.record).collect()))
    })
}

/// One try, from looking at what is so now to writing down how it ended.
async fn attempt(post: &Post, webhook: WebhookId, delivery: DeliveryId) -> DeliveryId {
    let room = post.room.acquire().await;
    if let Err(error) = send(post, webhook, delivery).await {
        drop(room);
        tracing::error!(%error, %webhook, "a try of a webhook could not be made or written down");
        tokio::time::sleep(BREATH).await;
    }
    delivery
}

async fn send(post: &Post, webhook: WebhookId, delivery: DeliveryId) -> Result<(), StoreError> {
    let door = &post.door;
    let began = door.now();
    let (store, letter) = match door.store.read(|rows| letter::write(rows, &door.sealer, webhook, delivery, began))? {
        Found::Letter(store, letter) => (store, letter),
        Found::Skip(store, why) => {
            let write = move |tx: &mut Tx<'_>| tx.for_account(store, |tx| skip(tx, delivery, why));
            return door.store.write(by(began), write).await;
        }
        Found::Nothing => return Ok(()),
    };
    let sent = post.sender.send(&letter, began).await;
    let now = door.now();
    let ended = ended(sent, began, now);
    let write = move |tx: &mut Tx<'_>| tx.for_account(store, |tx| settle(tx, webhook, delivery, &ended));
    door.store.write(by(now), write).await
}

fn ended(sent: Sent, at: Timestamp, now: Timestamp) -> Ended {
    let duration_ms = u64::try_from(now.millis_since(at)).unwrap_or(0);
    match sent {
        Sent::Answered { status, retry_after_ms, answer } => {
            Ended { told: Try { at, status: Some(status), duration_ms, error: None, answer }, retry_after_ms }
        }
        Sent::NoAnswer(why) => {
            let told = Try { at, status: None, duration_ms, error: Some(why), answer: String::new() };
            Ended { told, retry_after_ms: None }
        }
    }
}

/// Writes down how a try ended, on what stands there now.
fn settle(tx: &mut Tx<'_>, webhook: WebhookId, delivery: DeliveryId, ended: &Ended) -> Result<(), StoreError> {
    let now = tx.now();
    let jitter = u32::from_be_bytes(tx.random());
    if let Some(row) = tx.get::<Delivery>(delivery)? {
        tx.update(&after(row.record, ended, now, jitter))?;
    }
    let Some(row) = tx.get::<Webhook>(webhook)? else { return Ok(()) };
    match health(row.record, ended, now) {
        (webhook, None) => tx.note(&webhook),
        (webhook, Some(_)) => tx.update_as(&webhook, &[Named::WebhookDisabled]).map(drop),
    }
}

/// Writes down that a delivery is not sent after all.
fn skip(tx: &mut Tx<'_>, delivery: DeliveryId, why: SkipReason) -> Result<(), StoreError> {
    match tx.get::<Delivery>(delivery)? {
        Some(row) => tx.update(&row.record.skipped(why)).map(drop),
        None => Ok(()),
    }
}
