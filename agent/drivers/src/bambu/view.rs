//! What the machine shows, put together from what its reports say, as an observation for the farm.

use domain::attempt::{PauseReason, Token};
use domain::printer::{Activity, Control, PrinterFault};
use domain::telemetry::{Telemetry, Temperature};
use domain::time::Timestamp;
use serde_json::{Map, Value};

use super::wire::{State, Status, bits, number, whole};
use super::{slots, words};
use crate::contract::{Observation, SeenPrint, SeenSlot};

/// Machines of which the first digits of the serial number say that they have no sensor in the chamber: what they
/// tell of it is a constant.
const NO_CHAMBER: [&str; 4] = ["01S", "01P", "030", "039"];

/// The bit of `fun` that says that commands must be signed.
const SIGNED: u64 = 0x2000_0000;

/// What is known of the printer.
#[derive(Debug)]
pub(super) struct View {
    serial: String,
    status: Status,
    /// It refused a command for want of a signature.
    refuses: bool,
    /// The layers of this print: told once, and 0 now and then afterwards.
    layers: Option<(Option<Token>, u32)>,
    /// Why the print stands still, as it was when it came to stand.
    paused: Option<PauseReason>,
    pub firmware: Option<String>,
}

impl View {
    pub(super) fn new(serial: String) -> Self {
        Self { serial, status: Status::default(), refuses: false, layers: None, paused: None, firmware: None }
    }

    pub(super) fn take(&mut self, report: Map<String, Value>) {
        self.status.take(report);
        let named = self.status.token();
        let is_of_this = self.layers.as_ref().is_some_and(|(of, _)| *of == named) && self.status.state().is_active();
        match self.status.count("total_layer_num").filter(|layers| *layers > 0) {
            Some(layers) => self.layers = Some((named, layers)),
            None if is_of_this => {}
            None => self.layers = None,
        }
        self.paused = if self.status.state() == State::Paused {
            let stage = self.status.number("stg_cur").map(|stage| {
                if stage < 0.0 { -1 } else { whole(stage).and_then(|stage| i64::try_from(stage).ok()).unwrap_or(-1) }
            });
            let now = words::pause(self.status.error(), stage);
            // The error says more than the state, and may come a moment later.
            Some(match self.paused {
                Some(before) if now == PauseReason::User => before,
                Some(_) | None => now,
            })
        } else {
            None
        };
    }

    /// The machine refused a command because nobody signed it.
    pub(super) fn refuses_commands(&mut self) {
        self.refuses = true;
    }

