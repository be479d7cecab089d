//! Delete a pool that no unfinished job aims at.

use contract::operation::{Asked, Nothing};
use contract::ops::pools::DeletePool;
use contract::problem::{Code, Problem};
use domain::job::Job;
use domain::part::Pool;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeletePool {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let pool = by.find_to_change::<Pool>(at.rows(), asked.target.id)?.record;
        let unfinished = at.rows().all_where::<Job>("phase", &["waiting", "active"])?;
        if let Some(job) = unfinished.iter().find(|job| job.record.target.pool_id == Some(pool.id)) {
            return Err(Problem::new(Code::InUse).detail(format!("{} aims at the pool", job.record.id)).on(pool.id).into());
        }
        at.delete(&pool)?;
        Ok(Nothing {}.into())
    }
}
