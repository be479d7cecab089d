//! List the ledger of one SKU in one place.

use contract::list::{Condition, Page};
use contract::operation::Asked;
use contract::ops::stock::ListStockLedger;
use domain::stock::{Stock, StockEntry};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListStockLedger {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Page<StockEntry>, Failure> {
        let (id, mut query) = (asked.target.id, asked.query);
        query.selection = query.selection.with(Condition::OneOf("stock_id", vec![id.to_string()]));
        let page = door.store.read(|rows| {
            by.find::<Stock>(rows, id)?;
            by.page(rows, &query)
        });
        std::future::ready(page).await
    }
}
