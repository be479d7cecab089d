//! What OctoPrint shows, put together from what its messages say, as an observation for the farm.

use domain::attempt::{PauseReason, Token};
use domain::printer::{Activity, Control, PrinterFault};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;

use super::wire::{Phase, Picture, Progress, SelectedFile, Temperatures, token_of};
use crate::contract::{Observation, SeenPrint};

/// What is known of the printer.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The last picture of state and job.
    shown: Option<Shown>,
    temperatures: Temperatures,
    /// What the server calls itself.
    pub firmware: Option<String>,
    /// Room on its disk.
    pub free_bytes: Option<u64>,
    /// The key may not print or change files.
    pub control_denied: bool,
    /// A print whose end was told, while OctoPrint still shows it running: it is winding down.
    winding_down: Option<WindingDown>,
}

/// A pushed picture may be a second old, and older under load: for so long after a print was gone, it is
/// not believed to run again.
const LATE_MS: i64 = 5_000;

#[derive(Debug)]
struct WindingDown {
    token: Token,
    /// When it was first seen to be gone.
    gone_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Shown {
    phase: Phase,
    words: String,
    error: Option<String>,
    file: SelectedFile,
    progress: Progress,
    at: Timestamp,
}

impl View {
    /// Takes a picture. One of a print without a file is the moment between two states and is not
    /// taken: it would show as somebody else's print.
    pub(super) fn take(&mut self, now: Timestamp, picture: Picture) {
        let known = self.shown.take();
        let file = picture.file.or_else(|| known.as_ref().map(|known| known.file.clone())).unwrap_or_default();
        if picture.phase.is_active() && file.path.is_none() && file.name.is_none() {
            self.shown = known;
            return;
        }
        self.winding_down.take_if(|winding| winding.gone_at.is_some_and(|gone_at| now.millis_since(gone_at) >= LATE_MS));
        let token = file.path.as_deref().and_then(token_of);
        if let Some(winding) = &mut self.winding_down {
            if !picture.phase.is_active() {
                winding.gone_at.get_or_insert(now);
            } else if winding.gone_at.is_some() && token.as_ref() == Some(&winding.token) {
                self.shown = known;
                return;
            }
        }
        let Picture { phase, words, error, progress, .. } = picture;
        self.shown = Some(Shown { phase, words, error, file, progress, at: now });
    }

    /// The end of that print was told.
    pub(super) fn wind_down(&mut self, token: Token) {
        self.winding_down = Some(WindingDown { token, gone_at: None });
    }

    /// A print was told to begin: what is shown of it is no late picture.
    pub(super) fn begins(&mut self) {
        self.winding_down = None;
    }

    /// Whether that print's end was told.
    pub(super) fn is_winding_down(&self, token: &Token) -> bool {
        self.winding_down.as_ref().is_some_and(|winding| winding.token == *token)
    }

    pub(super) fn take_temperatures(&mut self, temperatures: Temperatures) {
        self.temperatures = temperatures;
    }

    /// What is shown is no longer fresh: the link was lost, or something was just done.
    pub(super) fn outdate(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.at = Timestamp::from_millis(i64::MIN);
        }
    }

    /// The phase, if the picture of it is no older than that.
    pub(super) fn phase_within(&self, now: Timestamp, millis: i64) -> Option<Phase> {
        let shown = self.shown.as_ref()?;
        (now.millis_since(shown.at) <= millis).then_some(shown.phase)
    }

    /// The phase, however old.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.shown.as_ref().map(|shown| shown.phase)
    }

    /// The token of the print that is on the printer.
    pub(super) fn active_token(&self) -> Option<Token> {
        let shown = self.shown.as_ref()?;
        if shown.phase.is_active() { shown.file.path.as_deref().and_then(token_of) } else { None }
    }

    /// The token of the selected file, whatever becomes of it.
    pub(super) fn selected_token(&self) -> Option<Token> {
        token_of(self.shown.as_ref()?.file.path.as_deref()?)
    }

    /// OctoPrint's words for the state, with the error that it tells.
    pub(super) fn words(&self) -> String {
        match &self.shown {
            Some(Shown { words, error: Some(error), .. }) => format!("{words}: {error}"),
            Some(Shown { words, error: None, .. }) => words.clone(),
            None => "nothing is known yet".to_owned(),
        }
    }

    /// For the farm; none while no printer is connected.
    pub(super) fn observation(&self, now: Timestamp) -> Option<Observation> {
        let shown = self.shown.as_ref()?;
        if shown.phase.is_disconnected() {
            return None;
        }
        let token = self.selected_token();
        let winding_down = shown.phase.is_active() && token.as_ref().is_some_and(|token| self.is_winding_down(token));
        let active = shown.phase.is_active() && !winding_down;
        let file = shown.file.name.clone();
        let paused = (shown.phase == Phase::Paused).then_some(PauseReason::User);
        Some(Observation {
            activity: if winding_down { Activity::Busy } else { activity(shown.phase) },
            control: if self.control_denied { Control::Denied } else { Control::Ok },
            print: active.then(|| SeenPrint { token: token.clone(), file: file.clone(), paused }),
            shown_token: if active { None } else { token },
            fault: shown.error.clone().map(|text| PrinterFault { code: None, text }),
            telemetry: self.telemetry(now, shown, file),
            firmware: self.firmware.clone(),
            free_bytes: self.free_bytes,
            control_advice: None,
            slots: Vec::new(),
        })
    }

    fn telemetry(&self, now: Timestamp, shown: &Shown, file: Option<String>) -> Telemetry {
        Telemetry {
            nozzles: self.temperatures.nozzles.clone(),
            bed: self.temperatures.bed,
            chamber: self.temperatures.chamber,
            progress: shown.progress.share,
            remaining_seconds: shown.progress.remaining,
            elapsed_seconds: shown.progress.elapsed,
            layer: None,
            layers: None,
            file,
            seen_at: Some(now),
        }
    }
}

const fn activity(phase: Phase) -> Activity {
    match phase {
        Phase::Ready => Activity::Idle,
        Phase::Starting => Activity::Preparing,
        Phase::Printing | Phase::Cancelling => Activity::Printing,
        Phase::Paused => Activity::Paused,
        Phase::Other => Activity::Busy,
        Phase::Offline | Phase::Connecting | Phase::Failed => Activity::Error,
    }
}
