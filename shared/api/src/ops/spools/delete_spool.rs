//! Remove a spool that is in no printer.

use contract::operation::{Asked, Nothing};
use contract::ops::spools::DeleteSpool;
use contract::problem::{Code, Problem};
use domain::filament::Spool;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteSpool {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let spool = by.find_to_change::<Spool>(at.rows(), asked.target.id)?.record;
        if spool.slot_id.is_some() {
            return Err(Problem::new(Code::InUse).detail("the spool is loaded: unload it first").on(spool.id).into());
        }
        at.delete(&spool)?;
        Ok(Nothing {}.into())
    }
}
