//! What Moonraker shows, put together from what its messages say, as an observation for the farm.

use domain::attempt::{PauseReason, Token};
use domain::printer::{Activity, Control, PrinterFault};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use serde_json::Value;

use super::wire::{Host, Phase, Picture, Status, Whole};
use crate::contract::{Beside, Observation, SeenPrint};

/// What is known of the printer.
#[derive(Debug, Default)]
pub(super) struct View {
    host: Option<(Host, String)>,
    status: Status,
    picture: Option<Picture>,
    /// Klipper's clock at the newest whole picture, and at the newest of all: two ways lead here, and
    /// what is late on one must not undo what came on the other.
    whole_at: Option<f64>,
    newest_at: Option<f64>,
    /// Why the print stands still, as it was when it came to stand.
    paused: Option<PauseReason>,
    /// Klipper shows a question to the person at the machine.
    pub prompt: bool,
    /// The words of that question, as far as they were told.
    pub question: String,
    /// Those of Klipper's objects that are looked at.
    pub objects: Vec<String>,
    /// What the server calls itself.
    pub server: Option<String>,
    /// What Klipper calls itself.
    pub klipper: Option<String>,
    /// Room on its disk.
    pub free_bytes: Option<u64>,
}

impl View {
    /// Takes a whole picture, unless a newer one is known.
    pub(super) fn take(&mut self, whole: &Whole<'_>) {
        if self.newest_at.is_some_and(|newest| whole.at < newest) {
            return;
        }
        self.whole_at = Some(whole.at);
        self.newest_at = Some(whole.at);
        self.status = Status::default();
        self.change(whole.status);
    }

    /// Takes a change. Without a picture to which it belongs it says nothing.
    pub(super) fn take_change(&mut self, at: f64, change: &Value) {
        if self.whole_at.is_some_and(|whole| at > whole) {
            self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
            self.change(change);
        }
    }

    fn change(&mut self, change: &Value) {
        self.status.merge(change);
        self.host = self.status.host().or(self.host.take());
        self.picture = self.status.picture();
        self.paused = match &self.picture {
            Some(picture) if picture.phase == Phase::Paused => {
                let shown = if picture.out_of_filament { PauseReason::Runout } else { PauseReason::User };
                Some(self.paused.unwrap_or(shown))
            }
            Some(_) | None => {
                self.prompt &= self.paused.is_none();
                None
            }
        };
    }

    /// Moonraker says where Klipper stands; only there can it be said of one that is not ready.
    pub(super) fn take_host(&mut self, host: Host, words: String) {
        if matches!(host, Host::Away | Host::Starting) {
            self.forget();
        }
        self.host = Some((host, words));
    }

    /// What was shown counts no longer: contact was lost.
    pub(super) fn forget(&mut self) {
        self.host = None;
        self.status = Status::default();
        self.picture = None;
        self.whole_at = None;
        self.newest_at = None;
        self.paused = None;
        self.prompt = false;
    }

    pub(super) fn host(&self) -> Option<Host> {
        self.host.as_ref().map(|(host, _)| *host)
    }

