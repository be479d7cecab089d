//! What commands do to the machine: heat, move in time, stand where they lead. Times are exact to the microsecond, so that short
//! moves are not rounded away.

use std::collections::VecDeque;

use domain::time::Timestamp;

use super::settings::Settings;
use crate::heat::Heater;

/// How long homing takes.
const HOMING_MS: u64 = 4_000;

/// A heater this close to its target is there.
const NEAR: f64 = 1.0;

/// Units of lines without a speed: mm a minute.
const USUAL_SPEED: f64 = 1500.0;

/// What a command waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Waits {
    /// Nothing: it is done.
    Not,
    /// For that moment.
    Until(Timestamp),
    /// For room in the planner.
    Room,
    /// For the last move, and so much longer.
    Still { more_ms: u64 },
    /// For a heater.
    Heat(Heated),
    /// For a person.
    Person,
}

/// What can be heated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heated {
    Nozzle,
    Bed,
}

#[derive(Debug)]
pub(super) struct Machine {
    speed: u32,
    planned: usize,
    nozzle: Heater,
    bed: Heater,
    place: [f64; 4],
    relative: bool,
    relative_e: bool,
    inches: bool,
    feedrate: f64,
    /// When each planned move ends, in microseconds.
    moves: VecDeque<i64>,
    pub made: u64,
    pub fan: bool,
    pub motors: bool,
    pub display: String,
}

impl Machine {
    pub(super) fn cold(settings: &Settings, now: Timestamp) -> Self {
        let degrees_per_ms = f64::from(settings.degrees_per_second) * f64::from(settings.speed) / 1000.0;
        Self {
            speed: settings.speed.max(1),
            planned: settings.planned_moves,
            nozzle: Heater::cold(degrees_per_ms, now),
            bed: Heater::cold(degrees_per_ms, now),
            place: [0.0; 4],
            relative: false,
            relative_e: false,
            inches: false,
            feedrate: USUAL_SPEED,
            moves: VecDeque::new(),
            made: 0,
            fan: false,
            motors: false,
            display: String::new(),
        }
    }

