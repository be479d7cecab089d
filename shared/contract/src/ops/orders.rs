//! Orders: what somebody wants.

use domain::access::Access;
use domain::id::OrderId;
use domain::order::{Customer, ItemAsked, Order, OrderSource};
use domain::permission::Permission;
use domain::text::{ExternalId, Metadata, Name, Note};
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new order.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Its number or name.
    pub name: Name,
    /// Where it comes from.
    #[serde(default)]
    pub source: OrderSource,
    /// Who wants it.
    #[serde(default)]
    pub customer: Option<Customer>,
    /// When it should be done.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Its items.
    #[serde(default)]
    pub items: Vec<ItemAsked>,
    /// What people should know.
    #[serde(default)]
    pub note: Option<Note>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewOrder {}

/// A change to an open order.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditOrder {
    /// Another number or name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Who wants it; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Customer>>")]
    pub customer: Option<Option<Patch<Option<Customer>>>>,
    /// When it should be done; `null` = no date.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Timestamp>")]
    pub due_at: Option<Option<Timestamp>>,
    /// All its items: with an id those that stay, without one the new ones.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<ItemAsked>")]
    pub items: Option<Vec<ItemAsked>>,
    /// What people should know; `null` = nothing.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Note>")]
    pub note: Option<Option<Note>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditOrder {}

/// How an order is cancelled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelOrder {
    /// Why, in words.
    pub reason: Option<Note>,
}
impl Json for CancelOrder {}

crate::operations! {
    /// List the orders.
    ///
    /// Only who may see customers finds orders by them.
    ListOrders = "list_orders" Get "/v1/orders" {
        access: Access::Needs(Permission::OrderView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Order>, body: Nothing, reply: Page<Order>, status: 200
    }
    /// Make an order.
    ///
    /// Nothing is printed by it. Its `external_id` is its own within its source.
    CreateOrder = "create_order" Post "/v1/orders" {
        access: Access::Needs(Permission::OrderCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewOrder, reply: View<Order>, status: 201
    }
    /// Show one order.
    GetOrder = "get_order" Get "/v1/orders/{id}" {
        access: Access::Needs(Permission::OrderView), home: Farm, nature: Read, ai: Read,
        target: Of<OrderId>, query: Nothing, body: Nothing, reply: View<Order>, status: 200
    }
    /// Change an open order.
    EditOrderOp = "edit_order" Patch "/v1/orders/{id}" {
        access: Access::Needs(Permission::OrderEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<OrderId>, query: Nothing, body: EditOrder, reply: View<Order>, status: 200
    }
    /// Cancel an open order.
    CancelOrderOp = "cancel_order" Post "/v1/orders/{id}/cancel" {
        access: Access::Needs(Permission::OrderCancel), home: Farm, nature: Mailbox, ai: Write,
        target: Of<OrderId>, query: Nothing, body: CancelOrder, reply: View<Order>, status: 200, bulk: "cancel"
    }
    /// Close an open order: it is done.
    CloseOrder = "close_order" Post "/v1/orders/{id}/close" {
        access: Access::Needs(Permission::OrderClose), home: Farm, nature: Mailbox, ai: Write,
        target: Of<OrderId>, query: Nothing, body: Nothing, reply: View<Order>, status: 200, bulk: "close"
    }
}
