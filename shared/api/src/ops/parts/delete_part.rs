//! Delete a part that nothing uses.

use contract::operation::{Asked, Nothing};
use contract::ops::parts::DeletePart;
use contract::problem::{Code, Problem};
use domain::part::Part;

use crate::facts::{open_order, sku_of};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeletePart {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let part = by.find_to_change::<Part>(at.rows(), asked.target.id)?.record;
        let in_use = |who: String| Problem::new(Code::InUse).detail(format!("{who} uses the part")).on(part.id);
        if let Some(sku) = sku_of(at, part.id)? {
            return Err(in_use(sku.to_string()).into());
        }
        if let Some(order) = open_order(at, |item| item.part_id == Some(part.id))? {
            return Err(in_use(order.to_string()).into());
        }
        at.delete(&part)?;
        Ok(Nothing {}.into())
    }
}
