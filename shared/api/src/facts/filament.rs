//! Which spool is in which slot: a slot and its spool name each other, and both change together.

use contract::event::Named;
use domain::filament::{Slot, Spool};
use domain::id::{PrinterId, SlotId, SpoolId};
use domain::text::Name;
use store::Tx;

use super::must;
use crate::operation::Failure;

/// The spool is in that slot now, and in no other; what was in the slot is out. The slot is made if it is new.
pub(crate) fn load(tx: &mut Tx<'_>, spool: SpoolId, printer: PrinterId, position: u8, name: Option<Name>) -> Result<(), Failure> {
    let of_printer = tx.rows().all_where::<Slot>("printer_id", &[&printer.to_string()])?;
    let old = of_printer.into_iter().map(|row| row.record).find(|slot| slot.position == position);
    let slot = match &old {
        Some(old) => Slot { name: name.or_else(|| old.name.clone()), ..old.clone() },
        None => Slot { id: tx.new_id(), printer_id: printer, position, name, spool_id: None, created_at: tx.now() },
    };
    if let Some(other) = slot.spool_id.filter(|other| *other != spool) {
        set_slot(tx, other, None)?;
    }
    take_out_of(tx, must::<Spool>(tx, spool)?.record.slot_id.filter(|id| *id != slot.id))?;
    set_slot(tx, spool, Some(&slot))?;
    let changed = slot.spool_id != Some(spool);
    let slot = Slot { spool_id: Some(spool), ..slot };
    match (old, changed) {
        (None, _) => {
            tx.create(&slot)?;
            tx.tell(Named::SlotChanged, &slot, 1)?;
        }
        (Some(_), true) => drop(tx.update_as(&slot, &[Named::SlotChanged])?),
        (Some(_), false) => drop(tx.update(&slot)?),
    }
    Ok(())
}

/// The spool is in no slot any more.
pub(crate) fn unload(tx: &mut Tx<'_>, spool: SpoolId) -> Result<(), Failure> {
    take_out_of(tx, must::<Spool>(tx, spool)?.record.slot_id)?;
    set_slot(tx, spool, None)
}

/// A printer goes: its slots go with it, and their spools are out.
pub(crate) fn remove_slots(tx: &mut Tx<'_>, printer: PrinterId) -> Result<(), Failure> {
    for slot in tx.rows().all_where::<Slot>("printer_id", &[&printer.to_string()])? {
        if let Some(spool) = slot.record.spool_id {
            set_slot(tx, spool, None)?;
        }
        tx.delete(&slot.record)?;
    }
    Ok(())
}

fn take_out_of(tx: &mut Tx<'_>, slot: Option<SlotId>) -> Result<(), Failure> {
    if let Some(slot) = slot {
        let slot = must::<Slot>(tx, slot)?.record;
        tx.update_as(&Slot { spool_id: None, ..slot }, &[Named::SlotChanged])?;
    }
    Ok(())
}

fn set_slot(tx: &mut Tx<'_>, spool: SpoolId, slot: Option<&Slot>) -> Result<(), Failure> {
    let spool = must::<Spool>(tx, spool)?.record;
    tx.update(&Spool { slot_id: slot.map(|slot| slot.id), printer_id: slot.map(|slot| slot.printer_id), ..spool })?;
    Ok(())
}
