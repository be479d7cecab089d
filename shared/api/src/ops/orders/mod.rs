//! Orders: what somebody wants.

mod create_order;
mod edit_order;
mod end;

use contract::operation::Contract;
use domain::order::{ItemAsked, Order, OrderItem, revised};
use domain::part::Part;
use domain::sku::Sku;
use store::Tx;

use super::named;
use crate::facts::free;
use crate::operation::{By, Failure};

/// The items after a change, whose SKUs and parts are there. What was ordered before may name what is gone since.
fn items<C: Contract>(by: &By<C>, tx: &mut Tx<'_>, now: &[OrderItem], asked: Vec<ItemAsked>) -> Result<Vec<OrderItem>, Failure> {
    let items = revised(now, asked, || tx.new_id())?;
    for (i, item) in items.iter().enumerate() {
        let old = now.iter().find(|old| old.id == item.id);
        if let Some(sku) = item.sku_id.filter(|sku| old.is_none_or(|old| old.sku_id != Some(*sku))) {
            named::<C, Sku>(by, tx.rows(), sku, &format!("/items/{i}/sku_id"))?;
        }
        if let Some(part) = item.part_id.filter(|part| old.is_none_or(|old| old.part_id != Some(*part))) {
            named::<C, Part>(by, tx.rows(), part, &format!("/items/{i}/part_id"))?;
        }
    }
    Ok(items)
}

/// An external id that no other order of the same source has.
fn check_external_id(tx: &Tx<'_>, order: &Order) -> Result<(), Failure> {
    free::<Order>(tx, order.id, "external_id", order.external_id.as_ref(), |other| other.source == order.source)
}