    /// Moves that ended are done.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let now = micros(now);
        while self.moves.front().is_some_and(|end| *end <= now) {
            self.moves.pop_front();
            self.made += 1;
        }
    }

    pub(super) fn free(&self) -> usize {
        self.planned.saturating_sub(self.moves.len())
    }

    /// When a command that waits can be looked at again; none: not by time alone.
    pub(super) fn looked_at(&self, waits: Waits) -> Option<Timestamp> {
        match waits {
            Waits::Until(moment) => Some(moment),
            Waits::Room => self.moves.front().map(|end| moment(*end)),
            Waits::Still { .. } => self.moves.back().map(|end| moment(*end)),
            Waits::Heat(_) | Waits::Not | Waits::Person => None,
        }
    }

    /// What is left to wait for.
    pub(super) fn still_waits(&self, now: Timestamp, waits: Waits) -> Waits {
        let done = match waits {
            Waits::Not => true,
            Waits::Until(moment) => moment <= now,
            Waits::Room => self.free() > 0,
            Waits::Still { more_ms } => {
                if self.moves.is_empty() && more_ms > 0 {
                    return Waits::Until(now.plus_millis(whole(more_ms)));
                }
                self.moves.is_empty()
            }
            Waits::Heat(what) => self.is_there(now, what),
            Waits::Person => false,
        };
        if done { Waits::Not } else { waits }
    }

    fn is_there(&self, now: Timestamp, what: Heated) -> bool {
        let heater = self.heater(what);
        heater.degrees(now) >= heater.target() - NEAR
    }

    const fn heater(&self, what: Heated) -> &Heater {
        match what {
            Heated::Nozzle => &self.nozzle,
            Heated::Bed => &self.bed,
        }
    }

    pub(super) fn target(&self, what: Heated) -> f64 {
        self.heater(what).target()
    }

    pub(super) fn heat(&mut self, what: Heated, target: f64, now: Timestamp) {
        match what {
            Heated::Nozzle => self.nozzle.aim(target, now),
            Heated::Bed => self.bed.aim(target, now),
        }
    }

    pub(super) fn temperatures(&self, now: Timestamp) -> String {
        let (nozzle, bed) = (&self.nozzle, &self.bed);
        let [n, nt, b, bt] = [nozzle.degrees(now), nozzle.target(), bed.degrees(now), bed.target()];
        format!("T:{n:.2} /{nt:.2} B:{b:.2} /{bt:.2} @:0 B@:0")
    }

    pub(super) fn place_in_words(&self) -> String {
        let [x, y, z, e] = self.place;
        format!("X:{x:.2} Y:{y:.2} Z:{z:.2} E:{e:.2} Count X:0 Y:0 Z:0")
    }

    pub(super) const fn place(&self) -> [f64; 4] {
        self.place
    }

    /// A move is planned; there must be room.
    pub(super) fn go(&mut self, now: Timestamp, text: &str) {
        let unit = if self.inches { 25.4 } else { 1.0 };
        if let Some(feedrate) = word(text, 'F') {
            self.feedrate = (feedrate * unit).max(1.0);
        }
        let mut squared = 0.0;
        let mut filament: f64 = 0.0;
        for (at, axis) in ['X', 'Y', 'Z', 'E'].into_iter().enumerate() {
            let Some(value) = word(text, axis) else { continue };
            let relative = if axis == 'E' { self.relative_e } else { self.relative };
            let goal = if relative { self.place[at] + value * unit } else { value * unit };
            let way = goal - self.place[at];
            if axis == 'E' {
                filament = way.abs();
            } else {
                squared += way * way;
            }
            self.place[at] = goal;
        }
        let length = if squared > 0.0 { f64::sqrt(squared) } else { filament };
        if length > 0.0 {
            self.motors = true;
            let takes = length / self.feedrate * 60_000_000.0 / f64::from(self.speed);
            let begins = self.moves.back().copied().unwrap_or(0).max(micros(now));
            self.moves.push_back(begins + takes as i64);
        }
    }

    pub(super) fn set_place(&mut self, text: &str) {
        for (at, axis) in ['X', 'Y', 'Z', 'E'].into_iter().enumerate() {
            if let Some(value) = word(text, axis) {
                self.place[at] = value;
            }
        }
    }

    pub(super) fn home(&mut self) -> Waits {
        self.place = [0.0, 0.0, 0.0, self.place[3]];
        self.motors = true;
        Waits::Still { more_ms: HOMING_MS / u64::from(self.speed) }
    }

    pub(super) fn quick_stop(&mut self) {
        self.moves.clear();
    }

    /// The modes that a command sets.
    pub(super) fn set_mode(&mut self, code: &str) {
        match code {
            "G20" => self.inches = true,
            "G21" => self.inches = false,
            "G90" => (self.relative, self.relative_e) = (false, false),
            "G91" => (self.relative, self.relative_e) = (true, true),
            "M82" => self.relative_e = false,
            "M83" => self.relative_e = true,
            _ => {}
        }
    }

    pub(super) fn modes(&self) -> (bool, bool, f64) {
        (self.relative, self.relative_e, self.feedrate)
    }

    pub(super) const fn speed(&self) -> u32 {
        self.speed
    }
}

/// The number behind a letter.
pub(super) fn word(text: &str, letter: char) -> Option<f64> {
    let at = text.char_indices().skip(1).find(|(_, found)| *found == letter)?.0;
    let rest = text.get(at + 1..)?;
    let end = rest.find(|sign: char| !matches!(sign, '0'..='9' | '.' | '-' | '+')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn micros(moment: Timestamp) -> i64 {
    moment.millis().saturating_mul(1000)
}

/// The first millisecond at which that is over.
fn moment(micros: i64) -> Timestamp {
    Timestamp::from_millis(micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) != 0))
}

fn whole(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
