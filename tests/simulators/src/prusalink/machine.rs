//! The printer: state, job, progress, heat. Knows no HTTP and no storage; time is handed in.

use super::settings::{Form, ProgressTold, Settings};
use crate::heat::Heater;
use domain::time::Timestamp;

/// How a print ended, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Cancelled,
    Failed,
}

/// What can be done to a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Pause,
    Resume,
    Stop,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Print {
    /// Its path on the storage.
    pub path: String,
    pub size: u64,
    pub print_ms: u64,
    pub nozzle: f64,
    pub bed: f64,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Running(Run),
    /// Until that moment, or until somebody leaves the screen.
    Finished(Option<Timestamp>),
    Stopped(Option<Timestamp>),
    Failed(String),
}

#[derive(Debug)]
struct Run {
    print: Print,
    stage: Stage,
    heat_ms: u64,
    /// Printing time gathered before `since`.
    gathered_ms: u64,
    /// Since when the clock of the print runs; it stands in a pause.
    since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Printing,
    Pausing(Timestamp),
    Paused,
    Resuming(Timestamp),
    Stopping(Timestamp),
    Finishing(Timestamp),
    /// The screen asks something.
    Asking,
}

#[derive(Debug)]
pub(super) struct Machine {
    form: Form,
    phase: Phase,
    /// The number of the newest job.
    pub job: u64,
    pub told: ProgressTold,
    pub hide_finish: bool,
    pub fail_at_percent: Option<u8>,
    pub nozzle: Heater,
    pub bed: Heater,
    settle_ms: u64,
    end_shown_ms: u64,
    begun: Vec<String>,
    ends: Vec<End>,
}

/// How far a print is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub percent: f64,
    pub printing_s: u64,
    pub remaining_s: u64,
}

