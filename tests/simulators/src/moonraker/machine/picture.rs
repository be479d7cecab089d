//! How Klipper words the machine's state: its objects. Changes nothing but the clock of a print.

use super::{Host, Machine, Run};
use crate::heat::Heater;
use crate::moonraker::settings::ProgressTold;
use domain::time::Timestamp;
use serde_json::{Value, json};

impl Machine {
    /// Klipper's objects.
    pub(in super::super) fn status(&self, now: Timestamp) -> Value {
        let (size, printed_ms, total_ms) = match &self.run {
            Some(run) => (run.job.size, run.printed_ms(now), run.total_ms(now)),
            None => self.last,
        };
        let position = match &self.run {
            Some(run) => self.lie(run.position(now), size, run.active_ms(now)),
            None if self.state == "complete" => size,
            None => 0,
        };
        let progress = position as f64 / size.max(1) as f64;
        let heater = |heater: &Heater| json!({ "target": heater.target(), "temperature": heater.degrees(now) });
        let is_loaded = self.run.is_some() || matches!(self.host, Host::Halted { .. });
        let path = Some(format!("/gcodes/{}", self.file)).filter(|_| is_loaded && !self.file.is_empty());
        json!({
            "webhooks": { "state": self.host_word(), "state_message": self.host_words() },
            "print_stats": {
                "filament_used": printed_ms as f64 / 1000.0, "filename": self.file, "message": self.message,
                "info": { "current_layer": null, "total_layer": null }, "state": self.state,
                "print_duration": printed_ms as f64 / 1000.0, "total_duration": total_ms as f64 / 1000.0,
            },
            "virtual_sdcard": {
                "file_path": path, "file_position": position, "file_size": size,
                "is_active": self.state == "printing" && self.run.is_some(), "progress": progress,
            },
            "display_status": { "message": null, "progress": progress },
            "idle_timeout": { "printing_time": 0.0, "state": if self.state == "printing" { "Printing" } else { "Ready" } },
            "pause_resume": { "is_paused": self.is_paused },
            "extruder": heater(&self.nozzle),
            "heater_bed": heater(&self.bed),
            "filament_switch_sensor spool": { "enabled": true, "filament_detected": self.has_filament },
        })
    }

    fn lie(&self, position: u64, size: u64, active_ms: u64) -> u64 {
        match self.told {
            ProgressTold::Truth => position,
            ProgressTold::StuckAtZero => 0,
            ProgressTold::AlwaysHundred => size,
            ProgressTold::Jumping if active_ms / 1000 % 2 == 1 => size - position,
            ProgressTold::Jumping => position,
        }
    }
}

impl Run {
    pub(super) fn whole_ms(&self) -> u64 {
        self.heat_ms + self.job.print_ms
    }

    pub(super) fn active_ms(&self, now: Timestamp) -> u64 {
        let running = self.since.map_or(0, |since| now.millis_since(since).max(0));
        self.gathered_ms + running.unsigned_abs()
    }

    /// Nothing is counted before the first extrusion.
    pub(super) fn printed_ms(&self, now: Timestamp) -> u64 {
        self.active_ms(now).saturating_sub(self.heat_ms).min(self.job.print_ms)
    }

    pub(super) fn total_ms(&self, now: Timestamp) -> u64 {
        now.millis_since(self.began).max(0).unsigned_abs()
    }

    /// While heating the file stands at its first lines.
    pub(super) fn position(&self, now: Timestamp) -> u64 {
        let first_lines = (self.job.size / 50).min(64);
        first_lines + (self.job.size - first_lines) * self.printed_ms(now) / self.job.print_ms.max(1)
    }

    pub(super) fn halt(&mut self, now: Timestamp) {
        self.gathered_ms = self.active_ms(now);
        self.since = None;
    }
}
