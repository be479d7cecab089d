//! Snapshot → plan → apply: on every change that matters, and each minute. Takes no input, may run
//! twice, and decides nothing itself: the scheduler plans, the transaction claims.

mod snapshot;
mod words;

use std::sync::Arc;
use std::time::Duration;

use api::clock::Clock;
use api::facts;
use api::operation::Failure;
use domain::actor::Actor;
use scheduler::plan::plan;
use store::{By, Store};

use crate::fleet::{Live, acts};

pub use snapshot::{Names, take};
pub use words::{why_words, words};

/// Changes that come together are planned together.
const TOGETHER: Duration = Duration::from_millis(30);
/// Time alone changes something.
const EACH: Duration = Duration::from_secs(60);

/// What dispatch needs of the agent.
#[derive(Clone)]
pub struct Outside {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Live values.
    pub live: Arc<Live>,
    /// Whether there is room on the disk.
    pub disk: Arc<api::disk::Disk>,
}

/// Plans and claims for as long as the store is open.
pub async fn run(outside: Outside) {
    let mut head = outside.store.head();
    loop {
        head.mark_unchanged();
        claim(&outside).await;
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(EACH) => {}
        }
        tokio::time::sleep(TOGETHER).await;
    }
}

/// One round: plans, and claims what was planned. Each claim decides anew on what is true then.
pub async fn claim(outside: &Outside) {
    let now = outside.clock.now();
    let full = outside.disk.room().is_none();
    let snapshot = match outside.store.read(|rows| take(rows, &outside.live, now, full)) {
        Ok(snapshot) => snapshot,
        Err(error) => return tracing::error!(%error, "no plan: the floor cannot be read"),
    };
    for assignment in plan(&snapshot).assignments {
        let by = By::new(Actor::farm(outside.store.home().farm_id), outside.clock.now());
        let claimed = outside.store.write(by, move |tx| {
            let claimed = facts::assign(tx, assignment.job, assignment.printer)?;
            if let Some(attempt) = claimed {
                acts::write(tx, "farm.job_assigned", attempt.to_string(), serde_json::Value::Null)?;
            }
            Ok::<_, Failure>(claimed)
        });
        let claimed = claimed.await;
        match claimed {
            Ok(Some(attempt)) => tracing::info!(job = %assignment.job, printer = %assignment.printer, %attempt, "claimed"),
            Ok(None) => tracing::debug!(job = %assignment.job, printer = %assignment.printer, "no longer free"),
            Err(failure) => tracing::warn!(job = %assignment.job, printer = %assignment.printer, ?failure, "not claimed"),
        }
    }
}