impl Machine {
    pub(super) fn new(settings: &Settings, job: u64, now: Timestamp) -> Self {
        let degrees = settings.degrees_per_second * settings.speed;
        let cold = Heater::cold(f64::from(degrees) / 1000.0, now);
        Self {
            form: settings.form,
            phase: Phase::Idle,
            job,
            told: ProgressTold::Truth,
            hide_finish: false,
            fail_at_percent: None,
            nozzle: cold,
            bed: cold,
            settle_ms: settings.settle_ms,
            end_shown_ms: settings.end_shown_ms,
            begun: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// PrusaLink's word for the state.
    pub(super) fn word(&self) -> &'static str {
        match &self.phase {
            Phase::Idle => "IDLE",
            Phase::Finished(_) => "FINISHED",
            Phase::Stopped(_) => "STOPPED",
            Phase::Failed(_) => "ERROR",
            Phase::Running(run) => match (run.stage, self.form) {
                (Stage::Paused | Stage::Resuming(_), _) | (Stage::Pausing(_), Form::Printer) => "PAUSED",
                (Stage::Printing | Stage::Stopping(_) | Stage::Finishing(_), _) | (Stage::Pausing(_), Form::Pi) => "PRINTING",
                (Stage::Asking, _) => "ATTENTION",
            },
        }
    }

    /// What it says is wrong with it.
    pub(super) fn error(&self) -> Option<&str> {
        if let Phase::Failed(error) = &self.phase { Some(error) } else { None }
    }

    /// The print that is on it.
    pub(super) fn print(&self) -> Option<&Print> {
        if let Phase::Running(run) = &self.phase { Some(&run.print) } else { None }
    }

    /// A Raspberry Pi starts nothing as long as it shows an end.
    pub(super) fn may_start(&self) -> bool {
        match &self.phase {
            Phase::Idle => true,
            Phase::Finished(_) | Phase::Stopped(_) => self.form == Form::Printer,
            Phase::Running(_) | Phase::Failed(_) => false,
        }
    }

    pub(super) fn take_begun(&mut self) -> Vec<String> {
        std::mem::take(&mut self.begun)
    }

    pub(super) fn take_ends(&mut self) -> Vec<End> {
        std::mem::take(&mut self.ends)
    }

    pub(super) fn start(&mut self, print: Print, now: Timestamp) {
        if !self.may_start() {
            return;
        }
        self.nozzle.aim(print.nozzle, now);
        self.bed.aim(print.bed, now);
        self.job += 1;
        self.begun.push(print.path.clone());
        let heat_ms = self.nozzle.climb_ms().max(self.bed.climb_ms());
        self.phase = Phase::Running(Run { print, stage: Stage::Printing, heat_ms, gathered_ms: 0, since: Some(now) });
    }

    /// Whether it took it.
    pub(super) fn act(&mut self, verb: Verb, now: Timestamp) -> bool {
        let until = now.plus_millis(i64::try_from(self.settle_ms).unwrap_or(i64::MAX));
        let form = self.form;
        let Phase::Running(run) = &mut self.phase else { return false };
        let next = match (verb, run.stage) {
            (Verb::Pause, Stage::Printing) => Stage::Pausing(until),
            (Verb::Resume, Stage::Paused) => Stage::Resuming(until),
            (Verb::Stop, Stage::Printing | Stage::Paused | Stage::Pausing(_) | Stage::Resuming(_)) => Stage::Stopping(until),
            (Verb::Stop, Stage::Asking) if form == Form::Printer => Stage::Stopping(until),
            (
                Verb::Pause | Verb::Resume | Verb::Stop,
                Stage::Printing
                | Stage::Pausing(_)
                | Stage::Paused
                | Stage::Resuming(_)
                | Stage::Stopping(_)
                | Stage::Finishing(_)
                | Stage::Asking,
            ) => return false,
        };
        run.halt(now);
        run.stage = next;
        true
    }

    /// The screen asks, or the question is answered.
    pub(super) fn ask(&mut self, asks: bool, now: Timestamp) {
        let Phase::Running(run) = &mut self.phase else { return };
        match (run.stage, asks) {
            (Stage::Printing, true) => {
                run.halt(now);
                run.stage = Stage::Asking;
            }
            (Stage::Asking, false) => {
                run.stage = Stage::Printing;
                run.since = Some(now);
            }
            (
                Stage::Printing
                | Stage::Pausing(_)
                | Stage::Paused
                | Stage::Resuming(_)
                | Stage::Stopping(_)
                | Stage::Finishing(_)
                | Stage::Asking,
                _,
            ) => {}
        }
    }

    pub(super) fn leave_screen(&mut self) {
        if matches!(self.phase, Phase::Finished(_) | Phase::Stopped(_)) {
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn fail(&mut self, error: String, now: Timestamp) {
        if self.print().is_some() {
            self.ends.push(End::Failed);
        }
        self.cool_down(now);
        self.phase = Phase::Failed(error);
    }

    pub(super) fn mend(&mut self) {
        if let Phase::Failed(_) = self.phase {
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Idle | Phase::Failed(_) => None,
            Phase::Finished(until) | Phase::Stopped(until) => *until,
            Phase::Running(run) => match run.stage {
                Stage::Pausing(until) | Stage::Resuming(until) | Stage::Stopping(until) | Stage::Finishing(until) => Some(until),
                Stage::Paused | Stage::Asking => None,
                Stage::Printing => {
                    let left = run.goal_ms(self.fail_at_percent).saturating_sub(run.gathered_ms);
                    Some(run.since?.plus_millis(i64::try_from(left).unwrap_or(i64::MAX)))
                }
            },
        }
    }

    /// Takes the one step that is due, if one is. Whether it took one.
    pub(super) fn step(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.next_wake().filter(|due| *due <= now) else { return false };
        match &mut self.phase {
            Phase::Idle | Phase::Failed(_) => {}
            Phase::Finished(_) | Phase::Stopped(_) => self.phase = Phase::Idle,
            Phase::Running(run) => match run.stage {
                Stage::Printing => {
                    run.halt(due);
                    if self.fail_at_percent.is_some() {
                        self.fail("Thermal runaway".to_owned(), due);
                    } else {
                        run.stage = Stage::Finishing(due.plus_millis(i64::try_from(self.settle_ms).unwrap_or(i64::MAX)));
                    }
                }
                Stage::Pausing(_) => run.stage = Stage::Paused,
                Stage::Resuming(_) => {
                    run.stage = Stage::Printing;
                    run.since = Some(due);
                }
                Stage::Stopping(_) => self.end(End::Cancelled, due),
                Stage::Finishing(_) => self.end(End::Done, due),
                Stage::Paused | Stage::Asking => {}
            },
        }
        true
    }

    fn end(&mut self, end: End, now: Timestamp) {
        self.ends.push(end);
        self.cool_down(now);
        let shown = now.plus_millis(i64::try_from(self.end_shown_ms).unwrap_or(i64::MAX));
        let until = (self.form == Form::Pi).then_some(shown);
        self.phase = match end {
            End::Done if self.hide_finish => Phase::Idle,
            End::Done => Phase::Finished(until),
            End::Cancelled | End::Failed => Phase::Stopped(until),
        };
    }

    pub(super) fn progress(&self, now: Timestamp) -> Option<Progress> {
        let Phase::Running(run) = &self.phase else { return None };
        let active = run.active_ms(now);
        let print_ms = run.print.print_ms.max(1);
        let printed = active.saturating_sub(run.heat_ms).min(print_ms);
        let percent = (printed * 100 / print_ms) as f64;
        let told = match self.told {
            ProgressTold::Truth => percent,
            ProgressTold::StuckAtZero => 0.0,
            ProgressTold::AlwaysHundred => 100.0,
            ProgressTold::Jumping if active / 1000 % 2 == 1 => 100.0 - percent,
            ProgressTold::Jumping => percent,
        };
        let remaining_s = (run.heat_ms + print_ms).saturating_sub(active).div_ceil(1000);
        Some(Progress { percent: told, printing_s: active / 1000, remaining_s })
    }

    fn cool_down(&mut self, now: Timestamp) {
        self.nozzle.aim(0.0, now);
        self.bed.aim(0.0, now);
    }
}

impl Run {
    fn active_ms(&self, now: Timestamp) -> u64 {
        let running = self.since.map_or(0, |since| now.millis_since(since).max(0));
        self.gathered_ms + running.unsigned_abs()
    }

    fn halt(&mut self, now: Timestamp) {
        self.gathered_ms = self.active_ms(now);
        self.since = None;
    }

    /// When the clock of the print has come to its end, or to its fault.
    fn goal_ms(&self, fail_at_percent: Option<u8>) -> u64 {
        let print_ms = self.print.print_ms;
        self.heat_ms + fail_at_percent.map_or(print_ms, |percent| print_ms * u64::from(percent.min(100)) / 100)
    }
}
