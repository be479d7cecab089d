//! The one clock. Everything else gets its time handed in.

use domain::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, by the wall clock.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Anything before this program was written shows that the clock was never set.
pub const NOT_BEFORE: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// Whether a time can be believed.
pub fn is_set(now: Timestamp) -> bool {
    now >= NOT_BEFORE
}
