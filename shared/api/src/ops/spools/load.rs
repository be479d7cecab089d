//! Say which spool is in which slot.

use contract::list::View;
use contract::operation::{Asked, Contract};
use contract::ops::spools::{LoadSpoolOp, UnloadSpool};
use contract::problem::{Code, Problem};
use domain::filament::{Slot, Spool};
use domain::id::SpoolId;
use domain::printer::Printer;

use crate::facts::{load, unload};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{named, unprepared};

/// A spool that may be moved: it is in no slot, or in one of a printer that the caller holds.
fn to_move<C: Contract>(by: &By<C>, at: &AtHome<'_, '_>, id: SpoolId) -> Result<Spool, Failure> {
    let spool = by.find_to_change::<Spool>(at.rows(), id)?.record;
    match spool.slot_id.map(|slot| by.find::<Slot>(at.rows(), slot)) {
        None | Some(Ok(_)) => Ok(spool),
        Some(Err(Failure::Problem(_))) => {
            Err(Problem::new(Code::GrantsExceeded).detail("it is in a printer outside the tags that you hold").on(id).into())
        }
        Some(Err(broken @ Failure::Store(_))) => Err(broken),
    }
}

impl Write for LoadSpoolOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Spool>>, Failure> {
        let spool = to_move(by, at, asked.target.id)?;
        let body = asked.body;
        let printer = named::<Self, Printer>(by, at.rows(), body.printer_id, "/printer_id")?;
        load(at, spool.id, printer.id, body.position, body.slot_name)?;
        Ok(by.view(at.rows(), spool.id)?.into())
    }
}

impl Write for UnloadSpool {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Spool>>, Failure> {
        let spool = to_move(by, at, asked.target.id)?;
        if spool.slot_id.is_none() {
            return Err(Problem::new(Code::IllegalState).detail("the spool is in no printer").on(spool.id).into());
        }
        unload(at, spool.id)?;
        Ok(by.view(at.rows(), spool.id)?.into())
    }
}
