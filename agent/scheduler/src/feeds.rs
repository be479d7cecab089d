//! Which of the loaded spools each filament of a job is printed from, on a printer whose start says so: by the same
//! rule by which the plan finds that the printer fits.

use domain::job::MaterialNeed;
use domain::printer::Loaded;

use crate::demand::Words;

/// A filament that a job needs, and its number in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// From 0.
    pub filament: u32,
    /// What it is.
    pub need: MaterialNeed,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let MaterialNeed { material, colour, grams } = &self.need;
        f.write_str(material.as_deref().unwrap_or("filament"))?;
        if let Some(colour) = colour {
            write!(f, " in {colour}")?;
        }
        match grams {
            Some(grams) => write!(f, ", {grams:.0} g of it"),
            None => Ok(()),
        }
    }
}

/// What a job needs, in the order of the file's tools, with the numbers of those tools.
pub fn wanted(needs: &[MaterialNeed], tools: &[u32]) -> Vec<Wanted> {
    let number = |at: usize| tools.get(at).copied().or_else(|| u32::try_from(at).ok()).unwrap_or(0);
    needs.iter().enumerate().map(|(at, need)| Wanted { filament: number(at), need: need.clone() }).collect()
}

/// The place among `loaded` for each filament.
///
/// # Errors
/// The first for which nothing is loaded that will do.
pub fn choose<'a>(wanted: &'a [Wanted], loaded: &[Loaded]) -> Result<Vec<usize>, &'a Wanted> {
    let mut words = Words::default();
    let spools = words.loaded(loaded);
    wanted
        .iter()
        .map(|one| {
            let MaterialNeed { material, colour, grams } = &one.need;
            words.filament(material.as_deref(), colour.as_deref(), *grams).best_of(&spools).ok_or(one)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(text: &str) -> Loaded {
        let mut parts = text.split('@');
        let known = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
        let (material, colour) = (known(parts.next()), known(parts.next()));
        Loaded { material, colour, grams: parts.next().and_then(|grams| grams.parse().ok()) }
    }

    fn chosen(needs: &[&str], loaded: &[&str]) -> Result<Vec<usize>, String> {
        let need = |text: &&str| {
            let Loaded { material, colour, grams } = spool(text);
            MaterialNeed { material, colour, grams }
        };
        let wanted = wanted(&needs.iter().map(need).collect::<Vec<_>>(), &[]);
        let loaded: Vec<Loaded> = loaded.iter().map(|text| spool(text)).collect();
        choose(&wanted, &loaded).map_err(ToString::to_string)
    }

    #[test]
    fn a_filament_is_taken_from_wherever_it_is_and_what_is_known_goes_first() {
        assert_eq!(chosen(&["PETG", "PLA@#FF0000"], &["PLA@#ff0000", "petg"]), Ok(vec![1, 0]));
        assert_eq!(chosen(&["PLA@#FF0000"], &["PLA", "PLA@#FF0000FF"]), Ok(vec![1]));
        assert_eq!(chosen(&["PLA@@100"], &["PLA@@50", "PLA@@500"]), Ok(vec![1]));
        assert_eq!(chosen(&["PLA@@100"], &["PLA", "PLA@@500"]), Ok(vec![1]));
        assert_eq!(chosen(&["PLA", "PLA"], &["PLA"]), Ok(vec![0, 0]));
    }

    #[test]
    fn what_nothing_loaded_will_do_for_is_named() {
        assert_eq!(chosen(&["PLA", "ABS@#000000"], &["PLA"]), Err("ABS in #000000".to_owned()));
        assert_eq!(chosen(&["PLA@@100"], &["PLA@@50"]), Err("PLA, 100 g of it".to_owned()));
    }

    #[test]
    fn a_filament_has_the_number_of_its_tool() {
        let needs = [
            MaterialNeed { material: None, colour: None, grams: None },
            MaterialNeed { material: None, colour: None, grams: None },
        ];
        let numbers = |tools: &[u32]| wanted(&needs, tools).iter().map(|one| one.filament).collect::<Vec<_>>();
        assert_eq!((numbers(&[0, 3]), numbers(&[2]), numbers(&[])), (vec![0, 3], vec![2, 1], vec![0, 1]));
    }
}
