//! A heater as a straight line towards its target, so that any moment can be asked without ticking.

use domain::time::Timestamp;

const AMBIENT: f64 = 21.3;
/// A hot thing cools this many times slower than it heats.
const COOLING: f64 = 5.0;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Heater {
    at: f64,
    since: Timestamp,
    target: f64,
    degrees_per_ms: f64,
}

impl Heater {
    pub(crate) fn cold(degrees_per_ms: f64, now: Timestamp) -> Self {
        Self { at: AMBIENT, since: now, target: 0.0, degrees_per_ms }
    }

    pub(crate) fn target(&self) -> f64 {
        self.target
    }

    pub(crate) fn aim(&mut self, target: f64, now: Timestamp) {
        self.at = self.degrees(now);
        self.since = now;
        self.target = target;
    }

    pub(crate) fn climb_ms(&self) -> u64 {
        ((self.target - self.at) / self.degrees_per_ms).max(0.0).ceil() as u64
    }

    pub(crate) fn degrees(&self, now: Timestamp) -> f64 {
        let passed = now.millis_since(self.since).max(0) as f64;
        let goal = self.target.max(AMBIENT);
        let degrees = if goal >= self.at {
            (self.at + passed * self.degrees_per_ms).min(goal)
        } else {
            (self.at - passed * self.degrees_per_ms / COOLING).max(goal)
        };
        (degrees * 100.0).round() / 100.0
    }
}
