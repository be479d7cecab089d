//! The printer on the serial line and OctoPrint's picture of it: state, job, progress, heat. Tells
//! what happened as events in the order of a real server. Knows no HTTP, no socket and no disk;
//! time is handed in.

mod picture;

use super::settings::{ProgressTold, Settings};
use crate::heat::Heater;
use domain::time::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub name: &'static str,
    pub payload: Value,
}

/// The end of a print, for the file's history and the counters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Done { seconds: f64 },
    Cancelled,
    Failed,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selected {
    pub path: String,
    pub name: String,
    /// `local`, or `sdcard` for what somebody started at the printer itself.
    pub origin: &'static str,
    pub size: u64,
    pub date: Option<i64>,
    pub user: Option<String>,
    pub print_ms: u64,
    pub told_seconds: Option<f64>,
    pub nozzle: f64,
    pub bed: f64,
    pub filament: Value,
    /// Seconds of the completed print whose progress still stands.
    pub finished: Option<f64>,
}

#[derive(Debug)]
enum Phase {
    Offline { error: Option<String> },
    Connecting { until: Timestamp },
    Operational,
    Running(Run),
}

#[derive(Debug)]
struct Run {
    stage: Stage,
    heat_ms: u64,
    /// Printing time gathered before `since`.
    gathered_ms: u64,
    /// Since when the clock of the print runs; it stands in a pause.
    since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Starting(Timestamp),
    Printing,
    Pausing(Timestamp),
    Paused,
    Resuming(Timestamp),
    Cancelling(Timestamp),
    Finishing(Timestamp),
}

#[derive(Debug)]
pub(super) struct Machine {
    phase: Phase,
    pub selected: Option<Selected>,
    pub plugged: bool,
    pub unplug_at_percent: Option<u8>,
    pub told: ProgressTold,
    nozzle: Heater,
    bed: Heater,
    settle_ms: u64,
    events: Vec<Event>,
    ends: Vec<(Selected, End)>,
}

impl Machine {
    pub(super) fn off(settings: &Settings, now: Timestamp) -> Self {
        let degrees = settings.degrees_per_second * settings.speed;
        let cold = Heater::cold(f64::from(degrees) / 1000.0, now);
        Self {
            phase: Phase::Offline { error: None },
            selected: None,
            plugged: true,
            unplug_at_percent: None,
            told: ProgressTold::Truth,
            nozzle: cold,
            bed: cold,
            settle_ms: settings.settle_ms,
            events: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn take_ends(&mut self) -> Vec<(Selected, End)> {
        std::mem::take(&mut self.ends)
    }

    pub(super) fn tell(&mut self, name: &'static str, payload: Value) {
        self.events.push(Event { name, payload });
    }

    pub(super) fn is_operational(&self) -> bool {
        matches!(self.phase, Phase::Operational | Phase::Running(_))
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Operational)
    }

    /// Printing or paused, and everything between.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.stage() == Some(Stage::Paused)
    }

    pub(super) fn connect(&mut self, now: Timestamp) {
        if let Phase::Offline { .. } = self.phase {
            self.tell("Connecting", Value::Null);
            self.tell_state("OPEN_SERIAL", "Opening serial connection");
            self.tell_state("CONNECTING", "Connecting");
            self.phase = Phase::Connecting { until: now.plus_millis(self.settle_ms as i64) };
        }
    }

    pub(super) fn disconnect(&mut self, now: Timestamp) {
        self.tell("Disconnecting", Value::Null);
        if self.is_closed() {
            self.tell("Disconnected", Value::Null);
        } else {
            self.go_offline(now, None);
        }
    }

    /// The cable or the firmware fails.
    pub(super) fn fail(&mut self, now: Timestamp, error: &str, firmware: bool) {
        if let Phase::Offline { .. } = self.phase {
            return;
        }
        if firmware {
            self.tell_state("ERROR", "Error");
            self.tell("Error", json!({ "error": error, "reason": "firmware", "consequence": "emergency", "logs": [] }));
        }
        self.go_offline(now, Some(error.to_owned()));
    }

