//! What a job needs of a printer, read from its file.

use domain::job::{MaterialNeed, Needs};
use domain::printer::Size;
use domain::sliced::Sliced;

/// The needs that a file tells.
pub fn of_file(sliced: &Sliced) -> Needs {
    let nozzle = sliced.nozzle_diameters_mm.first().copied();
    let one_nozzle = sliced.nozzle_diameters_mm.iter().all(|other| nozzle.is_some_and(|nozzle| (nozzle - other).abs() < 0.001));
    // Needs stand by the position of the tool: a file that uses only the third tool asks nothing of the first two.
    let last = sliced.filaments.iter().map(|filament| filament.tool as usize + 1).max().unwrap_or(0).min(64);
    let mut materials = vec![MaterialNeed { material: None, colour: None, grams: None }; last];
    for filament in &sliced.filaments {
        if let Some(need) = materials.get_mut(filament.tool as usize) {
            // The colour in a file is the slicer's preview, not a wish: matching by it is the job's own choice.
            *need = MaterialNeed { material: filament.material.clone(), colour: None, grams: filament.grams };
        }
    }
    Needs {
        models: sliced.printer_model.iter().cloned().collect(),
        nozzle_mm: nozzle.filter(|_| one_nozzle),
        materials,
        plate_type: None,
        size_mm: sliced.bounds.map(|bounds| Size {
            x: bounds.max_mm[0] - bounds.min_mm[0],
            y: bounds.max_mm[1] - bounds.min_mm[1],
            z: bounds.max_mm[2],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::sliced::Filament;

    #[test]
    fn a_file_that_uses_only_the_third_tool_asks_nothing_of_the_first_two() {
        let filament = Filament { tool: 2, material: Some("PETG".into()), ..Filament::default() };
        let needs = of_file(&Sliced { filaments: vec![filament], ..Sliced::default() });
        let materials: Vec<_> = needs.materials.iter().map(|need| need.material.as_deref()).collect();
        assert_eq!(materials, [None, None, Some("PETG")]);
    }

    #[test]
    fn a_file_with_two_nozzles_asks_for_none() {
        let sliced = Sliced { nozzle_diameters_mm: vec![0.4, 0.6], ..Sliced::default() };
        assert_eq!(of_file(&sliced).nozzle_mm, None);
    }
}
