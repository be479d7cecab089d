//! What has to be done now and then: old events, old answers, ended sessions, content that no file
//! names, and whether the disk has room. Each may run twice and does no harm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::blobs::Blobs;
use api::clock::Clock;
use api::door::Door;
use domain::actor::Actor;
use domain::file::{ContentHash, File, FileContent};
use store::{By, Store, StoreError};

use crate::uplink::content::{FETCHED, fetched_as};

/// How often.
const EACH: Duration = Duration::from_secs(3600);
/// Events are kept for so long.
const EVENT_DAYS: i64 = 90;
/// So many events are kept at the most.
const EVENTS: u64 = 1_000_000;

/// Keeps house for as long as the agent runs.
pub async fn run(door: Arc<Door>) {
    loop {
        if let Err(error) = tidy(&door.store, &door.blobs, door.clock.as_ref()).await {
            tracing::warn!(%error, "housekeeping failed; it will be tried again in an hour");
        }
        if let Err(error) = api::audit::trim(&door).await {
            tracing::warn!(%error, "the audit could not be trimmed; it will be tried again in an hour");
        }
        tokio::time::sleep(EACH).await;
    }
}

async fn tidy(store: &Store, blobs: &Blobs, clock: &dyn Clock) -> Result<(), StoreError> {
    let now = clock.now();
    let by = By::new(Actor::farm(store.home().farm_id), now);
    store
        .write(by, move |tx| {
            tx.trim_events(now.plus_seconds(-EVENT_DAYS * 24 * 3600), EVENTS)?;
            let settled = crate::uplink::outcomes_settled(tx.rows(), now)?;
            tx.forget_outcomes(settled)?;
            tx.forget_expired_credentials(now)?;
            api::floor_people::tidy(tx, now)?;
            Ok::<_, StoreError>(())
        })
        .await?;
    api::ops::uploads::tidy(store, blobs, By::new(Actor::farm(store.home().farm_id), now)).await?;
    let files = store.read(|rows| rows.all::<File>())?;
    let named: BTreeSet<ContentHash> = files.iter().map(|file| file.record.sha256).collect();
    let coming = |file: &store::Row<File>| file.record.content == FileContent::OnItsWay;
    let fetched: BTreeSet<String> =
        files.iter().filter(|file| coming(file)).map(|file| fetched_as(&file.record.sha256)).collect();
    for name in blobs.partials().iter().filter(|name| name.starts_with(FETCHED) && !fetched.contains(*name)) {
        blobs.drop_partial(name);
    }
    for hash in blobs.older_than(Duration::from_secs(3600)) {
        if !named.contains(&hash)
            && let Err(error) = blobs.remove(&hash)
        {
            tracing::warn!(%hash, %error, "content that no file names could not be removed");
        }
    }
    Ok(())
}