    /// Klipper can be asked for a picture.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.host(), Some(Host::Ready | Host::Halted))
    }

    /// The picture of a Klipper that is ready.
    pub(super) fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref().filter(|_| self.host() == Some(Host::Ready))
    }

    /// The picture that Klipper still shows after it stopped over a fault, and its words for that.
    pub(super) fn halted(&self) -> Option<(Option<&Picture>, &str)> {
        let (host, words) = self.host.as_ref()?;
        (*host == Host::Halted).then_some((self.picture.as_ref(), words.as_str()))
    }

    /// The token of the print that is on the printer.
    pub(super) fn active_token(&self) -> Option<Token> {
        self.picture()?.active_token()
    }

    /// Klipper's words for what it does.
    pub(super) fn words(&self) -> String {
        match (&self.host, &self.picture) {
            (Some((Host::Ready, _)), Some(Picture { words, moves: true, .. })) => format!("{words}, and it moves"),
            (Some((Host::Ready, _)), Some(Picture { words, .. })) => words.clone(),
            (Some((Host::Away, _)), _) => "Klipper does not run".to_owned(),
            (Some((Host::Ready | Host::Starting | Host::Halted, words)), _) => words.clone(),
            (None, _) => "nothing is known yet".to_owned(),
        }
    }

    /// For the farm; none while Klipper is not there.
    pub(super) fn observation(&self, now: Timestamp) -> Option<Observation> {
        let (host, words) = self.host.as_ref()?;
        let fault = match host {
            Host::Ready => None,
            Host::Halted => Some(PrinterFault { code: None, text: words.clone() }),
            Host::Away | Host::Starting => return None,
        };
        let picture = self.picture();
        if fault.is_none() && picture.is_none() {
            return None;
        }
        let active = picture.filter(|picture| picture.phase.is_active());
        // Only of a print that came to its end: the name of one that did not proves nothing.
        let finished = picture.filter(|picture| picture.phase == Phase::Complete);
        Some(Observation {
            activity: picture.map_or(Activity::Error, |picture| self.activity(picture)),
            control: Control::Ok,
            print: active.map(|picture| SeenPrint {
                token: picture.token(),
                file: picture.file.clone(),
                paused: self.paused.map(|reason| if self.prompt { PauseReason::Prompt } else { reason }),
            }),
            shown_token: finished.and_then(Picture::token),
            fault,
            telemetry: self.telemetry(now),
            firmware: self.firmware(),
            free_bytes: self.free_bytes,
            control_advice: None,
            slots: Vec::new(),
        })
    }

    /// A question that is asked while nothing is printed is for a person: whether to go on after a loss of power, for one.
    fn activity(&self, picture: &Picture) -> Activity {
        let shown = activity(picture);
        if self.prompt && matches!(shown, Activity::Idle | Activity::Finished) { Activity::Attention } else { shown }
    }

    /// What Klipper shows beside its picture.
    pub(super) fn beside(&self) -> Beside {
        let active = self.picture().is_some_and(|picture| picture.phase.is_active());
        let words = if self.question.is_empty() { "Klipper asks something at the machine" } else { &self.question };
        Beside { objects: if active { self.status.objects() } else { Vec::new() }, prompt: self.prompt.then(|| words.to_owned()) }
    }

    fn firmware(&self) -> Option<String> {
        match (&self.klipper, &self.server) {
            (Some(klipper), Some(server)) => Some(format!("{klipper}, Moonraker {server}")),
            (None, Some(server)) => Some(format!("Moonraker {server}")),
            (Some(klipper), None) => Some(klipper.clone()),
            (None, None) => None,
        }
    }

    fn telemetry(&self, now: Timestamp) -> Telemetry {
        let progress = self.status.progress();
        Telemetry {
            nozzles: self.status.nozzles(),
            bed: self.status.bed(),
            chamber: self.status.chamber(),
            progress: progress.share,
            remaining_seconds: None,
            elapsed_seconds: progress.elapsed,
            layer: progress.layer,
            layers: progress.layers,
            file: self.picture.as_ref().and_then(|picture| picture.file.clone()),
            seen_at: Some(now),
        }
    }
}

const fn activity(picture: &Picture) -> Activity {
    match picture.phase {
        Phase::Standby if picture.moves => Activity::Busy,
        Phase::Standby => Activity::Idle,
        Phase::Printing if picture.extruded => Activity::Printing,
        Phase::Printing => Activity::Preparing,
        Phase::Paused => Activity::Paused,
        Phase::Complete | Phase::Cancelled | Phase::Failed if picture.moves => Activity::Busy,
        Phase::Complete | Phase::Cancelled | Phase::Failed => Activity::Finished,
        Phase::Other => Activity::Busy,
    }
}
