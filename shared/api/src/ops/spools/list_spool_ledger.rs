//! List the ledger of a spool.

use contract::list::{Condition, Page};
use contract::operation::Asked;
use contract::ops::spools::ListSpoolLedger;
use domain::filament::{Spool, SpoolEntry};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListSpoolLedger {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Page<SpoolEntry>, Failure> {
        let (id, mut query) = (asked.target.id, asked.query);
        query.selection = query.selection.with(Condition::OneOf("spool_id", vec![id.to_string()]));
        let page = door.store.read(|rows| {
            by.find::<Spool>(rows, id)?;
            by.page(rows, &query)
        });
        std::future::ready(page).await
    }
}
