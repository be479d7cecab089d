//! Which temperatures a file asks for.

use domain::sliced::Temperatures;

use crate::command::Code;

#[derive(Default)]
pub(crate) struct Heat {
    asked: Temperatures,
    nozzle: Option<f64>,
    bed: Option<f64>,
}

impl Heat {
    pub(crate) fn obey(&mut self, code: &Code<'_>) {
        if code.letter != b'M' {
            return;
        }
        match code.number {
            104 | 109 => note(target(code), &mut self.nozzle, &mut self.asked.nozzle_max_celsius),
            140 | 190 => note(target(code), &mut self.bed, &mut self.asked.bed_max_celsius),
            141 | 191 => note(target(code), &mut None, &mut self.asked.chamber_max_celsius),
            _ => {}
        }
    }

    pub(crate) fn first_layer_begins(&mut self) {
        self.asked.first_layer_nozzle_celsius = self.nozzle;
        self.asked.first_layer_bed_celsius = self.bed;
    }

    pub(crate) fn finish(self) -> Temperatures {
        self.asked
    }
}

fn target(code: &Code<'_>) -> Option<f64> {
    let arguments = code.arguments();
    arguments.s.or(arguments.r)
}

/// 0 switches a heater off: it is a target, but nothing that a file asks for.
fn note(target: Option<f64>, current: &mut Option<f64>, highest: &mut Option<f64>) {
    let Some(target) = target else { return };
    *current = (target > 0.0).then_some(target);
    if target > highest.unwrap_or(0.0) {
        *highest = Some(target);
    }
}
