//! The post: reads the log, keeps a line for each webhook, and wakes those that something is due to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::door::Door;
use domain::id::WebhookId;
use domain::webhook::{Delivery, Webhook};
use store::StoreError;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::feed::{Feed, by};
use super::guard::Guard;
use super::sender::Sender;
use super::{Options, line};

/// How long deliveries that have come to an end are kept to be read, and how many of a webhook.
const KEPT_DAYS: i64 = 30;
const KEPT_EACH: usize = 10_000;
/// How often older ones are removed.
const TRIM_EACH: Duration = Duration::from_secs(60 * 60);
/// How long it is waited after the database refused: mostly, a disk is full.
const BREATH: Duration = Duration::from_secs(5);

/// What all lines share.
pub struct Post {
    pub(super) door: Arc<Door>,
    pub(super) sender: Sender,
    pub(super) room: Semaphore,
    pub(super) options: Options,
}

/// Sends webhooks until the store is closed.
pub async fn run(door: Arc<Door>, guard: Guard, options: Options) {
    let sender = match Sender::new(guard, options.patience) {
        Ok(sender) => sender,
        Err(error) => {
            tracing::error!(%error, "webhooks are not sent: no HTTP client can be made");
            return;
        }
    };
    let post = Arc::new(Post { door, sender, room: Semaphore::new(options.at_once), options });
    while let Err(error) = follow(&post).await {
        tracing::error!(%error, "webhooks wait: the database refused");
        tokio::time::sleep(BREATH).await;
    }
}

/// Until the store is closed.
async fn follow(post: &Arc<Post>) -> Result<(), StoreError> {
    let mut feed = Feed::open(&post.door)?;
    let mut lines = Lines::default();
    let mut trimmed_at: Option<Instant> = None;
    let mut ticker = interval(post.options.tick);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        loop {
            let read = feed.read().await?;
            for id in read.told {
                lines.wake(post, id);
            }
            if !read.more {
                break;
            }
        }
        tokio::select! {
            open = feed.changed() => if !open { return Ok(()) },
            at = ticker.tick() => {
                let all = post.door.store.read(|rows| rows.all::<Webhook>())?;
                let all: BTreeSet<WebhookId> = all.into_iter().map(|row| row.record.id).collect();
                lines.mend(&all);
                for id in &all {
                    lines.wake(post, *id);
                }
                if trimmed_at.is_none_or(|before| at.duration_since(before) >= TRIM_EACH) {
                    trim(post, all).await?;
                    trimmed_at = Some(at);
                }
            }
        }
    }
}

async fn trim(post: &Post, webhooks: BTreeSet<WebhookId>) -> Result<(), StoreError> {
    let now = post.door.now();
    let before = now.plus_seconds(-KEPT_DAYS * 24 * 60 * 60);
    for id in webhooks {
        let write = move |tx: &mut store::Tx<'_>| {
            tx.trim_untold::<Delivery>(("webhook_id", &id.to_string()), "next_try_at", KEPT_EACH, before)
        };
        post.door.store.write(by(now), write).await?;
    }
    Ok(())
}

/// A task for each webhook. Dropping them stops them.
#[derive(Default)]
struct Lines {
    tasks: JoinSet<()>,
    each: BTreeMap<WebhookId, (Arc<Notify>, AbortHandle)>,
}

impl Lines {
    /// Lets a webhook's line look at what is due; it gets one if it has none.
    fn wake(&mut self, post: &Arc<Post>, id: WebhookId) {
        let (wake, _) = self.each.entry(id).or_insert_with(|| {
            let wake = Arc::new(Notify::new());
            let task = line::attend(Arc::clone(post), id, Arc::clone(&wake));
            (wake, self.tasks.spawn(task))
        });
        wake.notify_one();
    }

    /// Ends the lines of webhooks that are deleted, and forgets those that broke: the next to wake one starts it again.
    fn mend(&mut self, all: &BTreeSet<WebhookId>) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "the line of a webhook broke inside");
            }
        }
        for (_, (_, task)) in self.each.iter().filter(|(id, _)| !all.contains(id)) {
            task.abort();
        }
        self.each.retain(|id, (_, task)| all.contains(id) && !task.is_finished());
    }
}
