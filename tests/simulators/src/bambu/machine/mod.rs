//! The printer itself: state, job, progress, heat, spools and what its screen complains of. Knows no MQTT, no FTP and no card; time is
//! handed in.

mod picture;
mod progress;

pub(super) use picture::delta;

use super::codes;
use super::settings::{ProgressTold, Settings, Tray};
use crate::heat::Heater;
use domain::time::Timestamp;

/// How long the code of a cancel or a refusal is shown.
const SHOWN_MS: i64 = 2000;

/// The printers' own words for what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Prepare,
    Running,
    Pause,
    Finish,
    Failed,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ids {
    pub project: String,
    pub profile: String,
    pub task: String,
    pub subtask: String,
}

impl Default for Ids {
    fn default() -> Self {
        let zero = || "0".to_owned();
        Self { project: zero(), profile: zero(), task: zero(), subtask: zero() }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub path: String,
    pub gcode_file: String,
    pub ids: Ids,
    pub print_ms: u64,
    pub nozzle: f64,
    pub bed: f64,
    pub layers: u32,
    pub tray: u8,
    /// The code with which it ends before it prints.
    pub refusal: Option<u32>,
}

/// The end of a print, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Cancelled,
    Failed,
}

/// What was decided and takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It has looked at the file.
    Looked,
    /// It is hot.
    Hot,
    Paused,
    Resumed,
    Stopped,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub state: State,
    pub subtask: String,
    pub ams: Vec<[Tray; 4]>,
    pub external: Tray,
    pub nozzle: Heater,
    pub bed: Heater,
    pub speed_level: u8,
    pub light: bool,
    pub skipped: Vec<i64>,
    pub print_error: u32,
    pub health: Vec<(u32, u32)>,
    pub told: ProgressTold,
    pub fail_at_percent: Option<u8>,
    job: Option<Job>,
    stage: i64,
    printed_ms: u64,
    /// Since when filament flows.
    flowing: Option<Timestamp>,
    turn: Option<(Timestamp, Turn)>,
    /// When a code appears, and when it goes.
    appears: Option<(Timestamp, u32)>,
    goes: Option<Timestamp>,
    prepare_ms: u64,
    settle_ms: i64,
    cancel_code_after_ms: i64,
    begun: Vec<String>,
    ends: Vec<End>,
}

impl Machine {
    /// Cold and idle, as after a boot.
    pub(super) fn booted(settings: &Settings, now: Timestamp) -> Self {
        let climb = f64::from(settings.degrees_per_second) * f64::from(settings.speed.max(1)) / 1000.0;
        Self {
            state: State::Idle,
            subtask: String::new(),
            ams: settings.ams.clone(),
            external: settings.external.clone(),
            nozzle: Heater::cold(climb, now),
            bed: Heater::cold(climb, now),
            speed_level: 2,
            light: true,
            skipped: Vec::new(),
            print_error: 0,
            health: Vec::new(),
            told: ProgressTold::default(),
            fail_at_percent: None,
            job: None,
            stage: 255,
            printed_ms: 0,
            flowing: None,
            turn: None,
            appears: None,
            goes: None,
            prepare_ms: settings.prepare_ms,
            settle_ms: settings.settle_ms as i64,
            cancel_code_after_ms: settings.cancel_code_after_ms as i64,
            begun: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self.state, State::Prepare | State::Running | State::Pause)
    }

    /// The file of the print that is on it right now.
    pub(super) fn printing(&self) -> Option<&str> {
        self.job.as_ref().filter(|_| self.is_busy()).map(|job| job.path.as_str())
    }

    pub(super) fn start(&mut self, now: Timestamp, job: Job) {
        if self.is_busy() {
            return;
        }
        self.print_error = 0;
        (self.appears, self.goes) = (None, None);
        (self.printed_ms, self.flowing, self.skipped) = (0, None, Vec::new());
        self.job = Some(job);
        self.state = State::Prepare;
        self.stage = 255;
        self.turn_in(now, self.prepare_ms as i64, Turn::Looked);
    }

    pub(super) fn pause(&mut self, now: Timestamp) {
        if self.state == State::Running && self.turn.is_none_or(|(_, turn)| turn == Turn::Hot) {
            self.turn_in(now, self.settle_ms, Turn::Paused);
        }
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        if self.state == State::Pause && self.turn.is_none() {
            self.turn_in(now, self.settle_ms, Turn::Resumed);
        }
    }

    pub(super) fn cancel(&mut self, now: Timestamp) {
        if self.is_busy() && self.turn.is_none_or(|(_, turn)| turn != Turn::Stopped) {
            self.turn_in(now, self.settle_ms, Turn::Stopped);
        }
    }