    /// What was shown counts no longer: contact was lost.
    pub(super) fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.serial));
    }

    /// All of it was told.
    pub(super) const fn is_whole(&self) -> bool {
        self.status.is_whole()
    }

    pub(super) fn state(&self) -> State {
        self.status.state()
    }

    /// The token of the print that is on the printer, or was last.
    pub(super) fn token(&self) -> Option<Token> {
        self.status.token()
    }

    /// The token of the print that is on the printer.
    pub(super) fn active_token(&self) -> Option<Token> {
        if self.state().is_active() { self.token() } else { None }
    }

    /// The machine says of its last print that it was cancelled.
    pub(super) fn says_cancelled(&self) -> bool {
        words::is_cancel(self.status.error())
            || self.status.health().iter().any(|(attr, code)| words::is_cancel((attr & 0xFFFF_0000) | (code & 0xFFFF)))
    }

    pub(super) fn error(&self) -> u32 {
        self.status.error()
    }

    pub(super) fn slots(&self) -> Vec<SeenSlot> {
        slots::seen(&self.status)
    }

    pub(super) fn fault(&self) -> Option<PrinterFault> {
        let health = || self.status.health().into_iter().find_map(|(attr, code)| words::hms_fault(attr, code));
        words::fault(self.status.error()).or_else(health)
    }

    /// The machine's words for what it does.
    pub(super) fn words(&self) -> String {
        self.status.text("gcode_state").unwrap_or_else(|| "it has not said what it does".to_owned())
    }

    /// Why it takes no commands, and what to do; none if it is not known to refuse them.
    pub(super) fn no_control(&self) -> Option<&'static str> {
        let told = bits(self.status.get("fun")).is_some_and(|fun| fun & SIGNED != 0);
        let listed = self.status.health().contains(&words::UNSIGNED_HMS);
        (told || listed || self.refuses).then_some(words::NO_CONTROL)
    }

    /// For the farm; none before all of it was told.
    pub(super) fn observation(&self, now: Timestamp) -> Option<Observation> {
        if !self.is_whole() {
            return None;
        }
        let (state, token) = (self.state(), self.token());
        let advice = self.no_control();
        Some(Observation {
            activity: self.activity(),
            control: if advice.is_some() { Control::Denied } else { Control::Ok },
            print: state.is_active().then(|| SeenPrint { token: token.clone(), file: self.status.name(), paused: self.paused }),
            // Only of a print that came to its end: the name of one that did not proves nothing.
            shown_token: token.filter(|_| state == State::Finished),
            fault: self.fault(),
            telemetry: self.telemetry(now),
            firmware: self.firmware.clone(),
            free_bytes: None,
            control_advice: advice.map(str::to_owned),
            slots: self.slots(),
        })
    }

    fn activity(&self) -> Activity {
        match self.state() {
            State::Idle => Activity::Idle,
            State::Preparing => Activity::Preparing,
            State::Running if self.warms_up() => Activity::Preparing,
            State::Running => Activity::Printing,
            State::Paused => Activity::Paused,
            State::Finished | State::Failed => Activity::Finished,
            State::Other => Activity::Busy,
        }
    }

    /// Before the first layer it homes, levels, heats and cleans for minutes.
    fn warms_up(&self) -> bool {
        const STAGES: [f64; 8] = [1.0, 2.0, 3.0, 7.0, 8.0, 9.0, 13.0, 14.0];
        let before = self.status.count("layer_num").unwrap_or(0) == 0;
        before && self.status.number("stg_cur").is_some_and(|stage| STAGES.contains(&stage))
    }

    fn telemetry(&self, now: Timestamp) -> Telemetry {
        let active = self.state().is_active();
        let percent = self.status.number("mc_percent").filter(|_| active || self.state() == State::Finished);
        let minutes = self.status.count("mc_remaining_time").filter(|_| active);
        Telemetry {
            nozzles: self.nozzles(),
            bed: self.temperature("bed_temper", "bed_target_temper"),
            chamber: self.chamber(),
            progress: percent.map(|percent| (percent / 100.0).clamp(0.0, 1.0)),
            remaining_seconds: minutes.and_then(|minutes| minutes.checked_mul(60)),
            elapsed_seconds: None,
            layer: self.status.count("layer_num").filter(|_| active),
            layers: self.layers.as_ref().map(|(_, layers)| *layers).filter(|_| active),
            file: self.status.name(),
            seen_at: Some(now),
        }
    }

    fn temperature(&self, actual: &str, target: &str) -> Option<Temperature> {
        let actual_celsius = self.status.number(actual)?;
        Some(Temperature { actual_celsius, target_celsius: self.status.number(target) })
    }

    fn chamber(&self) -> Option<Temperature> {
        let has_none = NO_CHAMBER.iter().any(|first| self.serial.starts_with(first));
        if has_none { None } else { self.temperature("chamber_temper", "chamber_target_temper") }
    }

    /// With two nozzles each is told by itself, and the plain fields repeat only one of them.
    fn nozzles(&self) -> Vec<Temperature> {
        let several =
            self.status.at(&["device", "extruder", "info"]).and_then(Value::as_array).filter(|nozzles| nozzles.len() > 1);
        let Some(several) = several else {
            return self.temperature("nozzle_temper", "nozzle_target_temper").into_iter().collect();
        };
        let mut told: Vec<(u64, Temperature)> = several.iter().filter_map(packed).collect();
        told.sort_by_key(|(id, _)| *id);
        told.into_iter().map(|(_, temperature)| temperature).collect()
    }
}

/// A nozzle's temperature: the target in the upper half while it heats.
fn packed(nozzle: &Value) -> Option<(u64, Temperature)> {
    let id = number(nozzle.get("id")).and_then(whole)?;
    let temp = number(nozzle.get("temp")).and_then(whole).and_then(|temp| u32::try_from(temp).ok())?;
    let (target, actual) = (temp >> 16, temp & 0xFFFF);
    Some((id, Temperature { actual_celsius: f64::from(actual), target_celsius: Some(f64::from(target)) }))
}
