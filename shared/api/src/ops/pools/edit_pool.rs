//! Change a pool.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::pools::EditPoolOp;
use domain::part::Pool;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditPoolOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Pool>>, Failure> {
        let mut pool = by.find_to_change::<Pool>(at.rows(), asked.target.id)?.record;
        pool.name = asked.body.name.unwrap_or(pool.name);
        if let Some(tags) = asked.body.tags {
            by.within_tags(tags.iter())?;
            pool.tags = tags;
        }
        at.update(&pool)?;
        Ok(by.view(at.rows(), pool.id)?.into())
    }
}
