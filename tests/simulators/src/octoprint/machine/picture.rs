//! How OctoPrint words the machine's state: texts, flags, progress, event payloads. Changes nothing.

use super::{Machine, Phase, ProgressTold, Run, Stage};
use domain::time::Timestamp;
use serde_json::{Value, json};

impl Machine {
    /// The serial line is shut, with or without an error.
    pub(in super::super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Offline { .. })
    }

    pub(in super::super) fn error(&self) -> &str {
        match &self.phase {
            Phase::Offline { error: Some(error) } => error,
            Phase::Offline { error: None } | Phase::Connecting { .. } => "",
            Phase::Operational | Phase::Running(_) => "",
        }
    }

    pub(in super::super) fn text(&self) -> &'static str {
        match &self.phase {
            Phase::Offline { error: None } => "Offline",
            Phase::Offline { error: Some(_) } => "Offline after error",
            Phase::Connecting { .. } => "Connecting",
            Phase::Operational => "Operational",
            Phase::Running(run) => match run.stage {
                Stage::Starting(_) => "Starting",
                Stage::Printing => self.printing_text(),
                Stage::Pausing(_) => "Pausing",
                Stage::Paused => "Paused",
                Stage::Resuming(_) => "Resuming",
                Stage::Cancelling(_) => "Cancelling",
                Stage::Finishing(_) => "Finishing",
            },
        }
    }

    pub(in super::super) fn flags(&self) -> Value {
        let stage = self.stage();
        let is = |wanted: fn(Stage) -> bool| stage.is_some_and(wanted);
        json!({
            "cancelling": is(|stage| matches!(stage, Stage::Cancelling(_))),
            "closedOrError": matches!(self.phase, Phase::Offline { .. }),
            "error": matches!(self.phase, Phase::Offline { error: Some(_) }),
            "finishing": is(|stage| matches!(stage, Stage::Finishing(_))),
            "operational": self.is_operational(),
            "paused": self.is_paused(),
            "pausing": is(|stage| matches!(stage, Stage::Pausing(_))),
            "printing": self.is_active() && !self.is_paused(),
            "ready": self.is_ready(),
            "resuming": is(|stage| matches!(stage, Stage::Resuming(_))),
            "sdReady": self.is_operational(),
        })
    }

    pub(in super::super) fn progress(&self, now: Timestamp) -> Value {
        let nothing = json!({ "completion": null, "filepos": null, "printTime": null,
                              "printTimeLeft": null, "printTimeLeftOrigin": null });
        let Some(selected) = &self.selected else {
            return nothing;
        };
        let Phase::Running(run) = &self.phase else {
            return match selected.finished {
                Some(seconds) => json!({ "completion": 100.0, "filepos": selected.size,
                    "printTime": seconds as u64, "printTimeLeft": 0, "printTimeLeftOrigin": null }),
                None => nothing,
            };
        };
        if let Stage::Cancelling(_) = run.stage {
            return nothing;
        }
        let active = run.active_ms(now);
        let filepos = self.lie(self.filepos(run, now), selected.size, active);
        let left = self.whole_ms(run).saturating_sub(active).div_ceil(1000);
        json!({
            "completion": percent(filepos, selected.size),
            "filepos": filepos,
            "printTime": active / 1000,
            "printTimeLeft": selected.told_seconds.map(|_| left),
            "printTimeLeftOrigin": if selected.told_seconds.is_some() { "analysis" } else { "linear" },
        })
    }

    pub(super) fn printing_text(&self) -> &'static str {
        match &self.selected {
            Some(selected) if selected.origin == "sdcard" => "Printing from SD",
            Some(_) | None => "Printing",
        }
    }

    /// A cancelled or finished print that waits for the printer has had its end already.
    pub(super) fn failed_payload(&self, now: Timestamp, error: &str) -> Option<Value> {
        let Phase::Running(run) = &self.phase else {
            return None;
        };
        if matches!(run.stage, Stage::Cancelling(_) | Stage::Finishing(_)) {
            return None;
        }
        let mut payload = self.job_payload();
        drop_user(&mut payload);
        payload["time"] = json!(run.active_ms(now) as f64 / 1000.0);
        payload["reason"] = json!("error");
        payload["error"] = json!(error);
        let size = self.selected.as_ref().map_or(0, |selected| selected.size);
        payload["progress"] = json!(percent(self.filepos(run, now), size) / 100.0);
        Some(payload)
    }

    pub(super) fn statistics_payload(&self) -> Value {
        let selected = self.selected.as_ref();
        selected.map_or(Value::Null, |file| json!({ "storage": file.origin, "path": file.path }))
    }

    pub(super) fn job_payload(&self) -> Value {
        let Some(selected) = &self.selected else {
            return Value::Null;
        };
        json!({ "name": selected.name, "path": selected.path, "origin": selected.origin,
                "size": selected.size, "owner": selected.user, "user": selected.user })
    }

    pub(super) fn stop_payload(&self, now: Timestamp) -> Value {
        let mut payload = self.job_payload();
        if let (Phase::Running(run), Some(selected)) = (&self.phase, &self.selected) {
            let filepos = self.filepos(run, now);
            payload["position"] = json!({ "x": null, "y": null, "z": null, "e": null, "t": null, "f": null });
            payload["fileposition"] = json!(filepos);
            payload["progress"] = json!(percent(filepos, selected.size) as u64);
        }
        payload
    }

    /// Heating and printing together.
    pub(super) fn whole_ms(&self, run: &Run) -> u64 {
        let print_ms = self.selected.as_ref().map_or(0, |selected| selected.print_ms);
        run.heat_ms + print_ms
    }

    pub(super) fn cable_fails_ms(&self, run: &Run) -> Option<u64> {
        let percent = u64::from(self.unplug_at_percent?.min(100));
        let print_ms = self.whole_ms(run) - run.heat_ms;
        Some(run.heat_ms + print_ms * percent / 100)
    }

    /// While heating the file stands at its first lines.
    fn filepos(&self, run: &Run, now: Timestamp) -> u64 {
        let size = self.selected.as_ref().map_or(0, |selected| selected.size);
        let first_lines = (size / 50).min(64);
        let print_ms = (self.whole_ms(run) - run.heat_ms).max(1);
        let printed = run.active_ms(now).saturating_sub(run.heat_ms).min(print_ms);
        first_lines + (size - first_lines) * printed / print_ms
    }

    fn lie(&self, filepos: u64, size: u64, active_ms: u64) -> u64 {
        match self.told {
            ProgressTold::Truth => filepos,
            ProgressTold::StuckAtZero => 0,
            ProgressTold::AlwaysHundred => size,
            ProgressTold::Jumping if active_ms / 1000 % 2 == 1 => size - filepos,
            ProgressTold::Jumping => filepos,
        }
    }
}

impl Run {
    pub(super) fn active_ms(&self, now: Timestamp) -> u64 {
        let running = self.since.map_or(0, |since| now.millis_since(since).max(0));
        self.gathered_ms + running.unsigned_abs()
    }

    pub(super) fn halt(&mut self, now: Timestamp) {
        self.gathered_ms = self.active_ms(now);
        self.since = None;
    }
}

fn percent(filepos: u64, size: u64) -> f64 {
    filepos as f64 * 100.0 / size.max(1) as f64
}

pub(super) fn drop_user(payload: &mut Value) {
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("user");
    }
}
