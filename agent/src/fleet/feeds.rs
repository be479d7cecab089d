//! Which filament of a job is printed from which slot of a printer that tells what is in them. The same rule as
//! the plan's, on what the printer shows at the moment of the start: nothing is started on a guess.

use domain::printer::Loaded;
use drivers::contract::{Feed, SeenSlot};
use scheduler::feeds::{Wanted, choose};

/// What a printer with such slots has loaded; none if it tells of nothing, and then people say it.
pub(super) fn loaded(slots: &[SeenSlot]) -> Option<Vec<Loaded>> {
    let loaded: Vec<Loaded> = slots.iter().filter_map(|slot| slot.loaded.clone()).collect();
    Some(loaded).filter(|loaded| !loaded.is_empty())
}

/// Where each filament comes from; none for a printer without such slots.
///
/// # Errors
/// In words, what is not there.
pub(super) fn feeds(filaments: &[Wanted], slots: &[SeenSlot]) -> Result<Vec<Feed>, String> {
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    let filled: Vec<&SeenSlot> = slots.iter().filter(|slot| slot.loaded.is_some()).collect();
    if let ([only], [] | [_]) = (slots, filaments)
        && filled.is_empty()
    {
        // It does not say what is on its only spool: a person has put the right one there.
        let filament = filaments.first().map_or(0, |wanted| wanted.filament);
        return Ok(vec![Feed { filament, position: only.position }]);
    }
    let loaded: Vec<Loaded> = filled.iter().filter_map(|slot| slot.loaded.clone()).collect();
    if filaments.is_empty() {
        return match filled.as_slice() {
            [only] => Ok(vec![Feed { filament: 0, position: only.position }]),
            [] => Err("nothing is loaded".to_owned()),
            [_, _, ..] => Err("the file does not say which filament it needs, and several are loaded".to_owned()),
        };
    }
    let chosen = choose(filaments, &loaded).map_err(|missing| format!("no slot has {missing}"))?;
    let feed =
        |(wanted, place): (&Wanted, usize)| Some(Feed { filament: wanted.filament, position: filled.get(place)?.position });
    Ok(filaments.iter().zip(chosen).filter_map(feed).collect())
}

#[cfg(test)]
mod tests {
    use domain::job::MaterialNeed;

    use super::*;

    fn slot(position: u8, material: Option<&str>, colour: &str) -> SeenSlot {
        let loaded =
            material.map(|material| Loaded { material: Some(material.to_owned()), colour: Some(colour.to_owned()), grams: None });
        SeenSlot { position, name: format!("slot {position}"), loaded }
    }

    fn wanted(filament: u32, material: &str, colour: Option<&str>) -> Wanted {
        let need = MaterialNeed { material: Some(material.to_owned()), colour: colour.map(str::to_owned), grams: None };
        Wanted { filament, need }
    }

    fn fed(filaments: &[Wanted], slots: &[SeenSlot]) -> Result<Vec<(u32, u8)>, String> {
        feeds(filaments, slots).map(|feeds| feeds.into_iter().map(|feed| (feed.filament, feed.position)).collect())
    }

    #[test]
    fn each_filament_comes_from_a_slot_that_has_it_wherever_that_is() {
        let slots = [
            slot(0, Some("PLA"), "#FF0000"),
            slot(1, None, ""),
            slot(3, Some("PETG"), "#000000"),
            slot(254, Some("PLA"), "#0000FF"),
        ];
        assert_eq!(fed(&[wanted(0, "PETG", None), wanted(2, "pla", Some("#0000ff"))], &slots), Ok(vec![(0, 3), (2, 254)]));
        assert_eq!(fed(&[wanted(1, "PLA", None)], &slots), Ok(vec![(1, 0)]));
    }

    #[test]
    fn what_is_not_loaded_stops_the_start_in_words() {
        let slots = [slot(0, Some("PLA"), "#FF0000"), slot(1, Some("PLA"), "#00FF00")];
        assert_eq!(fed(&[wanted(0, "PETG", None)], &slots), Err("no slot has PETG".to_owned()));
        assert_eq!(fed(&[wanted(0, "PLA", Some("#0000FF"))], &slots), Err("no slot has PLA in #0000FF".to_owned()));
        assert!(fed(&[], &slots).is_err(), "which of the two is not for us to say");
    }

    #[test]
    fn a_printer_without_slots_needs_no_choice_and_an_only_spool_is_taken_as_it_is() {
        assert_eq!(fed(&[wanted(0, "PLA", None)], &[]), Ok(vec![]));
        assert_eq!(fed(&[wanted(0, "PLA", None)], &[slot(254, None, "")]), Ok(vec![(0, 254)]));
        assert_eq!(fed(&[], &[slot(0, None, ""), slot(254, Some("PLA"), "#FF0000")]), Ok(vec![(0, 254)]));
        assert_eq!(fed(&[], &[slot(0, None, ""), slot(254, None, "")]), Err("nothing is loaded".to_owned()));
    }
}
