//! How often somebody may call.

use std::num::NonZero;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Calls in a minute, in the long run, and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct RateLimit {
    /// In the long run, so many a minute.
    #[schemars(range(min = 1, max = 60000))]
    per_minute: NonZero<u32>,
    /// At once, so many.
    #[schemars(range(min = 1, max = 10000))]
    burst: NonZero<u32>,
}

/// A limit that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 60000 calls a minute, and 1 to 10000 at once")]
pub struct BadLimit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    per_minute: NonZero<u32>,
    burst: NonZero<u32>,
}

impl TryFrom<Written> for RateLimit {
    type Error = BadLimit;
    fn try_from(Written { per_minute, burst }: Written) -> Result<Self, BadLimit> {
        Self::new(per_minute.get(), burst.get()).ok_or(BadLimit)
    }
}

impl RateLimit {
    /// So many a minute, and so many at once; none if that is no limit.
    pub const fn new(per_minute: u32, burst: u32) -> Option<Self> {
        match (NonZero::new(per_minute), NonZero::new(burst)) {
            (Some(each), Some(at_once)) if per_minute <= 60_000 && burst <= 10_000 => {
                Some(Self { per_minute: each, burst: at_once })
            }
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    /// In the long run, so many a minute.
    pub const fn per_minute(self) -> NonZero<u32> {
        self.per_minute
    }

    /// At once, so many.
    pub const fn burst(self) -> NonZero<u32> {
        self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lets_somebody_call_but_not_without_end() {
        assert!(RateLimit::new(600, 100).is_some());
        assert!(serde_json::from_str::<RateLimit>(r#"{"per_minute": 1, "burst": 10000}"#).is_ok());
        for wrong in
            [r#"{"per_minute": 0, "burst": 1}"#, r#"{"per_minute": 60001, "burst": 1}"#, r#"{"per_minute": 1, "burst": 10001}"#]
        {
            assert!(serde_json::from_str::<RateLimit>(wrong).is_err(), "{wrong}");
        }
    }
}
