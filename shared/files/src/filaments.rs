//! Which filaments a print uses and how much of each, put together from the lists that a slicer wrote one
//! by one: types here, colours there, weights in a third place.

use std::f64::consts::PI;

use domain::sliced::Filament;

use crate::value::TOOLS;

/// The lists as they stand in the file, by tool. `None` is a tool of which nothing is said.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) materials: Vec<Option<String>>,
    pub(crate) colours: Vec<Option<String>>,
    pub(crate) tool_colours: Vec<Option<String>>,
    pub(crate) vendors: Vec<Option<String>>,
    pub(crate) settings_names: Vec<Option<String>>,
    pub(crate) densities: Vec<Option<f64>>,
    pub(crate) diameters_mm: Vec<Option<f64>>,
    pub(crate) grams: Vec<Option<f64>>,
    pub(crate) millimetres: Vec<Option<f64>>,
    /// Bambu Studio lists only what is used, and tells in a list of its own which those are, from 1.
    pub(crate) used: Vec<Option<f64>>,
    pub(crate) used_grams: Vec<Option<f64>>,
    pub(crate) used_millimetres: Vec<Option<f64>>,
    /// Simplify3D tells only sums.
    pub(crate) total_grams: Option<f64>,
    pub(crate) total_millimetres: Option<f64>,
}

impl Lists {
    /// `extruding` has a bit for each tool that laid something down.
    pub(crate) fn finish(mut self, extruding: u64) -> Vec<Filament> {
        spread(&mut self.grams, &self.used_grams, &self.used);
        spread(&mut self.millimetres, &self.used_millimetres, &self.used);
        let said = |tool: usize| positive(&self.grams, tool).is_some() || positive(&self.millimetres, tool).is_some();
        let anything_said = (0..TOOLS).any(said);
        let used: Vec<usize> =
            (0..TOOLS).filter(|tool| if anything_said { said(*tool) } else { extruding >> tool & 1 == 1 }).collect();
        let alone = used.len() == 1;
        used.into_iter().map(|tool| self.filament(tool, alone)).collect()
    }

    fn filament(&self, tool: usize, alone: bool) -> Filament {
        let total = |sum: Option<f64>| sum.filter(|sum| alone && *sum > 0.0);
        let millimetres = positive(&self.millimetres, tool).or(total(self.total_millimetres));
        let grams = positive(&self.grams, tool)
            .or(total(self.total_grams))
            .or_else(|| weigh(millimetres?, positive(&self.diameters_mm, tool)?, positive(&self.densities, tool)?));
        let text = |list: &[Option<String>]| list.get(tool).cloned().flatten();
        Filament {
            tool: tool as u32,
            material: text(&self.materials),
            colour: text(&self.colours).or_else(|| text(&self.tool_colours)),
            vendor: text(&self.vendors),
            settings_name: text(&self.settings_names),
            grams: grams.map(to_hundredths),
            millimetres: millimetres.map(to_hundredths),
        }
    }
}

fn spread(by_tool: &mut Vec<Option<f64>>, of_used: &[Option<f64>], used: &[Option<f64>]) {
    if !by_tool.is_empty() {
        return;
    }
    for (position, amount) in of_used.iter().enumerate() {
        let tool = used.get(position).copied().flatten().map_or(position, |number| number as usize - usize::from(number >= 1.0));
        put(by_tool, tool, *amount);
    }
}

/// Puts a value into the list of the tools, if there can be such a tool and it has none yet.
pub(crate) fn put<T>(list: &mut Vec<Option<T>>, tool: usize, value: Option<T>) {
    if tool >= TOOLS {
        return;
    }
    if list.len() <= tool {
        list.resize_with(tool + 1, || None);
    }
    if list[tool].is_none() {
        list[tool] = value;
    }
}

/// A slicer that does not know a density writes a weight of 0.
fn positive(list: &[Option<f64>], tool: usize) -> Option<f64> {
    list.get(tool).copied().flatten().filter(|number| *number > 0.0)
}

fn weigh(millimetres: f64, diameter_mm: f64, grams_per_cubic_centimetre: f64) -> Option<f64> {
    let cubic_millimetres = millimetres * PI / 4.0 * diameter_mm * diameter_mm;
    Some(cubic_millimetres * grams_per_cubic_centimetre / 1000.0).filter(|grams| grams.is_finite())
}

fn to_hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