    pub(super) fn select(&mut self, selected: Selected) {
        let owner = selected.user.clone();
        self.tell(
            "FileSelected",
            json!({ "name": selected.name, "path": selected.path, "origin": selected.origin,
                    "size": null, "owner": owner, "user": owner }),
        );
        self.selected = Some(selected);
    }

    pub(super) fn unselect(&mut self) {
        if self.selected.take().is_some() {
            self.tell("FileDeselected", Value::Null);
        }
    }

    /// Starts what is selected; from a pause it starts over. Whether anything was started.
    pub(super) fn start(&mut self, now: Timestamp) -> bool {
        let Some(selected) = self.selected.clone() else {
            return false;
        };
        if !self.is_operational() || (self.is_active() && !self.is_paused()) {
            return false;
        }
        if let Some(selected) = &mut self.selected {
            selected.finished = None;
        }
        let stage = Stage::Starting(self.settled(now));
        self.tell_state("STARTING", "Starting");
        self.tell("PrintStarted", self.job_payload());
        self.tell("ChartMarked", json!({ "type": "print", "label": "Start" }));
        self.nozzle.aim(selected.nozzle, now);
        self.bed.aim(selected.bed, now);
        let heat_ms = self.nozzle.climb_ms().max(self.bed.climb_ms());
        self.phase = Phase::Running(Run { stage, heat_ms, gathered_ms: 0, since: Some(now) });
        true
    }

    pub(super) fn pause(&mut self, now: Timestamp) {
        let until = self.settled(now);
        if let Phase::Running(run) = &mut self.phase
            && run.stage == Stage::Printing
        {
            run.halt(now);
            run.stage = Stage::Pausing(until);
            self.tell_state("PAUSING", "Pausing");
        }
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        let until = self.settled(now);
        if let Phase::Running(run) = &mut self.phase
            && run.stage == Stage::Paused
        {
            run.stage = Stage::Resuming(until);
            self.tell_state("RESUMING", "Resuming");
            self.tell("PrintResumed", self.job_payload());
            self.tell("ChartMarked", json!({ "type": "resume", "label": "Resume" }));
        }
    }

