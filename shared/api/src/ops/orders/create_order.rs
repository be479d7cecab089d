//! Make an order. How it was made is its event.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::orders::CreateOrder;
use domain::id::OrderId;
use domain::order::{Order, OrderSource, OrderState};

use super::{check_external_id, items};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateOrder {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Order>>, Failure> {
        let body = asked.body;
        let id: OrderId = at.new_id();
        let order = Order {
            id,
            name: body.name,
            source: body.source,
            state: OrderState::Open,
            customer: body.customer,
            due_at: body.due_at,
            items: items(by, at, &[], body.items)?,
            note: body.note,
            cancel_reason: None,
            external_id: body.external_id,
            metadata: body.metadata,
            created_by: by.actor.clone(),
            created_at: at.now(),
            ended_at: None,
        };
        check_external_id(at, &order)?;
        let event = match order.source {
            OrderSource::Manual => Named::OrderCreatedManual,
            OrderSource::Retail => Named::OrderCreatedRetail,
        };
        at.create_as(&order, event)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
