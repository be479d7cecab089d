//! Klipper: its state, its print, its heat. Tells what happened as notes in the order of a real one.
//! Knows no HTTP, no socket and no disk; time is handed in.

mod picture;

use super::settings::{ProgressTold, Settings};
use crate::heat::Heater;
use domain::time::Timestamp;

/// A print begins with homing, and what breaks it there is told in other words.
const HOMING_MS: u64 = 3_000;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Note {
    /// A line of Klipper's own talk.
    Line(String),
    /// A print began.
    Began { file: String },
    /// A print is over, in the history's word.
    Ended { status: &'static str, printed_ms: u64, total_ms: u64 },
    /// Klipper is ready.
    Ready,
    /// Klipper stopped over a fault.
    Halted,
    /// Klipper went away.
    Gone,
}

/// A file to print.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub path: String,
    pub size: u64,
    pub print_ms: u64,
    pub nozzle: f64,
    pub bed: f64,
    /// It leaves the bed.
    pub is_broken: bool,
}

#[derive(Debug)]
enum Host {
    Starting { until: Timestamp },
    Ready,
    Halted { word: &'static str, words: String },
}

#[derive(Debug)]
struct Run {
    job: Job,
    heat_ms: u64,
    began: Timestamp,
    /// Time in the print gathered before `since`.
    gathered_ms: u64,
    /// Since when the print's clock runs; it stands in a pause.
    since: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Machine {
    host: Host,
    state: &'static str,
    file: String,
    message: String,
    run: Option<Run>,
    /// Size, printing time and whole time of the last print.
    last: (u64, u64, u64),
    is_paused: bool,
    pub plugged: bool,
    pub has_filament: bool,
    pub unplug_at_percent: Option<u8>,
    pub told: ProgressTold,
    nozzle: Heater,
    bed: Heater,
    restart_ms: u64,
    notes: Vec<Note>,
}

impl Machine {
    /// One that comes up.
    pub(super) fn starting(settings: &Settings, now: Timestamp) -> Self {
        let degrees = settings.degrees_per_second * settings.speed;
        let cold = Heater::cold(f64::from(degrees) / 1000.0, now);
        Self {
            host: Host::Starting { until: now.plus_millis(settings.restart_ms as i64) },
            state: "standby",
            file: String::new(),
            message: String::new(),
            run: None,
            last: (0, 0, 0),
            is_paused: false,
            plugged: true,
            has_filament: true,
            unplug_at_percent: None,
            told: ProgressTold::Truth,
            nozzle: cold,
            bed: cold,
            restart_ms: settings.restart_ms,
            notes: Vec::new(),
        }
    }

    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Moonraker's word for where Klipper stands.
    pub(super) fn host_word(&self) -> &'static str {
        match &self.host {
            Host::Starting { .. } => "disconnected",
            Host::Ready => "ready",
            Host::Halted { word, .. } => word,
        }
    }

    pub(super) fn host_words(&self) -> &str {
        match &self.host {
            Host::Starting { .. } => "Printer is not ready",
            Host::Ready => "Printer is ready",
            Host::Halted { words, .. } => words,
        }
    }