    pub(super) fn cancel(&mut self, now: Timestamp) {
        let until = self.settled(now);
        let Phase::Running(run) = &mut self.phase else {
            return;
        };
        match run.stage {
            Stage::Cancelling(_) | Stage::Finishing(_) => return,
            Stage::Starting(_) | Stage::Printing | Stage::Pausing(_) | Stage::Paused | Stage::Resuming(_) => {}
        }
        run.halt(now);
        run.stage = Stage::Cancelling(until);
        let seconds = run.gathered_ms as f64 / 1000.0;
        self.tell("PrintCancelling", self.job_payload());
        self.tell_state("CANCELLING", "Cancelling");
        let mut payload = self.stop_payload(now);
        payload["time"] = json!(seconds);
        self.tell("PrintCancelled", payload.clone());
        self.tell("ChartMarked", json!({ "type": "cancel", "label": "Cancel" }));
        self.tell_statistics();
        payload["reason"] = json!("cancelled");
        self.tell("PrintFailed", payload);
        self.cool_down(now);
        self.end(End::Cancelled);
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Offline { .. } | Phase::Operational => None,
            Phase::Connecting { until } => Some(*until),
            Phase::Running(run) => match run.stage {
                Stage::Starting(until) | Stage::Pausing(until) | Stage::Resuming(until) => Some(until),
                Stage::Cancelling(until) | Stage::Finishing(until) => Some(until),
                Stage::Paused => None,
                Stage::Printing => {
                    let goal = self.cable_fails_ms(run).unwrap_or_else(|| self.whole_ms(run));
                    let left = goal.saturating_sub(run.gathered_ms);
                    Some(run.since?.plus_millis(left as i64))
                }
            },
        }
    }

    /// Takes the one step that is due, if one is. Whether it took one.
    pub(super) fn step(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.next_wake().filter(|due| *due <= now) else {
            return false;
        };
        match &mut self.phase {
            Phase::Offline { .. } | Phase::Operational => {}
            Phase::Connecting { .. } if self.plugged => {
                self.phase = Phase::Operational;
                self.tell_state("OPERATIONAL", "Operational");
                self.tell("Connected", json!({ "port": "VIRTUAL", "baudrate": 115_200 }));
                self.tell("UpdatedFiles", json!({ "type": "printables" }));
            }
            Phase::Connecting { .. } => {
                let error = "Failed to autodetect serial port, please set it manually.".to_owned();
                self.phase = Phase::Offline { error: Some(error) };
                self.tell_state("OFFLINE", "Offline");
            }
            Phase::Running(run) => match run.stage {
                Stage::Starting(_) => {
                    run.stage = Stage::Printing;
                    self.tell_state("PRINTING", self.printing_text());
                }
                Stage::Resuming(_) => {
                    run.stage = Stage::Printing;
                    run.since = Some(due);
                    self.tell_state("PRINTING", self.printing_text());
                }
                Stage::Pausing(_) => {
                    run.stage = Stage::Paused;
                    let payload = self.stop_payload(due);
                    self.tell("PrintPaused", payload);
                    self.tell("ChartMarked", json!({ "type": "pause", "label": "Pause" }));
                    self.tell_state("PAUSED", "Paused");
                }
                Stage::Printing => self.reach_the_end(due),
                Stage::Cancelling(_) | Stage::Finishing(_) => {
                    self.phase = Phase::Operational;
                    self.tell_state("OPERATIONAL", "Operational");
                }
                Stage::Paused => {}
            },
        }
        true
    }

    pub(super) fn temperatures(&self, now: Timestamp) -> [(&'static str, f64, f64); 2] {
        [("tool0", self.nozzle), ("bed", self.bed)].map(|(name, heater)| (name, heater.degrees(now), heater.target()))
    }

    pub(super) fn set_target(&mut self, heater: &str, target: f64, now: Timestamp) {
        match heater {
            "bed" => self.bed.aim(target, now),
            _ => self.nozzle.aim(target, now),
        }
    }

    fn stage(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Running(run) => Some(run.stage),
            Phase::Offline { .. } | Phase::Connecting { .. } | Phase::Operational => None,
        }
    }

    fn settled(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(self.settle_ms as i64)
    }

    fn tell_state(&mut self, id: &str, text: &str) {
        self.tell("PrinterStateChanged", json!({ "state_id": id, "state_string": text }));
    }

    fn reach_the_end(&mut self, now: Timestamp) {
        let until = self.settled(now);
        let Phase::Running(run) = &mut self.phase else {
            return;
        };
        run.halt(now);
        let seconds = run.gathered_ms as f64 / 1000.0;
        if self.unplug_at_percent.is_some() {
            self.plugged = false;
            self.fail(now, "SerialTimeoutException: ", false);
            return;
        }
        run.stage = Stage::Finishing(until);
        self.tell_state("FINISHING", "Finishing");
        self.tell("ChartMarked", json!({ "type": "done", "label": "Done" }));
        let mut payload = self.job_payload();
        payload["time"] = json!(seconds);
        picture::drop_user(&mut payload);
        self.tell("PrintDone", payload);
        if let Some(selected) = &mut self.selected {
            selected.finished = Some(seconds);
        }
        self.tell_statistics();
        self.cool_down(now);
        self.end(End::Done { seconds });
    }

    fn go_offline(&mut self, now: Timestamp, error: Option<String>) {
        let failed = self.failed_payload(now, error.as_deref().unwrap_or_default());
        let statistics = self.statistics_payload();
        if failed.is_some() {
            self.end(End::Failed);
        }
        self.cool_down(now);
        self.phase = Phase::Offline { error };
        self.tell("UpdatedFiles", json!({ "type": "printables" }));
        self.unselect();
        self.tell("Disconnected", Value::Null);
        self.tell_state("OFFLINE", "Offline");
        if let Some(payload) = failed {
            self.tell("MetadataStatisticsUpdated", statistics);
            self.tell("PrintFailed", payload);
        }
    }

    fn tell_statistics(&mut self) {
        self.tell("MetadataStatisticsUpdated", self.statistics_payload());
    }

    fn end(&mut self, end: End) {
        if let Some(selected) = &self.selected {
            self.ends.push((selected.clone(), end));
        }
    }

    fn cool_down(&mut self, now: Timestamp) {
        self.nozzle.aim(0.0, now);
        self.bed.aim(0.0, now);
    }
}
