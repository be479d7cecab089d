//! SKUs: what is sold.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::Price;
use crate::field::BadField;
use crate::id::{PartId, SkuId};
use crate::text::{Code, ExternalId, Metadata, Name};
use crate::time::Timestamp;

/// How many of a part one piece needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuPart {
    /// The part.
    pub part_id: PartId,
    /// How many.
    pub quantity: u32,
}

/// What a buyer may choose, such as the colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuOption {
    /// What is chosen.
    pub name: Name,
    /// What there is to choose from.
    pub values: Vec<Name>,
}

/// What is sold: parts × quantity, with options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sku {
    /// Its id.
    pub id: SkuId,
    /// What people call it.
    pub name: Name,
    /// The code that it is ordered by; no two SKUs have the same.
    pub code: Code,
    /// What one piece is made of.
    pub parts: Vec<SkuPart>,
    /// What a buyer may choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<SkuOption>,
    /// What it is sold for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Most parts and options of a SKU, and values of an option.
const MOST: usize = 100;

/// Parts that stand there once each, with a quantity.
///
/// # Errors
/// The first that does not.
pub fn check_parts(parts: &[SkuPart]) -> Result<(), BadField> {
    few(parts.len(), "/parts")?;
    let mut seen = BTreeSet::new();
    for (i, part) in parts.iter().enumerate() {
        if part.quantity == 0 {
            return Err(BadField::new(format!("/parts/{i}/quantity"), "must be at least 1"));
        }
        if !seen.insert(part.part_id) {
            return Err(BadField::new(format!("/parts/{i}/part_id"), "stands there twice: add up the quantities"));
        }
    }
    Ok(())
}

/// Options with names and values of their own.
///
/// # Errors
/// The first that has not.
pub fn check_options(options: &[SkuOption]) -> Result<(), BadField> {
    few(options.len(), "/options")?;
    let mut names = BTreeSet::new();
    for (i, option) in options.iter().enumerate() {
        if !names.insert(&option.name) {
            return Err(BadField::new(format!("/options/{i}/name"), "stands there twice"));
        }
        let pointer = format!("/options/{i}/values");
        few(option.values.len(), &pointer)?;
        let distinct: BTreeSet<&Name> = option.values.iter().collect();
        if distinct.is_empty() || distinct.len() < option.values.len() {
            return Err(BadField::new(pointer, "name at least one value, and each once"));
        }
    }
    Ok(())
}

fn few(count: usize, pointer: &str) -> Result<(), BadField> {
    if count > MOST { Err(BadField::new(pointer, format!("at most {MOST}"))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn part(n: u8, quantity: u32) -> SkuPart {
        SkuPart { part_id: PartId::new(Timestamp::from_millis(0), [n; 10]), quantity }
    }

    fn option(name: &str, values: &[&str]) -> SkuOption {
        SkuOption { name: name.parse().unwrap(), values: values.iter().map(|value| value.parse().unwrap()).collect() }
    }

    #[test]
    fn a_part_stands_once_and_at_least_one_is_needed() {
        assert_eq!(check_parts(&[part(1, 1), part(2, 4)]), Ok(()));
        assert_eq!(check_parts(&[part(1, 0)]).unwrap_err().pointer, "/parts/0/quantity");
        assert_eq!(check_parts(&[part(1, 1), part(1, 2)]).unwrap_err().pointer, "/parts/1/part_id");
        assert!(check_parts(&(0..101).map(|n| part(n, 1)).collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn an_option_has_a_name_of_its_own_and_distinct_values() {
        assert_eq!(check_options(&[option("colour", &["red", "blue"]), option("size", &["S"])]), Ok(()));
        assert_eq!(check_options(&[option("a", &["x"]), option("a", &["y"])]).unwrap_err().pointer, "/options/1/name");
        for values in [&[][..], &["x", "x"]] {
            assert_eq!(check_options(&[option("a", values)]).unwrap_err().pointer, "/options/0/values");
        }
    }
}
