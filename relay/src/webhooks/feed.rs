//! From the log to deliveries. The deliveries of what was read and the place up to which it was read are
//! written in one transaction, and a delivery's id follows from its webhook and its event: so each event gives
//! exactly one delivery to each webhook, whenever the relay stops.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::door::Door;
use domain::actor::{Actor, ActorKind};
use domain::id::{DeliveryId, Id, StoreId, WebhookId};
use domain::time::Timestamp;
use domain::webhook::Delivery;
use fanout::{LogReader, Sight};
use sha2::{Digest, Sha256};
use store::{By, EventCursor, Rows, StoreError, StoredEvent, Tx};

use super::letter::endpoints;
use super::schedule::{Admission, admit, wants};

/// The reader's name in the table of cursors.
const READER: &str = "webhooks";

/// Events without a delivery after which the place is written all the same.
const UNWRITTEN: u64 = 1000;

/// Follows the log.
pub struct Feed {
    door: Arc<Door>,
    reader: LogReader,
    written: EventCursor,
}

/// What one reading came to.
pub struct Told {
    /// The webhooks that something was told to.
    pub told: BTreeSet<WebhookId>,
    /// There is more to be read at once.
    pub more: bool,
}

/// Who writes here.
pub fn by(now: Timestamp) -> By {
    By::new(Actor::new(ActorKind::Relay, "relay"), now)
}

impl Feed {
    /// From where it stood; the first time from the beginning, where no webhook is old enough to be meant.
    pub fn open(door: &Arc<Door>) -> Result<Self, StoreError> {
        let written = door.store.read(|rows| {
            Ok::<_, StoreError>(match rows.cursor(READER)? {
                Some(written) => written,
                None => EventCursor { position: 0, ..rows.log_end()? },
            })
        })?;
        let reader = LogReader::new(door.store.clone(), Some(written.clone()), Vec::new())?;
        Ok(Self { door: Arc::clone(door), reader, written })
    }

    /// Makes deliveries of what came since.
    ///
    /// # Errors
    /// What the database says; then this feed is to be opened anew.
    pub async fn read(&mut self) -> Result<Told, StoreError> {
        let batch = self.reader.read()?;
        if batch.gap {
            tracing::warn!("events were trimmed from the log before webhooks got them");
        }
        let now = self.door.now();
        let made = self.door.store.read(|rows| deliveries(rows, &batch.events, self.door.live, now))?;
        let told = made.iter().map(|(_, delivery)| delivery.webhook_id).collect();
        let (from, to) = (self.written.clone(), self.reader.cursor().clone());
        let unwritten = to.position.saturating_sub(from.position);
        if !made.is_empty() || unwritten >= UNWRITTEN || from.epoch != to.epoch {
            self.door.store.write(by(now), move |tx| put(tx, &made, &from, &to)).await?;
            self.written = self.reader.cursor().clone();
        }
        Ok(Told { told, more: batch.more })
    }

    /// Waits until there may be something to read. False when the store is closed.
    pub async fn changed(&mut self) -> bool {
        self.reader.changed().await
    }
}

/// Writes deliveries and how far the log was read, together.
fn put(tx: &mut Tx<'_>, made: &[(StoreId, Delivery)], from: &EventCursor, to: &EventCursor) -> Result<(), StoreError> {
    if tx.rows().cursor(READER)?.is_some_and(|stored| stored != *from) {
        return Err(StoreError::NotCommitted("somebody else reads the log for webhooks".to_owned()));
    }
    for (store, delivery) in made {
        match tx.for_account(*store, |tx| tx.create(delivery)) {
            Ok(()) | Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    tx.put_cursor(READER, to)
}

fn deliveries(
    rows: Rows<'_>,
    events: &[StoredEvent],
    live: bool,
    now: Timestamp,
) -> Result<Vec<(StoreId, Delivery)>, StoreError> {
    let mut made = Vec::new();
    if events.is_empty() {
        return Ok(made);
    }
    for endpoint in endpoints(rows, now)? {
        // Who gave it the right holds it no more: it is told nothing until that one does again.
        let Some(grants) = endpoint.grants else { continue };
        let (webhook, sight) = (endpoint.webhook, Sight { store: endpoint.store, grants });
        let mut waiting = rows.waiting::<Delivery>(("webhook_id", &webhook.id.to_string()), "next_try_at")?;
        let its = events.iter().filter(|stored| stored.event.store_id == endpoint.store && wants(&webhook, &stored.event, live));
        for stored in its {
            let (event, admission) = (&stored.event, admit(&webhook, &stored.event, waiting));
            if admission == Admission::No || sight.project(rows, stored.clone())?.is_none() {
                continue;
            }
            let (id, event_type, about) =
                (delivery_id(webhook.id, event.id), event.event_type.to_string(), event.subject.id.clone());
            let delivery = Delivery::due(id, webhook.id, event.id, event_type, about, now);
            let delivery = match admission {
                Admission::Skip(why) => delivery.skipped(why),
                Admission::Send | Admission::No => delivery,
            };
            waiting += usize::from(delivery.next_try_at.is_some());
            made.push((endpoint.store, delivery));
        }
    }
    Ok(made)
}

fn delivery_id(webhook: impl Id, event: impl Id) -> DeliveryId {
    let digest = Sha256::new().chain_update(webhook.uuid()).chain_update(event.uuid()).finalize();
    DeliveryId::derived(digest.into())
}
