//! Let the farm start work, finish what it has, or start nothing.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::farms::SetFarmDispatch;
use domain::farm::Farm;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for SetFarmDispatch {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Farm>>, Failure> {
        by.whole_farm()?;
        let mut farm = by.find_to_change::<Farm>(at.rows(), asked.target.id)?.record;
        farm.dispatch = asked.body.dispatch;
        at.update(&farm)?;
        Ok(by.view(at.rows(), farm.id)?.into())
    }
}
