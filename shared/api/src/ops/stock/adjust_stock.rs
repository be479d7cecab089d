//! Say that pieces of a SKU came or went.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::stock::AdjustStockOp;
use contract::problem::{Code, Problem};
use domain::sku::Sku;
use domain::stock::Stock;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{named, unprepared};

impl Write for AdjustStockOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Stock>>, Failure> {
        let body = asked.body;
        if body.delta == 0 {
            return Err(Problem::field("/delta", "invalid", "must not be 0").into());
        }
        named::<Self, Sku>(by, at.rows(), body.sku_id, "/sku_id")?;
        let places = at.rows().all_where::<Stock>("sku_id", &[&body.sku_id.to_string()])?;
        let here = places.into_iter().map(|row| row.record).find(|stock| stock.location == body.location);
        let (new, now) = (here.is_none(), at.now());
        let mut stock = match here {
            Some(here) => here,
            None => Stock { id: at.new_id(), sku_id: body.sku_id, location: body.location, on_hand: 0, created_at: now },
        };
        let entry = stock
            .adjusted(at.new_id(), body.delta, body.reason, by.actor.clone(), now)
            .map_err(|none| Problem::new(Code::IllegalState).detail(none).on(stock.sku_id))?;
        if new {
            at.create(&stock)?;
        } else {
            at.update(&stock)?;
        }
        at.create(&entry)?;
        Ok(by.view(at.rows(), stock.id)?.into())
    }
}
