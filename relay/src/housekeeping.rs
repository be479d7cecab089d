//! What a relay has to do now and then: content that farms have by now, uploads that nobody finished, old answers. Each
//! may run twice and does no harm.

use std::sync::Arc;
use std::time::Duration;

use api::clock::Stopwatch;
use api::door::Door;
use api::{keep, ops};
use domain::actor::{Actor, ActorKind};
use store::{By, StoreError};

/// How often it is looked whether farms have their content, at the most and at the least.
const SOON: Duration = Duration::from_secs(10);
const LATER: Duration = Duration::from_secs(60);
/// How often the rest is done.
const EACH: Duration = Duration::from_secs(3600);

/// Keeps house for as long as the relay runs.
pub async fn run(door: Arc<Door>) {
    let mut head = door.store.head();
    let mut since: Option<Stopwatch> = None;
    loop {
        head.mark_unchanged();
        if let Err(error) = keep::settle(&door).await {
            tracing::warn!(%error, "content could not be tidied; it will be tried again");
        }
        if since.as_ref().is_none_or(|since| since.elapsed() >= EACH) {
            since = Some(Stopwatch::start());
            if let Err(error) = tidy(&door).await {
                tracing::warn!(%error, "housekeeping failed; it will be tried again in an hour");
            }
        }
        tokio::time::sleep(SOON).await;
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LATER) => {}
        }
    }
}

async fn tidy(door: &Door) -> Result<(), StoreError> {
    let now = door.now();
    let by = || By::new(Actor::new(ActorKind::Relay, "relay"), now);
    door.store
        .write(by(), move |tx| {
            tx.forget_outcomes(now)?;
            tx.forget_expired_credentials(now)
        })
        .await?;
    ops::uploads::tidy(&door.store, &door.blobs, by()).await?;
    api::audit::trim(door).await?;
    keep::sweep(door)
}
