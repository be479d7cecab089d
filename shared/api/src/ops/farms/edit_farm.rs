//! Change a farm.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::farms::EditFarmOp;
use domain::farm::Farm;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditFarmOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Farm>>, Failure> {
        by.whole_farm()?;
        let mut farm = by.find_to_change::<Farm>(at.rows(), asked.target.id)?.record;
        farm.name = asked.body.name.unwrap_or(farm.name);
        farm.quarantine_after = asked.body.quarantine_after.unwrap_or(farm.quarantine_after);
        farm.hold_file_after = asked.body.hold_file_after.unwrap_or(farm.hold_file_after);
        at.update(&farm)?;
        Ok(by.view(at.rows(), farm.id)?.into())
    }
}
