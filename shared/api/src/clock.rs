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

/// A clock that only runs, for what is measured and not told: no wall clock can set it back.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// How long ago it began.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }

    /// The same in milliseconds.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Whether a time can be believed.
pub fn is_set(now: Timestamp) -> bool {
    now >= NOT_BEFORE
}
