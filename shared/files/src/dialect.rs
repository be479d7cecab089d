//! What slicers write into comments. They agree on nothing: `; key = value` (PrusaSlicer, SuperSlicer,
//! OrcaSlicer), `; key: value` (BambuStudio's head), `;KEY:value` (Cura, ideaMaker), `;   key,value`
//! (Simplify3D). The words differ enough that one table serves them all; of a word that comes twice the
//! first counts.

use domain::sliced::Slicer;

use crate::duration;
use crate::filaments::{Lists, put};
use crate::value;

const LONGEST_KEY: usize = 48;

/// A comment that divides the print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A layer begins.
    Layer(LayerMark),
    /// What follows is, or is not, an outer wall.
    OuterWall(bool),
}

/// Files may carry the layer marks of two dialects; only those of the first are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerMark {
    /// `;LAYER_CHANGE`, or BambuStudio's `; CHANGE_LAYER`.
    Change,
    /// `;LAYER:0`
    Numbered,
    /// `; layer 1, Z = 0.2`
    Sentence,
}

pub(crate) fn mark(comment: &[u8]) -> Option<Mark> {
    match comment.first()? {
        b'L' if comment == b"LAYER_CHANGE" => Some(Mark::Layer(LayerMark::Change)),
        b'C' if comment == b"CHANGE_LAYER" => Some(Mark::Layer(LayerMark::Change)),
        b'L' if comment.starts_with(b"LAYER:") => Some(Mark::Layer(LayerMark::Numbered)),
        b'l' => {
            let number = comment.strip_prefix(b"layer ")?;
            let sentence = number.first()?.is_ascii_digit() && number.windows(4).any(|window| window == b", Z ");
            sentence.then_some(Mark::Layer(LayerMark::Sentence))
        }
        b'T' => comment.strip_prefix(b"TYPE:").map(feature),
        b'F' => comment.strip_prefix(b"FEATURE:").map(feature),
        b'f' => comment.strip_prefix(b"feature ").map(feature),
        _ => None,
    }
}

fn feature(name: &[u8]) -> Mark {
    let outer: [&[u8]; 4] = [b"External perimeter", b"Outer wall", b"WALL-OUTER", b"outer perimeter"];
    Mark::OuterWall(outer.contains(&name.trim_ascii()))
}

/// What the comments of a file told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) slicer: Option<Slicer>,
    pub(crate) printer_model: Option<String>,
    pub(crate) nozzle_diameters_mm: Vec<Option<f64>>,
    pub(crate) estimated_seconds: Option<u64>,
    pub(crate) filaments: Lists,
    layer_height_mm: Option<f64>,
    second_layer_height_mm: Option<f64>,
    layer_count: Option<u32>,
    layer_mark: Option<LayerMark>,
    layers_begun: u32,
}

impl Told {
    /// Whether it is the first layer.
    pub(crate) fn layer_begins(&mut self, mark: LayerMark) -> bool {
        let first = self.layer_mark.is_none();
        if *self.layer_mark.get_or_insert(mark) == mark {
            self.layers_begun = self.layers_begun.saturating_add(1);
        }
        first
    }

    /// What the file says, else what its marks come to.
    pub(crate) fn layer_count(&self) -> Option<u32> {
        self.layer_count.or(self.layer_mark.map(|_| self.layers_begun))
    }

    /// What the file says, else the height of the second layer: the first is often another.
    pub(crate) fn layer_height_mm(&self) -> Option<f64> {
        self.layer_height_mm.or(self.second_layer_height_mm)
    }

    pub(crate) fn read(&mut self, comment: &[u8]) {
        if self.slicer.is_none() {
            self.slicer = slicer(comment);
        }
        let within = &comment[..comment.len().min(LONGEST_KEY)];
        let Some(end) = within.iter().position(|byte| matches!(byte, b'=' | b':' | b',')) else { return };
        let (key, value) = (comment[..end].trim_ascii(), comment[end + 1..].trim_ascii());
        if !value.is_empty() {
            self.note(key, value);
        }
    }

