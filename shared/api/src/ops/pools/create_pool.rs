//! Make a pool.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::pools::CreatePool;
use domain::id::PoolId;
use domain::part::Pool;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreatePool {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Pool>>, Failure> {
        by.within_tags(asked.body.tags.iter())?;
        let id: PoolId = at.new_id();
        let pool = Pool { id, name: asked.body.name, tags: asked.body.tags, created_at: at.now() };
        at.create(&pool)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
