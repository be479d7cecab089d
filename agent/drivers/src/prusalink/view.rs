//! What PrusaLink shows, put together from what its messages say, as an observation for the farm.

use domain::attempt::{PauseReason, Token};
use domain::printer::{Activity, Control, PrinterFault};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;

use super::wire::{Job, Phase, Place, Status};
use crate::contract::{Observation, SeenPrint};

/// What is known of the printer.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The last picture of state and job.
    pub shown: Option<Shown>,
    /// What the server calls itself.
    pub firmware: Option<String>,
    /// Where files can be put.
    pub place: Option<Place>,
}

/// A picture.
#[derive(Debug)]
pub(super) struct Shown {
    pub status: Status,
    /// Told if and only if the state tells of a job.
    pub job: Option<Job>,
    /// The state is of no moment before this.
    pub asked_at: Timestamp,
}

impl Shown {
    /// The job of the print that is on the printer.
    pub(super) fn print(&self) -> Option<&Job> {
        self.job.as_ref().filter(|_| self.status.phase.may_hold_a_print())
    }
}

impl View {
    /// The token of the print that is on the printer.
    pub(super) fn active_token(&self) -> Option<Token> {
        self.shown.as_ref()?.print()?.token()
    }

    /// A print is on the printer.
    pub(super) fn has_print(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.print().is_some())
    }

    /// The name of the storage where files can be put.
    pub(super) fn storage(&self) -> Option<&str> {
        self.place.as_ref()?.storage.as_deref()
    }

    /// A print can be started from that state. A Raspberry Pi refuses it as long as it shows an end.
    pub(super) fn is_startable(&self, status: &Status) -> bool {
        let in_the_printer = self.place.as_ref().is_some_and(Place::is_in_the_printer);
        status.job.is_none()
            && match status.phase {
                Phase::Idle | Phase::Ready => true,
                Phase::Finished | Phase::Stopped => in_the_printer,
                Phase::Busy | Phase::Printing | Phase::Paused | Phase::Failed | Phase::Attention | Phase::Other => false,
            }
    }

    /// PrusaLink's word for the state.
    pub(super) fn words(&self) -> String {
        self.shown.as_ref().map_or_else(|| "nothing is known yet".to_owned(), |shown| shown.status.word.clone())
    }

    /// For the farm; none while nothing is shown. `finished` is the print that was seen to finish last.
    pub(super) fn observation(&self, now: Timestamp, finished: Option<&Token>) -> Option<Observation> {
        let shown = self.shown.as_ref()?;
        let phase = shown.status.phase;
        let print = shown.print();
        let paused = match phase {
            Phase::Paused => Some(PauseReason::User),
            Phase::Attention => Some(PauseReason::Prompt),
            Phase::Idle
            | Phase::Ready
            | Phase::Busy
            | Phase::Printing
            | Phase::Finished
            | Phase::Stopped
            | Phase::Failed
            | Phase::Other => None,
        };
        Some(Observation {
            activity: self.activity(shown),
            control: Control::Ok,
            print: print.map(|job| SeenPrint { token: job.token(), file: job.file.clone(), paused }),
            shown_token: finished.filter(|_| phase == Phase::Finished).cloned(),
            fault: self.fault(shown).map(|text| PrinterFault { code: None, text }),
            telemetry: telemetry(now, shown),
            firmware: self.firmware.clone(),
            free_bytes: self.place.as_ref().and_then(|place| place.free_bytes),
            control_advice: None,
            slots: Vec::new(),
        })
    }

    fn activity(&self, shown: &Shown) -> Activity {
        let begun = shown.status.job.is_some_and(|job| job.share.is_some_and(|share| share > 0.0));
        match shown.status.phase {
            Phase::Idle | Phase::Ready => Activity::Idle,
            Phase::Printing if begun => Activity::Printing,
            Phase::Printing => Activity::Preparing,
            Phase::Busy if shown.job.is_some() && begun => Activity::Printing,
            Phase::Busy if shown.job.is_some() => Activity::Preparing,
            Phase::Paused => Activity::Paused,
            Phase::Finished | Phase::Stopped if self.is_startable(&shown.status) => Activity::Finished,
            Phase::Busy | Phase::Other | Phase::Finished | Phase::Stopped => Activity::Busy,
            Phase::Failed => Activity::Error,
            Phase::Attention => Activity::Attention,
        }
    }

    /// What hinders the next print, in words.
    fn fault(&self, shown: &Shown) -> Option<String> {
        let of_printer = match shown.status.phase {
            Phase::Failed => {
                Some(shown.status.wrong.clone().unwrap_or_else(|| "the printer reports an error: look at its screen".to_owned()))
            }
            Phase::Idle
            | Phase::Ready
            | Phase::Busy
            | Phase::Printing
            | Phase::Paused
            | Phase::Finished
            | Phase::Stopped
            | Phase::Attention
            | Phase::Other => None,
        };
        let of_storage = || self.place.as_ref().and_then(|place| place.problem).filter(|_| shown.job.is_none());
        of_printer.or_else(|| of_storage().map(str::to_owned))
    }
}

fn telemetry(now: Timestamp, shown: &Shown) -> Telemetry {
    let job = shown.status.job;
    Telemetry {
        nozzles: shown.status.nozzle.into_iter().collect(),
        bed: shown.status.bed,
        chamber: None,
        progress: job.and_then(|job| job.share),
        remaining_seconds: job.and_then(|job| job.remaining),
        elapsed_seconds: job.and_then(|job| job.elapsed),
        layer: None,
        layers: None,
        file: shown.job.as_ref().and_then(|job| job.file.clone()),
        seen_at: Some(now),
    }
}