    fn note(&mut self, key: &[u8], value: &[u8]) {
        let lists = &mut self.filaments;
        match key {
            b"printer_model" | b"TARGET_MACHINE.NAME" | b"Printer Type" => {
                once(&mut self.printer_model, || value::text(value));
            }
            b"nozzle_diameter" | b"extruderDiameter" | b"nozzleDiameter" | b"Nozzle diameter" => {
                fill(&mut self.nozzle_diameters_mm, || value::numbers(value));
            }
            b"Dimension" => fill(&mut self.nozzle_diameters_mm, || nozzles_of_dimension(value)),
            b"estimated printing time (normal mode)"
            | b"total estimated time"
            | b"TIME"
            | b"PRINT.TIME"
            | b"Print Time"
            | b"Build time"
            | b"Build Time" => {
                once(&mut self.estimated_seconds, || duration::seconds(value));
            }
            b"model printing time" => once(&mut self.estimated_seconds, || {
                let total = b"total estimated time:";
                let at = value.windows(total.len()).position(|window| window == total)?;
                duration::seconds(&value[at + total.len()..])
            }),
            b"layer_height" | b"Layer height" | b"layerHeight" => {
                once(&mut self.layer_height_mm, || value::leading(value).filter(|mm| *mm > 0.0));
            }
            b"HEIGHT" if self.layers_begun == 2 => once(&mut self.second_layer_height_mm, || value::leading(value)),
            b"total layer number" | b"total layers count" | b"LAYER_COUNT" => {
                once(&mut self.layer_count, || value::leading(value).map(|count| count as u32));
            }
            b"filament_type" | b"Filament type" | b"makerBotModelMaterial" => fill(&mut lists.materials, || value::texts(value)),
            b"filament_colour" => fill(&mut lists.colours, || colours(value)),
            b"extruder_colour" => fill(&mut lists.tool_colours, || colours(value)),
            b"filament_vendor" => fill(&mut lists.vendors, || value::texts(value)),
            b"filament_settings_id" | b"Filament name" | b"printMaterial" => {
                fill(&mut lists.settings_names, || value::texts(value))
            }
            b"filament_density" | b"filamentDensities" => fill(&mut lists.densities, || value::numbers(value)),
            b"filament_diameter" | b"filamentDiameters" => fill(&mut lists.diameters_mm, || value::numbers(value)),
            b"filament used [g]" | b"Filament weight" => fill(&mut lists.grams, || value::numbers(value)),
            b"filament used [mm]" => fill(&mut lists.millimetres, || value::numbers(value)),
            b"Filament used" => fill(&mut lists.millimetres, || lengths(value)),
            b"filament" => fill(&mut lists.used, || value::numbers(value)),
            b"total filament weight [g]" => fill(&mut lists.used_grams, || value::numbers(value)),
            b"total filament length [mm]" => fill(&mut lists.used_millimetres, || value::numbers(value)),
            b"Plastic weight" | b"Material Weight" => once(&mut lists.total_grams, || value::leading(value)),
            b"Filament length" | b"Material Length" => once(&mut lists.total_millimetres, || value::leading(value)),
            _ => self.note_numbered(key, value),
        }
    }

    /// ideaMaker's `Filament Type #1`, Ultimaker's `EXTRUDER_TRAIN.0.NOZZLE.DIAMETER`.
    fn note_numbered(&mut self, key: &[u8], value: &[u8]) {
        let lists = &mut self.filaments;
        if let Some(rest) = key.strip_prefix(b"EXTRUDER_TRAIN.") {
            if let Some((tool, length)) = value::number(&rest[..rest.iter().take_while(|byte| byte.is_ascii_digit()).count()])
                && &rest[length..] == b".NOZZLE.DIAMETER"
            {
                put(&mut self.nozzle_diameters_mm, tool as usize, value::leading(value));
            }
            return;
        }
        let Some(at) = key.iter().position(|byte| *byte == b'#') else { return };
        let Some((number, length)) = value::number(&key[at + 1..]).filter(|(number, _)| *number >= 1.0) else { return };
        let tool = number as usize - 1;
        match (&key[..at], &key[at + 1 + length..]) {
            (b"Filament Type ", b"") => put(&mut lists.materials, tool, value::text(value)),
            (b"Filament Name ", b"") => put(&mut lists.settings_names, tool, value::text(value)),
            (b"Filament Density ", b"") => put(&mut lists.densities, tool, value::leading(value)),
            (b"Filament Diameter ", b"") => put(&mut lists.diameters_mm, tool, value::leading(value)),
            (b"Material", b" Used") => put(&mut lists.millimetres, tool, value::leading(value)),
            _ => {}
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: impl FnOnce() -> Option<T>) {
    if slot.is_none() {
        *slot = value();
    }
}

fn fill<T>(list: &mut Vec<Option<T>>, values: impl FnOnce() -> Vec<Option<T>>) {
    if list.iter().all(Option::is_none) {
        *list = values();
    }
}

fn colours(value: &[u8]) -> Vec<Option<String>> {
    value::texts(value).into_iter().map(|text| text.as_deref().and_then(value::colour)).collect()
}

/// Cura's `84.7082m, 0m`; old Slic3r's `120.3mm`.
fn lengths(value: &[u8]) -> Vec<Option<f64>> {
    let metres = !value.windows(2).any(|window| window == b"mm");
    let unit = if metres { 1000.0 } else { 1.0 };
    value::numbers(value).into_iter().map(|number| number.map(|number| number * unit)).collect()
}

/// `305.000 305.000 605.000 0.400 0.400`: the volume, then a nozzle per tool.
fn nozzles_of_dimension(value: &[u8]) -> Vec<Option<f64>> {
    value.split(|byte| *byte == b' ').filter(|item| !item.is_empty()).skip(3).take(value::TOOLS).map(value::leading).collect()
}

fn slicer(comment: &[u8]) -> Option<Slicer> {
    let named = |name: &str, version: &[u8]| Some(Slicer { name: name.to_owned(), version: value::text(version) });
    if let Some(rest) = comment.strip_prefix(b"generated by ") {
        let rest = before(rest, b" on ");
        let version_at = rest.iter().rposition(|byte| *byte == b' ').unwrap_or(rest.len());
        let (name, version) = rest.split_at(version_at);
        return Some(Slicer { name: value::text(name)?, version: value::text(version) });
    }
    if let Some(version) = comment.strip_prefix(b"BambuStudio ") {
        return named("BambuStudio", version);
    }
    if let Some(version) = comment.strip_prefix(b"Generated with Cura_SteamEngine") {
        return named("Cura", version);
    }
    if let Some(version) = comment.strip_prefix(b"G-Code generated by Simplify3D(R) Version ") {
        return named("Simplify3D", version);
    }
    if let Some(version) = comment.strip_prefix(b"Sliced by ideaMaker ") {
        return named("ideaMaker", before(version, b","));
    }
    None
}

fn before<'a>(text: &'a [u8], mark: &[u8]) -> &'a [u8] {
    text.windows(mark.len()).position(|window| window == mark).map_or(text, |at| &text[..at])
}
