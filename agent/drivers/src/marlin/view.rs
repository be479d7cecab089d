//! What the board shows, put together from what it says and what we do with it, as an observation for the farm.

use std::collections::BTreeMap;

use domain::attempt::PauseReason;
use domain::printer::{Activity, Control, PrinterFault};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;

use super::acts::{Phase, Run};
use super::wire::{Busy, Position, Readings};
use crate::contract::{Observation, SeenPrint};

/// What a board can do is told in so many words at most.
const MAX_CAPS: usize = 64;

/// A sign that a command takes its time holds so long.
const BUSY_MS: i64 = 6_000;

/// What is known of the board.
#[derive(Debug, Default)]
pub(super) struct View {
    pub firmware: Option<String>,
    caps: BTreeMap<String, bool>,
    pub readings: Readings,
    /// It has stopped over this and must be reset.
    pub fault: Option<String>,
    /// The last fault that it told of, which may be the cause of a stop.
    pub cause: Option<String>,
    pub card: Option<Card>,
    card_file: Option<String>,
    busy: Option<(Busy, Timestamp)>,
    pub prompt: Option<Prompt>,
    pub place: Option<Position>,
}

/// A print from the machine's own card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    pub at: u64,
    pub of: u64,
    pub paused: bool,
}

/// A question at the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub text: String,
    pub choices: u32,
    pub shown: bool,
}

impl View {
    pub(super) fn can(&self, cap: &str) -> bool {
        self.caps.get(cap).copied().unwrap_or(false)
    }

    /// It says whether it can.
    pub(super) fn knows(&self, cap: &str) -> bool {
        self.caps.contains_key(cap)
    }

    pub(super) fn take_cap(&mut self, cap: String, can: bool) {
        if self.caps.len() < MAX_CAPS {
            self.caps.insert(cap, can);
        }
    }

    pub(super) fn take_card(&mut self, at: u64, of: u64) {
        let paused = self.card.is_some_and(|card| card.paused && card.at == at);
        self.card = Some(Card { at, of, paused });
    }

    pub(super) fn take_card_file(&mut self, name: String) {
        self.card_file = Some(name).filter(|name| !name.is_empty() && name != "(no file)");
    }

    pub(super) fn take_busy(&mut self, now: Timestamp, busy: Busy) {
        self.busy = Some((busy, now));
    }

    pub(super) fn is_busy(&self, now: Timestamp) -> Option<Busy> {
        self.busy.filter(|(_, at)| now.millis_since(*at) < BUSY_MS).map(|(busy, _)| busy)
    }

    /// A command was done: what took its time is over.
    pub(super) fn flows(&mut self) {
        self.busy = None;
    }

    pub(super) fn is_hot(&self) -> bool {
        self.readings.nozzles.first().is_some_and(|nozzle| super::requests::is_soft(nozzle.actual_celsius))
    }

    pub(super) fn tools(&self) -> usize {
        self.readings.nozzles.len()
    }

    /// It waits for a person: in a command, or with a question.
    pub(super) fn waits_for_person(&self, now: Timestamp) -> bool {
        self.is_busy(now) == Some(Busy::ForPerson)
    }

    /// Nothing of what was shown holds any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// For the farm.
    pub(super) fn observation(&self, now: Timestamp, run: Option<&Run>) -> Observation {
        let waits = self.waits_for_person(now);
        let (activity, print) = match (run, self.card) {
            (Some(run), _) => (self.activity(run, waits), Some(self.seen(run, waits))),
            (None, Some(card)) => {
                let paused = (card.paused || waits).then_some(if waits { PauseReason::Prompt } else { PauseReason::User });
                let activity = if paused.is_some() { Activity::Paused } else { Activity::Printing };
                (activity, Some(SeenPrint { token: None, file: self.card_file.clone(), paused }))
            }
            (None, None) if waits => (Activity::Attention, None),
            (None, None) if self.is_busy(now).is_some() => (Activity::Busy, None),
            (None, None) => (Activity::Idle, None),
        };
        let fault = self.fault.clone().map(|text| PrinterFault { code: None, text });
        Observation {
            activity: if fault.is_some() { Activity::Error } else { activity },
            control: Control::Ok,
            print,
            shown_token: None,
            fault,
            telemetry: self.telemetry(now, run),
            firmware: self.firmware.clone(),
            free_bytes: None,
            control_advice: None,
            slots: Vec::new(),
        }
    }

    fn activity(&self, run: &Run, waits: bool) -> Activity {
        match &run.phase {
            Phase::Feeding if waits => Activity::Paused,
            Phase::Paused(_) => Activity::Paused,
            Phase::Feeding if !run.modes.extruded => Activity::Preparing,
            Phase::Feeding | Phase::Pausing(_) | Phase::Resuming(_) | Phase::Ending => Activity::Printing,
            Phase::Stopping { .. } => Activity::Busy,
        }
    }

    fn seen(&self, run: &Run, waits: bool) -> SeenPrint {
        let paused = match &run.phase {
            Phase::Paused(_) | Phase::Feeding if waits => Some(PauseReason::Prompt),
            Phase::Paused(hold) => Some(hold.reason),
            Phase::Feeding | Phase::Pausing(_) | Phase::Resuming(_) | Phase::Ending | Phase::Stopping { .. } => None,
        };
        SeenPrint { token: Some(run.token.clone()), file: Some(run.token.as_str().to_owned()), paused }
    }

    fn telemetry(&self, now: Timestamp, run: Option<&Run>) -> Telemetry {
        let of_card = self.card.filter(|card| card.of > 0).map(|card| share(card.at, card.of));
        let minutes = run.and_then(|run| run.modes.minutes_left);
        Telemetry {
            nozzles: self.readings.nozzles.clone(),
            bed: self.readings.bed,
            chamber: self.readings.chamber,
            progress: run.map(Run::progress).or(of_card),
            remaining_seconds: minutes.map(|minutes| (minutes.clamp(0.0, 1_000_000.0) * 60.0) as u32),
            elapsed_seconds: run.and_then(|run| u32::try_from(now.millis_since(run.began_at) / 1000).ok()),
            layer: None,
            layers: None,
            file: match run {
                Some(run) => Some(run.token.as_str().to_owned()),
                None => self.card_file.clone().filter(|_| self.card.is_some()),
            },
            seen_at: Some(now),
        }
    }
}

/// 0 to 1.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) }
}
