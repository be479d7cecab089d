//! Change an open order.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::orders::EditOrderOp;
use contract::patch::patched;
use contract::problem::{Code, Problem};
use domain::order::Order;

use super::{check_external_id, items};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditOrderOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Order>>, Failure> {
        let mut order = by.find_to_change::<Order>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        order.open().map_err(|ended| Problem::new(Code::IllegalState).detail(ended).on(order.id))?;
        if let Some(asked) = body.items {
            order.items = items(by, at, &order.items, asked)?;
        }
        order.name = body.name.unwrap_or(order.name);
        order.customer = patched(order.customer, body.customer, "/customer")?;
        order.due_at = body.due_at.unwrap_or(order.due_at);
        order.note = body.note.unwrap_or(order.note);
        order.external_id = body.external_id.unwrap_or(order.external_id);
        order.metadata = patched(order.metadata, body.metadata, "/metadata")?;
        check_external_id(at, &order)?;
        at.update(&order)?;
        Ok(by.view(at.rows(), order.id)?.into())
    }
}
