//! What holds between parts, SKUs and orders.

use contract::problem::{Code, Problem};
use contract::record::Record;
use domain::id::{OrderId, PartId, SkuId};
use domain::order::{Order, OrderItem};
use domain::sku::Sku;
use store::{StoreError, Tx};

use crate::operation::Failure;

/// A word that no two records share: nobody else has it in that column. `shares` says who is looked at.
pub(crate) fn free<R: Record>(
    tx: &Tx<'_>,
    mine: R::Id,
    column: &'static str,
    word: Option<&impl ToString>,
    shares: impl Fn(&R) -> bool,
) -> Result<(), Failure> {
    let Some(word) = word.map(ToString::to_string) else { return Ok(()) };
    let having = tx.rows().all_where::<R>(column, &[&word])?;
    let other = having.into_iter().map(|row| row.record).find(|other| other.id() != mine && shares(other));
    match other {
        Some(other) => {
            let id = other.id();
            Err(Problem::new(Code::AlreadyExists).detail(format!("{id} has that {column}")).on(id).into())
        }
        None => Ok(()),
    }
}

/// An open order with such an item, if there is one.
pub(crate) fn open_order(tx: &Tx<'_>, such: impl Fn(&OrderItem) -> bool) -> Result<Option<OrderId>, StoreError> {
    let open = tx.rows().all_where::<Order>("state", &["open"])?;
    Ok(open.iter().find(|order| order.record.items.iter().any(&such)).map(|order| order.record.id))
}

/// A SKU that is made of the part, if there is one.
pub(crate) fn sku_of(tx: &Tx<'_>, part: PartId) -> Result<Option<SkuId>, StoreError> {
    let skus = tx.rows().all::<Sku>()?;
    Ok(skus.iter().find(|sku| sku.record.parts.iter().any(|needed| needed.part_id == part)).map(|sku| sku.record.id))
}
