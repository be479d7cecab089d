//! A line drawing of a print, for files without a picture (PrusaSlicer's command line writes none). Of the
//! layers it keeps a few that are spread over the whole height, although the height is not known before
//! the end: whenever they become too many, every second one is dropped and from then on twice as many are
//! passed over.

use std::fmt::Write;

use domain::sliced::Outline;

use crate::machine::Move;

const LAYERS: usize = 10;
/// One layer fits into the path, however long its steps are.
const POINTS_PER_LAYER: usize = 800;
const PATH_BYTES: usize = 8000;
const SIDE: f64 = 480.0;
const MARGIN: f64 = 2.0;
/// Less than any layer height, more than any rounding.
const LAYER_RISE_MM: f64 = 0.03;

pub(crate) struct Sketch {
    layers: Vec<Layer>,
    /// Keep one layer of so many.
    keep_one_of: u64,
    layers_seen: u64,
    z: f64,
    recording: bool,
    /// `None` in a dialect that does not tell what it lays down.
    outer_wall: Option<bool>,
}

struct Layer {
    z: f64,
    points: Vec<Point>,
    pen: [f64; 2],
    shortest: f64,
    full: bool,
}

#[derive(Clone, Copy)]
struct Point {
    at: [f64; 2],
    /// Whether the pen is lifted on the way to it.
    lifted: bool,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { layers: Vec::new(), keep_one_of: 1, layers_seen: 0, z: f64::NEG_INFINITY, recording: false, outer_wall: None }
    }
}

impl Sketch {
    pub(crate) fn outer_wall(&mut self, outer: bool) {
        self.outer_wall = Some(outer);
    }

    pub(crate) fn draw(&mut self, step: &Move) {
        let z = if step.to[2].is_nan() { 0.0 } else { step.to[2] };
        if (z - self.z).abs() > LAYER_RISE_MM {
            self.z = z;
            self.begin_layer();
        }
        if self.recording
            && self.outer_wall != Some(false)
            && let Some(layer) = self.layers.last_mut()
        {
            layer.draw(step);
        }
    }

    pub(crate) fn finish(self) -> Option<Outline> {
        let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for seen in self.layers.iter().flat_map(Layer::seen_points) {
            for axis in 0..2 {
                min[axis] = min[axis].min(seen[axis]);
                max[axis] = max[axis].max(seen[axis]);
            }
        }
        let extent = (max[0] - min[0]).max(max[1] - min[1]);
        if !(extent.is_finite() && extent > 0.0) {
            return None;
        }
        let scale = SIDE / extent;
        let place = |seen: [f64; 2]| [0, 1].map(|axis| ((seen[axis] - min[axis]) * scale + MARGIN).round() as i32);
        let every = [1, 2, 4, 8, LAYERS];
        let path = every
            .into_iter()
            .flat_map(|every| [1, 2, 3, 5, 8].map(|coarse| (every, coarse)))
            .map(|(every, coarse)| path(self.layers.iter().step_by(every), place, coarse))
            .find(|path| path.len() <= PATH_BYTES)?;
        let side = |axis: usize| ((max[axis] - min[axis]) * scale + 2.0 * MARGIN).round() as u32;
        (!path.is_empty()).then(|| Outline { width: side(0), height: side(1), path })
    }

    fn begin_layer(&mut self) {
        if self.layers.len() == LAYERS && self.layers_seen.is_multiple_of(self.keep_one_of) {
            let mut even = false;
            self.layers.retain(|_| {
                even = !even;
                even
            });
            self.keep_one_of *= 2;
        }
        self.recording = self.layers_seen.is_multiple_of(self.keep_one_of);
        self.layers_seen += 1;
        if self.recording {
            self.layers.push(Layer::at(self.z));
        }
    }
}

impl Layer {
    fn at(z: f64) -> Self {
        Self { z, points: Vec::new(), pen: [f64::NAN; 2], shortest: 0.2, full: false }
    }

    fn draw(&mut self, step: &Move) {
        if self.full || step.from[..2].iter().chain(&step.to[..2]).any(|mm| mm.is_nan()) {
            return;
        }
        let from = [step.from[0], step.from[1]];
        if distance(self.pen, from) > 0.01 || self.pen[0].is_nan() {
            self.points.push(Point { at: from, lifted: true });
        }
        step.each_point(|point| self.draw_to([point[0], point[1]]));
        while self.points.len() > POINTS_PER_LAYER && !self.full {
            self.shortest *= 2.0;
            let before = self.points.len();
            thin(&mut self.points, self.shortest);
            self.full = self.points.len() > POINTS_PER_LAYER / 2 && self.points.len() * 10 > before * 9;
        }
    }

    fn draw_to(&mut self, to: [f64; 2]) {
        self.pen = to;
        if self.points.last().is_some_and(|last| distance(last.at, to) >= self.shortest) {
            self.points.push(Point { at: to, lifted: false });
        }
    }

    /// The points as one sees them from above the near corner of the bed.
    fn seen_points(&self) -> impl Iterator<Item = [f64; 2]> {
        self.points.iter().map(|point| seen(point.at, self.z))
    }
}

fn seen([x, y]: [f64; 2], z: f64) -> [f64; 2] {
    [(x - y) * 0.866, (x + y) * -0.5 - z]
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn thin(points: &mut Vec<Point>, shortest: f64) {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points.iter() {
        match kept.last_mut() {
            Some(last) if point.lifted && last.lifted => *last = *point,
            Some(last) if !point.lifted && distance(last.at, point.at) < shortest => {}
            Some(_) | None => kept.push(*point),
        }
    }
    *points = kept;
}

/// Relative steps, without those that are shorter than `coarse`.
fn path<'a>(layers: impl Iterator<Item = &'a Layer>, place: impl Fn([f64; 2]) -> [i32; 2], coarse: i32) -> String {
    let mut path = String::new();
    let mut pen = [0, 0];
    for layer in layers {
        let mut lifted_to = None;
        for (point, seen) in layer.points.iter().zip(layer.seen_points()) {
            let at = place(seen);
            if point.lifted {
                lifted_to = Some(at);
                continue;
            }
            let from = lifted_to.unwrap_or(pen);
            if (at[0] - from[0]).abs().max((at[1] - from[1]).abs()) < coarse {
                continue;
            }
            if let Some(begin) = lifted_to.take() {
                step(&mut path, 'm', pen, begin);
                pen = begin;
            }
            step(&mut path, 'l', pen, at);
            pen = at;
        }
        if path.len() > PATH_BYTES {
            break;
        }
    }
    path
}

fn step(path: &mut String, verb: char, from: [i32; 2], to: [i32; 2]) {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let gap = if dy < 0 { "" } else { " " };
    // Writing to a string cannot fail.
    let _ = write!(path, "{verb}{dx}{gap}{dy}");
}
