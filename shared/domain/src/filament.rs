//! Filament: materials, the spools of them, the slots that spools are in, and the ledger of what a spool lost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::amount::{Density, Diameter, Grams, Price};
use crate::id::{MaterialId, PrinterId, SlotId, SpoolEntryId, SpoolId};
use crate::text::{ExternalId, Hex, Metadata, Name, Note};
use crate::time::Timestamp;

/// Type, vendor and colour of a filament.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Material {
    /// Its id.
    pub id: MaterialId,
    /// `PLA`, `PETG`, …
    #[serde(rename = "type")]
    pub material_type: Name,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Name>,
    /// What the vendor calls the colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_name: Option<Name>,
    /// The colour as `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_hex: Option<Hex>,
    /// Grams per cubic centimetre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density_g_cm3: Option<Density>,
    /// The filament's diameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diameter_mm: Option<Diameter>,
    /// What a kilogram costs; for those who may see costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_kg: Option<Price>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One physical reel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spool {
    /// Its id.
    pub id: SpoolId,
    /// What is on it.
    pub material_id: MaterialId,
    /// Grams that were on it at first.
    pub grams_initial: Grams,
    /// Grams left: what was on it at first and all entries of its ledger.
    pub grams_left: Grams,
    /// Grams of the empty reel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tare_grams: Option<Grams>,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Name>,
    /// The slot that it is loaded in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_id: Option<SlotId>,
    /// The printer of that slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<PrinterId>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A line of a spool's ledger. It is written once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpoolEntry {
    /// Its id.
    pub id: SpoolEntryId,
    /// The spool.
    pub spool_id: SpoolId,
    /// Grams that came to it; below 0 what it lost.
    pub delta_grams: f64,
    /// Grams left afterwards.
    pub grams_left: Grams,
    /// Why.
    pub reason: Note,
    /// Who wrote it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
}

impl Spool {
    /// What the scales say: the spool afterwards, and the line of its ledger.
    pub fn measured(&mut self, id: SpoolEntryId, grams_left: Grams, reason: Note, by: Actor, now: Timestamp) -> SpoolEntry {
        let delta_grams = grams_left.get() - self.grams_left.get();
        self.grams_left = grams_left;
        SpoolEntry { id, spool_id: self.id, delta_grams, grams_left, reason, created_by: by, created_at: now }
    }
}

/// A filament position of a printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// Its id.
    pub id: SlotId,
    /// The printer.
    pub printer_id: PrinterId,
    /// The position on the printer, from 0.
    pub position: u8,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The spool in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool_id: Option<SpoolId>,
    /// When it was first used.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ActorKind;
    use crate::id::Id;

    #[test]
    fn what_is_left_is_what_was_there_at_first_and_the_sum_of_the_ledger() {
        let zero = Timestamp::from_millis(0);
        let grams = |number: f64| Grams::try_from(number).unwrap();
        let mut spool = Spool {
            id: SpoolId::new(zero, [1; 10]),
            material_id: MaterialId::new(zero, [2; 10]),
            grams_initial: grams(1000.0),
            grams_left: grams(1000.0),
            tare_grams: None,
            location: None,
            slot_id: None,
            printer_id: None,
            external_id: None,
            metadata: Metadata::default(),
            created_at: zero,
        };
        let owner = Actor::new(ActorKind::Floor, "owner");
        let mut sum = spool.grams_initial.get();
        for (n, left) in [(1, 750.5), (2, 760.0), (3, 0.0)] {
            let entry =
                spool.measured(SpoolEntryId::new(zero, [n; 10]), grams(left), "weighed".parse().unwrap(), owner.clone(), zero);
            sum += entry.delta_grams;
            assert_eq!((entry.grams_left, spool.grams_left.get()), (spool.grams_left, sum));
        }
    }
}
