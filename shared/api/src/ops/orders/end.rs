//! Cancel an order, or close it.

use contract::event::Named;
use contract::list::View;
use contract::operation::{Asked, Contract};
use contract::ops::orders::{CancelOrderOp, CloseOrder};
use contract::problem::{Code, Problem};
use domain::id::OrderId;
use domain::order::{Order, OrderEnd};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

fn end<C: Contract>(by: &By<C>, at: &mut AtHome<'_, '_>, id: OrderId, how: OrderEnd) -> Result<Written<View<Order>>, Failure> {
    let mut order = by.find_to_change::<Order>(at.rows(), id)?.record;
    let event = match how {
        OrderEnd::Cancelled(_) => Named::OrderCancelled,
        OrderEnd::Closed => Named::OrderClosed,
    };
    order.end(how, at.now()).map_err(|ended| Problem::new(Code::IllegalState).detail(ended).on(id))?;
    at.update_as(&order, &[event])?;
    Ok(by.view(at.rows(), id)?.into())
}

impl Write for CancelOrderOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Order>>, Failure> {
        end(by, at, asked.target.id, OrderEnd::Cancelled(asked.body.reason))
    }
}

impl Write for CloseOrder {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Order>>, Failure> {
        end(by, at, asked.target.id, OrderEnd::Closed)
    }
}
