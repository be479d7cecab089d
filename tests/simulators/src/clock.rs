//! The simulators' one clock; their cores are handed its time.

use domain::time::Timestamp;
use std::future::pending;
use std::time::Duration;

/// The wall clock of the start, and what has passed since.
pub(crate) struct Clock {
    epoch: Timestamp,
    started: tokio::time::Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the simulators' one clock; the cores are handed its time")]
    pub(crate) fn start() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        Self { epoch: Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()), started: tokio::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.started.elapsed().as_millis();
        self.epoch.plus_millis(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    /// Ends at that moment; never if there is none.
    pub(crate) async fn until(&self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) => {
                let wait = moment.millis_since(self.now()).max(0);
                tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            }
            None => pending().await,
        }
    }
}

/// So much later.
pub(crate) fn later(now: Timestamp, millis: u64) -> Timestamp {
    now.plus_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
