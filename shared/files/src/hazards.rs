//! Lines that can harm a machine or its settings. A seat belt, not a guard: what a macro of the printer
//! does is not seen here.

use std::collections::BTreeMap;

use domain::sliced::{Warning, WarningCode};

use crate::command::{Code, Command};
use crate::lines::Line;

/// Below this a nozzle is cold for any plastic.
const COLD_CELSIUS: f64 = 150.0;

/// Each kind is kept once with its count: ten thousand harmless lines must not push out the bad one.
#[derive(Default)]
pub(crate) struct Hazards(BTreeMap<WarningCode, Warning>);

impl Hazards {
    /// Looks at the line itself, whatever it says.
    pub(crate) fn inspect(&mut self, line: &Line<'_>) {
        if line.nul {
            self.add(WarningCode::NulByte, line.number);
        }
        // Slicers write their whole settings into one comment; only a command has to fit into a firmware.
        if line.cut && !line.text.contains(&b';') {
            self.add(WarningCode::LongLine, line.number);
        }
    }

    /// Looks at what the line tells the machine to do.
    pub(crate) fn judge(&mut self, command: &Command<'_>, line: u64) {
        let code = match command {
            Command::Code(code) => of_code(code),
            Command::Word(word) => of_word(word),
        };
        if let Some(code) = code {
            self.add(code, line);
        }
    }

    pub(crate) fn finish(self) -> Vec<Warning> {
        let mut warnings: Vec<_> = self.0.into_values().collect();
        warnings.sort_by_key(|warning| (warning.line, warning.code));
        warnings
    }

    fn add(&mut self, code: WarningCode, line: u64) {
        self.0.entry(code).or_insert(Warning { code, line, times: 0 }).times += 1;
    }
}

fn of_code(code: &Code<'_>) -> Option<WarningCode> {
    if code.letter != b'M' {
        return None;
    }
    match code.number {
        42 => Some(WarningCode::PinSwitch),
        92 => Some(WarningCode::StepsPerMillimetre),
        302 => {
            let arguments = code.arguments();
            let allows = arguments.p.is_some_and(|p| p >= 1.0) || arguments.s.is_some_and(|s| s < COLD_CELSIUS);
            allows.then_some(WarningCode::ColdExtrusion)
        }
        500..=504 => Some(WarningCode::StoredSettings),
        851 => Some(WarningCode::ProbeOffset),
        997 => Some(WarningCode::FirmwareUpdate),
        _ => None,
    }
}

fn of_word(word: &[u8]) -> Option<WarningCode> {
    let words: [(&[u8], WarningCode); 5] = [
        (b"SAVE_CONFIG", WarningCode::SaveConfig),
        (b"RUN_SHELL_COMMAND", WarningCode::ShellCommand),
        (b"FIRMWARE_RESTART", WarningCode::FirmwareRestart),
        (b"RESTART", WarningCode::FirmwareRestart),
        (b"SET_PIN", WarningCode::PinSwitch),
    ];
    words.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, code)| code)
}
