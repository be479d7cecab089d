//! Delete a SKU that nobody wants and of which nothing lies ready.

use contract::operation::{Asked, Nothing};
use contract::ops::skus::DeleteSku;
use contract::problem::{Code, Problem};
use domain::sku::Sku;
use domain::stock::Stock;

use crate::facts::open_order;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteSku {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let sku = by.find_to_change::<Sku>(at.rows(), asked.target.id)?.record;
        let in_use = |why: String| Problem::new(Code::InUse).detail(why).on(sku.id);
        if let Some(order) = open_order(at, |item| item.sku_id == Some(sku.id))? {
            return Err(in_use(format!("{order} is open and wants it")).into());
        }
        let stock = at.rows().all_where::<Stock>("sku_id", &[&sku.id.to_string()])?;
        if let Some(some) = stock.iter().find(|stock| stock.record.on_hand > 0) {
            return Err(in_use(format!("{} pieces are in stock as {}", some.record.on_hand, some.record.id)).into());
        }
        for nothing in stock {
            at.delete(&nothing.record)?;
        }
        at.delete(&sku)?;
        Ok(Nothing {}.into())
    }
}
