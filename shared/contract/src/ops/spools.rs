//! Spools: physical reels, what is left on them, and the slots that they are in.

use domain::access::Access;
use domain::amount::Grams;
use domain::filament::{Slot, Spool, SpoolEntry};
use domain::id::{MaterialId, PrinterId, SlotId, SpoolId};
use domain::permission::Permission;
use domain::text::{ExternalId, Metadata, Name, Note};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new spool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSpool {
    /// What is on it.
    pub material_id: MaterialId,
    /// Grams that are on it.
    pub grams_initial: Grams,
    /// Grams of the empty reel.
    #[serde(default)]
    pub tare_grams: Option<Grams>,
    /// Where it lies.
    #[serde(default)]
    pub location: Option<Name>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewSpool {}

/// A change to a spool. What is left on it changes by its ledger only.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSpool {
    /// What is on it.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "MaterialId")]
    pub material_id: Option<MaterialId>,
    /// Grams of the empty reel; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Grams>")]
    pub tare_grams: Option<Option<Grams>>,
    /// Where it lies; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Name>")]
    pub location: Option<Option<Name>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditSpool {}

/// What the scales say.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureSpool {
    /// Grams of filament left, without the reel.
    pub grams_left: Grams,
    /// Why, in words.
    pub reason: Note,
}
impl Json for MeasureSpool {}

/// Where a spool is put in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadSpool {
    /// The printer.
    pub printer_id: PrinterId,
    /// The position on it, from 0.
    #[serde(default)]
    pub position: u8,
    /// What people call the slot; absent = as it was.
    #[serde(default)]
    pub slot_name: Option<Name>,
}
impl Json for LoadSpool {}

crate::operations! {
    /// List the spools.
    ListSpools = "list_spools" Get "/v1/spools" {
        access: Access::Needs(Permission::SpoolView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Spool>, body: Nothing, reply: Page<Spool>, status: 200
    }
    /// Add a spool.
    ///
    /// What is left on it starts with `grams_initial`.
    CreateSpool = "create_spool" Post "/v1/spools" {
        access: Access::Needs(Permission::SpoolCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewSpool, reply: View<Spool>, status: 201
    }
    /// Show one spool.
    GetSpool = "get_spool" Get "/v1/spools/{id}" {
        access: Access::Needs(Permission::SpoolView), home: Farm, nature: Read, ai: Read,
        target: Of<SpoolId>, query: Nothing, body: Nothing, reply: View<Spool>, status: 200
    }
    /// Change a spool.
    ///
    /// What is left on it is not changed here, but measured.
    EditSpoolOp = "edit_spool" Patch "/v1/spools/{id}" {
        access: Access::Needs(Permission::SpoolEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<SpoolId>, query: Nothing, body: EditSpool, reply: View<Spool>, status: 200
    }
    /// Remove a spool.
    ///
    /// Refused while it is loaded. Its ledger stays.
    DeleteSpool = "delete_spool" Delete "/v1/spools/{id}" {
        access: Access::Needs(Permission::SpoolDelete), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<SpoolId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// Say how many grams are left on a spool.
    ///
    /// Writes the difference into its ledger.
    MeasureSpoolOp = "measure_spool" Post "/v1/spools/{id}/measure" {
        access: Access::Needs(Permission::SpoolEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<SpoolId>, query: Nothing, body: MeasureSpool, reply: View<Spool>, status: 200
    }
    /// List the ledger of a spool.
    ListSpoolLedger = "list_spool_ledger" Get "/v1/spools/{id}/ledger" {
        access: Access::Needs(Permission::SpoolView), home: Farm, nature: Read, ai: Read,
        target: Of<SpoolId>, query: ListQuery<SpoolEntry>, body: Nothing, reply: Page<SpoolEntry>, status: 200
    }
    /// Say that a spool is in a printer's slot.
    ///
    /// The slot is made if it is new. The spool that was in it is out. The queue does not look at it yet: jobs are matched on `loaded` of the printer.
    LoadSpoolOp = "load_spool" Post "/v1/spools/{id}/load" {
        access: Access::Needs(Permission::SpoolLoad), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SpoolId>, query: Nothing, body: LoadSpool, reply: View<Spool>, status: 200
    }
    /// Say that a spool is in no printer.
    UnloadSpool = "unload_spool" Post "/v1/spools/{id}/unload" {
        access: Access::Needs(Permission::SpoolLoad), home: Farm, nature: Refused, ai: Hidden,
        target: Of<SpoolId>, query: Nothing, body: Nothing, reply: View<Spool>, status: 200
    }
    /// List the slots of the printers.
    ListSlots = "list_slots" Get "/v1/slots" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Slot>, body: Nothing, reply: Page<Slot>, status: 200
    }
    /// Show one slot.
    GetSlot = "get_slot" Get "/v1/slots/{id}" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Of<SlotId>, query: Nothing, body: Nothing, reply: View<Slot>, status: 200
    }
}
