//! The state that a printer has while it obeys a file: where it is, and how it reads the next number.
//! Positions are those of the printer, in millimetres; NaN is a place that nobody knows, such as after
//! homing, and drops out of every minimum and maximum by itself.

use std::f64::consts::TAU;

use crate::command::{Arguments, Code};
use crate::value::TOOLS;

/// The points at which an arc is cut divide the circle, so that its outermost points are among them.
const ARC_PARTS: f64 = 24.0;
const MILLIMETRES_PER_INCH: f64 = 25.4;

pub(crate) struct Machine {
    at: [f64; 3],
    /// What `G92` shifted: place = number + offset.
    offset: [f64; 3],
    e: f64,
    relative: bool,
    relative_e: bool,
    unit: f64,
    tool: u32,
}

/// One `G0` to `G3`.
pub(crate) struct Move {
    pub(crate) from: [f64; 3],
    pub(crate) to: [f64; 3],
    /// Whether it lays something down on its way.
    pub(crate) extrudes: bool,
    pub(crate) tool: u32,
    arc: Option<Arc>,
}

struct Arc {
    centre: [f64; 2],
    radius: f64,
    begin: f64,
    /// Radians, negative if clockwise.
    sweep: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { at: [f64::NAN; 3], offset: [0.0; 3], e: 0.0, relative: false, relative_e: false, unit: 1.0, tool: 0 }
    }
}

impl Machine {
    /// What moves, if the line is a move.
    #[inline]
    pub(crate) fn obey(&mut self, code: &Code<'_>) -> Option<Move> {
        match (code.letter, code.number) {
            (b'G', 0 | 1) => return self.go(&code.arguments(), None),
            (b'G', 2) => return self.go(&code.arguments(), Some(-1.0)),
            (b'G', 3) => return self.go(&code.arguments(), Some(1.0)),
            (b'G', 20) => self.unit = MILLIMETRES_PER_INCH,
            (b'G', 21) => self.unit = 1.0,
            (b'G', 28) => self.home(&code.arguments()),
            // As in Klipper and in the slicers' own previews, these leave E to M82 and M83.
            (b'G', 90) => self.relative = false,
            (b'G', 91) => self.relative = true,
            (b'G', 92) => self.rename_place(&code.arguments()),
            (b'M', 82) => self.relative_e = false,
            (b'M', 83) => self.relative_e = true,
            (b'T', tool) if (tool as usize) < TOOLS => self.tool = tool,
            _ => {}
        }
        None
    }

    fn go(&mut self, arguments: &Arguments, turn: Option<f64>) -> Option<Move> {
        let from = self.at;
        for (axis, number) in arguments.axes.iter().enumerate() {
            let Some(number) = number else { continue };
            let base = if self.relative { from[axis] } else { self.offset[axis] };
            self.at[axis] = base + number * self.unit;
        }
        let mut pushed = 0.0;
        if let Some(number) = arguments.e {
            let number = number * self.unit;
            pushed = if self.relative_e { number } else { number - self.e };
            self.e = if self.relative_e { self.e + number } else { number };
        }
        let arc = turn.and_then(|turn| arc(from, self.at, arguments, self.unit, turn));
        let travels = arc.is_some() || arguments.axes.iter().any(Option::is_some);
        let sideways = arc.is_some() || arguments.axes[..2].iter().any(Option::is_some);
        travels.then_some(Move { from, to: self.at, extrudes: sideways && pushed > 0.0, tool: self.tool, arc })
    }

    fn home(&mut self, arguments: &Arguments) {
        let all = arguments.axes.iter().all(Option::is_none);
        for axis in 0..3 {
            if all || arguments.axes[axis].is_some() {
                self.at[axis] = f64::NAN;
                self.offset[axis] = 0.0;
            }
        }
    }

    fn rename_place(&mut self, arguments: &Arguments) {
        let all = arguments.e.is_none() && arguments.axes.iter().all(Option::is_none);
        if all || arguments.e.is_some() {
            self.e = arguments.e.unwrap_or(0.0) * self.unit;
        }
        for axis in 0..3 {
            let Some(number) = arguments.axes[axis].or(all.then_some(0.0)) else { continue };
            let number = number * self.unit;
            if self.at[axis].is_nan() {
                self.at[axis] = number;
            } else {
                self.offset[axis] = self.at[axis] - number;
            }
        }
    }
}

impl Move {
    /// The points after the first, close enough to draw and to measure by.
    #[inline]
    pub(crate) fn each_point(&self, mut point: impl FnMut([f64; 3])) {
        if let Some(arc) = &self.arc {
            let part = TAU / ARC_PARTS;
            let first = arc.begin / part;
            let last = (arc.begin + arc.sweep) / part;
            let (low, high) = (first.min(last).ceil() as i32, first.max(last).floor() as i32);
            for step in 0..=high.saturating_sub(low).min(ARC_PARTS as i32) {
                let cut = if arc.sweep < 0.0 { high - step } else { low + step };
                let (sin, cos) = (f64::from(cut) * part).sin_cos();
                point([arc.centre[0] + arc.radius * cos, arc.centre[1] + arc.radius * sin, self.to[2]]);
            }
        }
        point(self.to);
    }
}

fn arc(from: [f64; 3], to: [f64; 3], arguments: &Arguments, unit: f64, turn: f64) -> Option<Arc> {
    let centre = match (arguments.i, arguments.j, arguments.r) {
        (None, None, None) => return None,
        (None, None, Some(radius)) => centre_by_radius(from, to, radius * unit, turn)?,
        (i, j, _) => [from[0] + i.unwrap_or(0.0) * unit, from[1] + j.unwrap_or(0.0) * unit],
    };
    let begin = (from[1] - centre[1]).atan2(from[0] - centre[0]);
    let end = (to[1] - centre[1]).atan2(to[0] - centre[0]);
    let mut sweep = (end - begin) * turn;
    if sweep < 1e-9 {
        sweep += TAU;
    }
    let radius = (from[0] - centre[0]).hypot(from[1] - centre[1]);
    (radius.is_finite() && sweep.is_finite()).then_some(Arc { centre, radius, begin, sweep: sweep * turn })
}

fn centre_by_radius(from: [f64; 3], to: [f64; 3], radius: f64, turn: f64) -> Option<[f64; 2]> {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let chord = dx.hypot(dy);
    let rise = radius * radius - chord * chord / 4.0;
    if rise < 0.0 || chord == 0.0 || rise.is_nan() {
        return None;
    }
    let side = rise.sqrt() * turn * radius.signum() / chord;
    Some([from[0] + dx / 2.0 - dy * side, from[1] + dy / 2.0 + dx * side])
}
