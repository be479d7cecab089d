//! How far a print is, in truth and as it is told.

use super::{Machine, State};
use crate::bambu::settings::ProgressTold;
use domain::time::Timestamp;

impl Machine {
    pub(super) fn flowed_ms(&self, now: Timestamp) -> u64 {
        let running = self.flowing.map_or(0, |since| now.millis_since(since).max(0));
        self.printed_ms + running.unsigned_abs()
    }

    pub(super) fn done_at(&self) -> Option<Timestamp> {
        self.reaches(100)
    }

    pub(super) fn fails_at(&self) -> Option<Timestamp> {
        self.reaches(self.fail_at_percent?)
    }

    /// When that much is printed, if it goes on as now.
    fn reaches(&self, percent: u8) -> Option<Timestamp> {
        let since = self.flowing.filter(|_| self.state == State::Running)?;
        let wanted = self.job.as_ref()?.print_ms * u64::from(percent) / 100;
        Some(since.plus_millis(wanted as i64 - self.printed_ms as i64))
    }

    /// Whole percents, as they are told.
    pub(super) fn percent(&self, now: Timestamp) -> u64 {
        let Some(job) = &self.job else { return 0 };
        let truth = match self.state {
            State::Finish => return 100,
            State::Idle | State::Prepare => 0,
            // The last percent is the end itself.
            State::Running | State::Pause | State::Failed => (self.flowed_ms(now) * 100 / job.print_ms.max(1)).min(99),
        };
        match self.told {
            ProgressTold::Truth => truth,
            ProgressTold::StuckAtZero => 0,
            ProgressTold::AlwaysHundred => 100,
            ProgressTold::Jumping if now.millis().div_euclid(1000) % 2 == 1 => 99 - truth.min(99),
            ProgressTold::Jumping => truth,
        }
    }

    pub(super) fn layer(&self, now: Timestamp) -> u64 {
        let Some(job) = &self.job else { return 0 };
        let layers = u64::from(job.layers);
        match self.state {
            State::Finish => layers,
            State::Idle | State::Prepare => 0,
            State::Running | State::Pause | State::Failed => {
                (self.flowed_ms(now) * layers / job.print_ms.max(1) + u64::from(self.flowing.is_some())).min(layers)
            }
        }
    }

    /// Minutes, of which a begun one counts.
    pub(super) fn remaining_minutes(&self, now: Timestamp) -> u64 {
        let left = |job: &super::Job| job.print_ms.saturating_sub(self.flowed_ms(now)).div_ceil(60_000);
        self.job.as_ref().filter(|_| self.is_busy()).map_or(0, left)
    }
}
