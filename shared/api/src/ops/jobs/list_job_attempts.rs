//! List the attempts of a job.

use contract::list::{Condition, ListQuery, MAX_LIMIT, View};
use contract::operation::{Asked, QueryParts};
use contract::ops::Listed;
use contract::ops::jobs::ListJobAttempts;
use domain::attempt::Attempt;
use domain::job::Job;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListJobAttempts {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Listed<View<Attempt>>, Failure> {
        let items = door.store.read(|rows| {
            let job = by.find::<Job>(rows, asked.target.id)?.record;
            let mut query = ListQuery::<Attempt>::parse(&[])?;
            query.selection.limit = MAX_LIMIT;
            query.selection = query.selection.with(Condition::OneOf("job_id", vec![job.id.to_string()]));
            Ok::<_, Failure>(by.page(rows, &query)?.items)
        })?;
        std::future::ready(Ok(Listed { items })).await
    }
}
