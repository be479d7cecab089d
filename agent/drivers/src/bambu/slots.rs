//! The filament positions that the machine tells of: its AMS units and its external spools, and how a start names
//! them. A position's number is the machine's own: it stays while other units come and go.

use domain::printer::Loaded;
use serde_json::{Value, json};

use super::wire::{Status, number, text, whole};
use crate::contract::{Feed, SeenSlot};

/// The first number of units with one slot, which is their number.
const SINGLE: u8 = 128;
/// The external spools: the only one, or that of the left nozzle; and that of the right one.
const EXTERNAL: u8 = 254;
const EXTERNAL_RIGHT: u8 = 255;

/// Filaments of a file beyond this are a mistake.
const FILAMENTS_AT_MOST: u32 = 64;

/// All positions, in the order of their numbers.
pub(super) fn seen(status: &Status) -> Vec<SeenSlot> {
    let units = status.at(&["ams", "ams"]).and_then(Value::as_array).into_iter().flatten();
    let filled = status.bits(&["ams", "tray_exist_bits"]);
    let mut slots: Vec<SeenSlot> = units.flat_map(|unit| of_unit(unit, filled)).collect();
    slots.extend(external(status));
    slots.sort_by_key(|slot| slot.position);
    slots.dedup_by_key(|slot| slot.position);
    slots
}

fn of_unit(unit: &Value, filled: Option<u64>) -> Vec<SeenSlot> {
    let Some(id) = small(unit.get("id")) else { return Vec::new() };
    let trays = unit.get("tray").and_then(Value::as_array);
    let slot = |tray: &Value| {
        let n = small(tray.get("id")).filter(|n| *n < 4)?;
        let (position, name) = match id {
            0..=31 => (id.checked_mul(4)?.checked_add(n)?, format!("AMS {}, slot {}", letter(id), n + 1)),
            SINGLE..=135 if n == 0 => (id, format!("AMS HT {}", letter(id - SINGLE))),
            _ => return None,
        };
        // The bits tell of the units with four slots only.
        let is_filled = filled.filter(|_| position < 16).map(|bits| (bits >> position) & 1 == 1);
        Some(SeenSlot { position, name, loaded: loaded(tray, is_filled) })
    };
    trays.into_iter().flatten().filter_map(slot).collect()
}

fn external(status: &Status) -> Vec<SeenSlot> {
    let several = status.get("vir_slot").and_then(Value::as_array).filter(|slots| !slots.is_empty());
    let slot = |tray: &Value, position, name: &str| SeenSlot { position, name: name.to_owned(), loaded: loaded(tray, None) };
    match several.map(Vec::as_slice) {
        Some([only]) => vec![slot(only, EXTERNAL, "External spool")],
        Some(both) => {
            let one = |tray: &Value| match small(tray.get("id")) {
                Some(EXTERNAL) => Some(slot(tray, EXTERNAL, "External spool, left")),
                Some(EXTERNAL_RIGHT) => Some(slot(tray, EXTERNAL_RIGHT, "External spool, right")),
                Some(_) | None => None,
            };
            both.iter().filter_map(one).collect()
        }
        None => status.get("vt_tray").map(|tray| slot(tray, EXTERNAL, "External spool")).into_iter().collect(),
    }
}

/// What is in a slot. A spool of which nothing is known is not an empty slot.
fn loaded(tray: &Value, is_filled: Option<bool>) -> Option<Loaded> {
    let material = text(tray.get("tray_type"));
    if is_filled == Some(false) || (material.is_none() && is_filled.is_none()) {
        return None;
    }
    let share = number(tray.get("remain")).filter(|share| (0.0..=100.0).contains(share));
    let weight = number(tray.get("tray_weight")).filter(|grams| *grams > 0.0);
    let colour = text(tray.get("tray_color")).and_then(|colour| opaque(&colour)).filter(|_| material.is_some());
    Some(Loaded { material, colour, grams: share.zip(weight).map(|(share, weight)| weight * share / 100.0) })
}

/// `RRGGBBAA` as `#RRGGBB`.
fn opaque(colour: &str) -> Option<String> {
    let digits = colour.get(..6)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| format!("#{}", digits.to_ascii_uppercase()))
}

fn letter(n: u8) -> char {
    char::from(b'A'.saturating_add(n.min(25)))
}

fn small(value: Option<&Value>) -> Option<u8> {
    number(value).and_then(whole).and_then(|number| u8::try_from(number).ok())
}

/// How a start names where each filament comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mapping {
    /// Whether any comes from an AMS.
    pub use_ams: bool,
    /// By the filaments of the file: the position's number; -1 if it is unused or external.
    pub plain: Value,
    /// The same with unit and slot apart, and with external spools.
    pub full: Value,
}

/// The mapping for those feeds, from what the machine tells right now.
///
/// # Errors
/// In words, what does not fit: nothing is started on a guess.
pub(super) fn mapping(feeds: &[Feed], slots: &[SeenSlot]) -> Result<Mapping, String> {
    if feeds.is_empty() {
        let has_units = slots.iter().any(|slot| slot.position < EXTERNAL);
        return if has_units {
            Err("it was not said which filament comes from which slot".to_owned())
        } else {
            Ok(Mapping { use_ams: false, plain: json!([-1]), full: json!([{"ams_id": 255, "slot_id": 0}]) })
        };
    }
    let externals = slots.iter().filter(|slot| slot.position >= EXTERNAL).count();
    let count = feeds.iter().map(|feed| feed.filament).max().unwrap_or(0) + 1;
    if count > FILAMENTS_AT_MOST {
        return Err(format!("the file asks for {count} filaments"));
    }
    let mut plain = Vec::new();
    let mut full = Vec::new();
    for filament in 0..count {
        let Some(feed) = feeds.iter().find(|feed| feed.filament == filament) else {
            plain.push(json!(-1));
            full.push(json!({"ams_id": 255, "slot_id": 255}));
            continue;
        };
        let Some(slot) = slots.iter().find(|slot| slot.position == feed.position) else {
            return Err(format!("the slot for filament {} is not there any more", filament + 1));
        };
        if slot.loaded.is_none() && slot.position < EXTERNAL {
            return Err(format!("{} is empty", slot.name));
        }
        let (number, unit, inner) = match slot.position {
            EXTERNAL if externals == 1 => (-1, 255, 0),
            position @ (EXTERNAL | EXTERNAL_RIGHT) => (-1, position, 0),
            position @ SINGLE.. => (i16::from(position), position, 0),
            position => (i16::from(position), position / 4, position % 4),
        };
        plain.push(json!(number));
        full.push(json!({"ams_id": unit, "slot_id": inner}));
    }
    let use_ams = feeds.iter().any(|feed| feed.position < EXTERNAL);
    Ok(Mapping { use_ams, plain: Value::Array(plain), full: Value::Array(full) })
}
