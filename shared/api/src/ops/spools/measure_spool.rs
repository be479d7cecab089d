//! Say how many grams are left on a spool.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::spools::MeasureSpoolOp;
use domain::filament::Spool;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for MeasureSpoolOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Spool>>, Failure> {
        let mut spool = by.find_to_change::<Spool>(at.rows(), asked.target.id)?.record;
        let (entry, now) = (at.new_id(), at.now());
        let entry = spool.measured(entry, asked.body.grams_left, asked.body.reason, by.actor.clone(), now);
        at.create(&entry)?;
        at.update(&spool)?;
        Ok(by.view(at.rows(), spool.id)?.into())
    }
}
