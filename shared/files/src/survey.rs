//! What the moves of a file come to: the box that they fill, the tools that they use, the drawing of them.
//! When the first layer begins everything before it is forgotten: a purge along the bed's edge, often
//! outside of it, is no part of the print.

use domain::sliced::{Bounds, Outline};

use crate::machine::Move;
use crate::sketch::Sketch;

pub(crate) struct Survey {
    min: [f64; 3],
    max: [f64; 3],
    tools: u64,
    moved: bool,
    sketch: Sketch,
}

impl Default for Survey {
    fn default() -> Self {
        Self { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3], tools: 0, moved: false, sketch: Sketch::default() }
    }
}

impl Survey {
    pub(crate) fn first_layer_begins(&mut self) {
        *self = Self { moved: self.moved, ..Self::default() };
    }

    /// What is laid down from here on is, or is not, an outer wall.
    pub(crate) fn outer_wall(&mut self, outer: bool) {
        self.sketch.outer_wall(outer);
    }

    #[inline]
    pub(crate) fn follow(&mut self, step: &Move) {
        self.moved = true;
        if !step.extrudes {
            return;
        }
        self.tools |= 1 << step.tool;
        self.enclose(step.from);
        step.each_point(|point| self.enclose(point));
        self.sketch.draw(step);
    }

    pub(crate) fn moved(&self) -> bool {
        self.moved
    }

    /// A bit for each tool that laid something down.
    pub(crate) fn tools(&self) -> u64 {
        self.tools
    }

    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let known = self.min.iter().all(|mm| mm.is_finite());
        known.then(|| Bounds { min_mm: self.min.map(to_micrometres), max_mm: self.max.map(to_micrometres) })
    }

    pub(crate) fn outline(self) -> Option<Outline> {
        self.sketch.finish()
    }

    fn enclose(&mut self, point: [f64; 3]) {
        for (axis, mm) in point.into_iter().enumerate() {
            self.min[axis] = self.min[axis].min(mm);
            self.max[axis] = self.max[axis].max(mm);
        }
    }
}

/// Relative moves leave crumbs such as 19.999999999999996.
fn to_micrometres(mm: f64) -> f64 {
    (mm * 1000.0).round() / 1000.0
}