    pub(super) fn state(&self) -> &'static str {
        match &self.host {
            Host::Ready => self.state,
            Host::Starting { .. } | Host::Halted { .. } => self.host_word(),
        }
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self.host, Host::Starting { .. })
    }

    /// The file of the print that is on the printer.
    pub(super) fn printing(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.job.path.as_str())
    }

    /// Starts a file; none if there is no such file. A paused print is given up for it, as a real one does.
    pub(super) fn start(&mut self, now: Timestamp, job: Option<Job>) -> Result<(), &'static str> {
        self.is_able()?;
        if self.state == "printing" {
            return Err(self.refuses("SD busy"));
        }
        self.end_run(now, "cancelled");
        let Some(job) = job else {
            self.unload();
            return Err(self.refuses("Unable to open file"));
        };
        self.say(format!("File opened: {} Size: {}", job.path, job.size));
        self.say("File selected".to_owned());
        self.notes.push(Note::Began { file: job.path.clone() });
        self.nozzle.aim(job.nozzle, now);
        self.bed.aim(job.bed, now);
        let heat_ms = self.nozzle.climb_ms().max(self.bed.climb_ms());
        self.state = "printing";
        self.file = job.path.clone();
        self.message = String::new();
        self.run = Some(Run { job, heat_ms, began: now, gathered_ms: 0, since: Some(now) });
        Ok(())
    }

    pub(super) fn pause(&mut self, now: Timestamp) -> Result<(), &'static str> {
        self.is_able()?;
        if self.is_paused {
            self.say("// Print already paused".to_owned());
            return Ok(());
        }
        self.is_paused = true;
        match &mut self.run {
            Some(run) => {
                run.halt(now);
                self.state = "paused";
            }
            None => self.say("// action:paused".to_owned()),
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, now: Timestamp) -> Result<(), &'static str> {
        self.is_able()?;
        if !self.is_paused {
            self.say("// Print is not paused, resume aborted".to_owned());
            return Ok(());
        }
        match &mut self.run {
            Some(_) if self.state == "printing" => return Err(self.refuses("SD busy")),
            Some(run) => {
                run.since = Some(now);
                self.state = "printing";
            }
            None => self.say("// action:resumed".to_owned()),
        }
        self.is_paused = false;
        Ok(())
    }

    pub(super) fn cancel(&mut self, now: Timestamp) -> Result<(), &'static str> {
        self.is_able()?;
        self.is_paused = false;
        if self.run.is_none() {
            self.say("// action:cancel".to_owned());
            return Ok(());
        }
        self.state = "cancelled";
        self.end_run(now, "cancelled");
        Ok(())
    }

    /// Klipper stops over a fault, whatever it does.
    pub(super) fn halt(&mut self, now: Timestamp, reason: &str) {
        if !matches!(self.host, Host::Ready) {
            return;
        }
        let words = format!(
            "{reason}\nOnce the underlying issue is corrected, use the\n\"FIRMWARE_RESTART\" command to reset the firmware, \
             reload the\nconfig, and restart the host software.\nPrinter is shutdown\n"
        );
        self.say("// Klipper state: Shutdown".to_owned());
        self.host = Host::Halted { word: "shutdown", words };
        if let Some(run) = &self.run {
            if run.active_ms(now) < HOMING_MS {
                self.state = "error";
                self.message = "Homing failed due to printer shutdown".to_owned();
                self.say(format!("!! {}", self.message));
                self.complain();
            } else {
                self.state = "paused";
            }
        }
        self.notes.push(Note::Halted);
        self.end_run(now, "klippy_shutdown");
    }

    /// What Klipper says to whoever asks something of it in this state.
    pub(super) fn complain(&mut self) {
        if let Host::Halted { words, .. } = &self.host {
            let reason = words.lines().next().unwrap_or_default().to_owned();
            let all: Vec<String> = words.lines().map(|line| format!("// {line}")).collect();
            self.say(all.join("\n"));
            self.say(format!("!! {reason}"));
        }
    }

    pub(super) fn restart(&mut self, now: Timestamp) {
        self.say("// Klipper state: Disconnect".to_owned());
        self.notes.push(Note::Gone);
        self.end_run(now, "klippy_disconnect");
        self.host = Host::Starting { until: now.plus_millis(self.restart_ms as i64) };
        self.unload();
        self.is_paused = false;
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        match &self.host {
            Host::Starting { until } => Some(*until),
            Host::Halted { .. } => None,
            Host::Ready => {
                let run = self.run.as_ref()?;
                let goal = if run.job.is_broken { HOMING_MS } else { self.cable_fails_ms(run).unwrap_or_else(|| run.whole_ms()) };
                Some(run.since?.plus_millis(goal.saturating_sub(run.gathered_ms) as i64))
            }
        }
    }

    /// Takes the one step that is due, if one is. Whether it took one.
    pub(super) fn step(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.next_wake().filter(|due| *due <= now) else {
            return false;
        };
        if let Host::Starting { .. } = self.host {
            self.come_up();
            return true;
        }
        if self.run.as_ref().is_some_and(|run| run.job.is_broken) {
            self.message = "Move out of range: 9999.000 0.000 0.000 [0.000]".to_owned();
            self.say(format!("!! {}", self.message));
            self.state = "error";
            self.end_run(due, "error");
        } else if self.unplug_at_percent.is_some() {
            self.plugged = false;
            self.halt(due, "Lost communication with MCU 'mcu'");
        } else {
            self.say("Done printing file".to_owned());
            self.state = "complete";
            self.end_run(due, "completed");
        }
        true
    }

    fn come_up(&mut self) {
        if self.plugged {
            self.host = Host::Ready;
            self.notes.push(Note::Ready);
        } else {
            let words = "mcu 'mcu': Unable to connect\nOnce the underlying issue is corrected, use the \"FIRMWARE_RESTART\"\n";
            self.host = Host::Halted { word: "error", words: words.to_owned() };
        }
    }

    fn unload(&mut self) {
        self.state = "standby";
        self.file = String::new();
        self.message = String::new();
        self.last = (0, 0, 0);
    }

    /// It says so aloud, too.
    fn refuses(&mut self, why: &'static str) -> &'static str {
        self.say(format!("!! {why}"));
        why
    }

    fn is_able(&mut self) -> Result<(), &'static str> {
        if let Host::Halted { .. } = self.host {
            self.complain();
            return Err("Unknown");
        }
        Ok(())
    }

    fn end_run(&mut self, now: Timestamp, status: &'static str) {
        if let Some(run) = self.run.take() {
            let (printed_ms, total_ms) = (run.printed_ms(now), run.total_ms(now));
            self.last = (run.job.size, printed_ms, total_ms);
            self.notes.push(Note::Ended { status, printed_ms, total_ms });
            self.nozzle.aim(0.0, now);
            self.bed.aim(0.0, now);
        }
    }

    fn say(&mut self, line: String) {
        self.notes.push(Note::Line(line));
    }

    fn cable_fails_ms(&self, run: &Run) -> Option<u64> {
        let percent = u64::from(self.unplug_at_percent?.min(100));
        Some(run.heat_ms + run.job.print_ms * percent / 100)
    }
}