    /// The spool that feeds is used up.
    pub(super) fn run_out(&mut self, now: Timestamp) {
        if self.state == State::Running {
            let outside = self.job.as_ref().is_none_or(|job| job.tray == 254);
            self.print_error = if outside { codes::EXTERNAL_RUNOUT } else { codes::RUNOUT };
            self.halt(now);
            (self.state, self.stage, self.turn) = (State::Pause, 6, None);
        }
    }

    pub(super) fn fail(&mut self, now: Timestamp, code: u32) {
        if self.is_busy() {
            self.print_error = code;
            self.goes = None;
            self.end(now, State::Failed, End::Failed);
        }
    }

    pub(super) fn clear_error(&mut self) {
        self.print_error = 0;
        (self.appears, self.goes) = (None, None);
    }

    /// Shows a code for a while.
    pub(super) fn show(&mut self, code: u32, now: Timestamp) {
        self.print_error = code;
        self.goes = Some(now.plus_millis(SHOWN_MS));
    }

    /// What was on it when the power went, for the boot after it.
    pub(super) fn interrupted(&self, now: Timestamp) -> Option<(Job, String, u64)> {
        let job = self.job.clone().filter(|_| matches!(self.state, State::Running | State::Pause))?;
        Some((job, self.subtask.clone(), self.flowed_ms(now)))
    }

    /// Asks whether to go on with it.
    pub(super) fn offer(&mut self, (job, subtask, printed_ms): (Job, String, u64)) {
        (self.job, self.subtask, self.printed_ms) = (Some(job), subtask, printed_ms);
        (self.state, self.stage, self.print_error) = (State::Pause, 16, codes::POWER_LOST);
    }

    pub(super) fn take_begun(&mut self) -> Vec<String> {
        std::mem::take(&mut self.begun)
    }

    pub(super) fn take_ends(&mut self) -> Vec<End> {
        std::mem::take(&mut self.ends)
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let turn = self.turn.map(|(due, _)| due);
        let appears = self.appears.map(|(due, _)| due);
        [turn, appears, self.goes, self.done_at(), self.fails_at()].into_iter().flatten().min()
    }

    /// Does the one thing that is due next, if one is.
    pub(super) fn step(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.next_wake().filter(|due| *due <= now) else { return false };
        if let Some((_, code)) = self.appears.take_if(|(at, _)| *at <= due) {
            self.show(code, due);
        } else if self.goes.is_some_and(|at| at <= due) {
            self.goes = None;
            self.print_error = 0;
        } else if let Some((_, turn)) = self.turn.take_if(|(at, _)| *at <= due) {
            self.turn(due, turn);
        } else if self.fails_at().is_some_and(|at| at <= due) {
            self.fail(due, codes::CARD_BROKEN);
        } else {
            self.end(due, State::Finish, End::Done);
        }
        true
    }

    fn turn(&mut self, now: Timestamp, turn: Turn) {
        match turn {
            Turn::Looked => self.looked(now),
            Turn::Hot => self.flow(now),
            Turn::Paused => {
                self.halt(now);
                (self.state, self.stage) = (State::Pause, 16);
            }
            Turn::Resumed => {
                self.clear_error();
                self.state = State::Running;
                self.heat(now);
            }
            Turn::Stopped => {
                if self.cancel_code_after_ms == 0 {
                    self.show(codes::CANCELLED, now);
                } else {
                    self.appears = Some((now.plus_millis(self.cancel_code_after_ms), codes::CANCELLED));
                }
                self.end(now, State::Failed, End::Cancelled);
            }
        }
    }

    fn looked(&mut self, now: Timestamp) {
        let Some(job) = &self.job else { return };
        match job.refusal {
            Some(code) => self.fail(now, code),
            None => {
                self.begun.push(job.path.clone());
                self.state = State::Running;
                self.heat(now);
            }
        }
    }

    fn heat(&mut self, now: Timestamp) {
        let Some(job) = &self.job else { return };
        self.nozzle.aim(job.nozzle, now);
        self.bed.aim(job.bed, now);
        self.stage = if self.bed.climb_ms() > 0 { 2 } else { 7 };
        let climb = self.nozzle.climb_ms().max(self.bed.climb_ms());
        self.turn_in(now, climb as i64, Turn::Hot);
    }

    fn flow(&mut self, now: Timestamp) {
        (self.flowing, self.stage) = (Some(now), 0);
    }

    fn halt(&mut self, now: Timestamp) {
        self.printed_ms = self.flowed_ms(now);
        self.flowing = None;
    }

    fn end(&mut self, now: Timestamp, state: State, end: End) {
        self.halt(now);
        self.nozzle.aim(0.0, now);
        self.bed.aim(0.0, now);
        (self.state, self.stage, self.turn) = (state, 255, None);
        self.ends.push(end);
    }

    fn turn_in(&mut self, now: Timestamp, ms: i64, turn: Turn) {
        self.turn = Some((now.plus_millis(ms), turn));
    }
}
