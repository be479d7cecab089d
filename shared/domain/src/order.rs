//! Orders: what somebody wants, and how far each item of it is.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::field::BadField;
use crate::id::{OrderId, OrderItemId, PartId, SkuId};
use crate::text::{Contact, ExternalId, Metadata, Name, Note};
use crate::time::Timestamp;

/// Where an order came from. An `external_id` is unique within it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderSource {
    /// Somebody made it.
    #[default]
    Manual,
    /// It came from a shop.
    Retail,
}

/// Whether an order is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// To be done.
    Open,
    /// Nobody wants it any more.
    Cancelled,
    /// Done.
    Closed,
}

impl OrderState {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            OrderState::Open => "open",
            OrderState::Cancelled => "cancelled",
            OrderState::Closed => "closed",
        }
    }
}

/// How an order ends. It ends once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEnd {
    /// Nobody wants it any more, for that reason.
    Cancelled(Option<Note>),
    /// It is done.
    Closed,
}

/// An order that has ended does not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order is {} already", .0.word())]
pub struct OrderEnded(pub OrderState);

/// Who wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// Their name.
    pub name: Name,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Contact>,
    /// Their telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Contact>,
    /// Where it is to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Note>,
}

/// A line of an order: a SKU, a part, or a text that nobody has matched yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderItem {
    /// Its id.
    pub id: OrderItemId,
    /// The SKU that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<SkuId>,
    /// The part that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_id: Option<PartId>,
    /// What is wanted, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Name>,
    /// Pieces that are ordered.
    pub quantity: u32,
    /// Pieces that jobs or stock are meant for.
    #[serde(default)]
    pub allocated: u32,
    /// Pieces that came off a printer.
    #[serde(default)]
    pub printed: u32,
    /// Pieces that are good.
    #[serde(default)]
    pub good: u32,
    /// Pieces that left the house.
    #[serde(default)]
    pub shipped: u32,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

/// A line of an order as it is asked for. Exactly one of `sku_id`, `part_id` and `title`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemAsked {
    /// The item that this is; absent = a new one.
    #[serde(default)]
    pub id: Option<OrderItemId>,
    /// The SKU that is wanted.
    #[serde(default)]
    pub sku_id: Option<SkuId>,
    /// The part that is wanted.
    #[serde(default)]
    pub part_id: Option<PartId>,
    /// What is wanted, in words.
    #[serde(default)]
    pub title: Option<Name>,
    /// Pieces that are ordered.
    pub quantity: u32,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Its number or name.
    pub name: Name,
    /// Where it came from.
    pub source: OrderSource,
    /// Whether it is still to be done.
    pub state: OrderState,
    /// Who wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// When it should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Its items.
    pub items: Vec<OrderItem>,
    /// What people should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<Note>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was cancelled or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Most items of an order.
const MOST_ITEMS: usize = 500;

impl OrderItem {
    /// Whether anything has been done for it.
    const fn has_begun(&self) -> bool {
        self.allocated > 0 || self.printed > 0 || self.good > 0 || self.shipped > 0
    }
}

impl Order {
    /// Still to be done, or not to be changed any more.
    ///
    /// # Errors
    /// It has ended.
    pub const fn open(&self) -> Result<(), OrderEnded> {
        match self.state {
            OrderState::Open => Ok(()),
            OrderState::Cancelled | OrderState::Closed => Err(OrderEnded(self.state)),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// It has ended.
    pub fn end(&mut self, end: OrderEnd, now: Timestamp) -> Result<(), OrderEnded> {
        self.open()?;
        (self.state, self.cancel_reason) = match end {
            OrderEnd::Cancelled(reason) => (OrderState::Cancelled, reason),
            OrderEnd::Closed => (OrderState::Closed, None),
        };
        self.ended_at = Some(now);
        Ok(())
    }
}

/// The items after a change of the whole list: those that are named by their id keep what was counted, those without an id are
/// new, the others go. What has begun stays what it is.
///
/// # Errors
/// The first that cannot be.
pub fn revised(
    now: &[OrderItem],
    asked: Vec<ItemAsked>,
    mut new_id: impl FnMut() -> OrderItemId,
) -> Result<Vec<OrderItem>, BadField> {
    if asked.len() > MOST_ITEMS {
        return Err(BadField::new("/items", format!("at most {MOST_ITEMS}")));
    }
    let (mut kept, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    let mut items = Vec::new();
    for (i, asked) in asked.into_iter().enumerate() {
        let bad = |field: &str, why: &str| BadField::new(format!("/items/{i}{field}"), why);
        let named = [asked.sku_id.is_some(), asked.part_id.is_some(), asked.title.is_some()];
        if named.into_iter().filter(|named| *named).count() != 1 {
            return Err(bad("", "name one of sku_id, part_id and title"));
        }
        if asked.quantity == 0 {
            return Err(bad("/quantity", "must be at least 1"));
        }
        if asked.external_id.as_ref().is_some_and(|id| !theirs.insert(id.clone())) {
            return Err(bad("/external_id", "another item of the order has it"));
        }
        let old = match asked.id {
            None => None,
            Some(id) if !kept.insert(id) => return Err(bad("/id", "stands there twice")),
            Some(id) => Some(now.iter().find(|item| item.id == id).ok_or_else(|| bad("/id", "is no item of this order"))?),
        };
        if let Some(old) = old {
            let same = (&old.sku_id, &old.part_id, &old.title) == (&asked.sku_id, &asked.part_id, &asked.title);
            if old.has_begun() && !same {
                return Err(bad("", "work for it has begun: it stays what it is"));
            }
            let bound = old.allocated.max(old.shipped);
            if asked.quantity < bound {
                return Err(bad("/quantity", &format!("{bound} are allocated or shipped already")));
            }
        }
        let counted = |count: fn(&OrderItem) -> u32| old.map_or(0, count);
        items.push(OrderItem {
            id: asked.id.unwrap_or_else(&mut new_id),
            sku_id: asked.sku_id,
            part_id: asked.part_id,
            title: asked.title,
            quantity: asked.quantity,
            allocated: counted(|old| old.allocated),
            printed: counted(|old| old.printed),
            good: counted(|old| old.good),
            shipped: counted(|old| old.shipped),
            external_id: asked.external_id,
            metadata: asked.metadata,
        });
    }
    match now.iter().find(|item| item.has_begun() && !kept.contains(&item.id)) {
        Some(gone) => Err(BadField::new("/items", format!("work for {} has begun: it cannot be left out", gone.id))),
        None => Ok(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn id(n: u8) -> OrderItemId {
        OrderItemId::new(Timestamp::from_millis(0), [n; 10])
    }

    fn asked(title: &str, quantity: u32) -> ItemAsked {
        ItemAsked {
            id: None,
            sku_id: None,
            part_id: None,
            title: Some(title.parse().unwrap()),
            quantity,
            external_id: None,
            metadata: Metadata::default(),
        }
    }

    fn items(asked: Vec<ItemAsked>) -> Vec<OrderItem> {
        let mut n = 0;
        revised(&[], asked, || {
            n += 1;
            id(n)
        })
        .unwrap()
    }

    fn check(now: &[OrderItem], asked: Vec<ItemAsked>, pointer: &str) {
        assert_eq!(revised(now, asked, || id(99)).unwrap_err().pointer, pointer);
    }

    #[test]
    fn an_item_names_one_thing_and_a_quantity() {
        let nothing = ItemAsked { title: None, ..asked("x", 1) };
        let both = ItemAsked { part_id: Some(PartId::new(Timestamp::from_millis(0), [1; 10])), ..asked("x", 1) };
        check(&[], vec![asked("x", 1), nothing], "/items/1");
        check(&[], vec![both], "/items/0");
        check(&[], vec![asked("x", 0)], "/items/0/quantity");
        check(&[], vec![ItemAsked { id: Some(id(1)), ..asked("x", 1) }], "/items/0/id");
        let theirs = ItemAsked { external_id: Some("line-1".parse().unwrap()), ..asked("x", 1) };
        check(&[], vec![theirs.clone(), theirs], "/items/1/external_id");
    }

    #[test]
    fn a_kept_item_keeps_its_counts_a_new_one_starts_at_nothing_and_the_rest_goes() {
        let mut now = items(vec![asked("a", 5), asked("b", 1)]);
        now[0].allocated = 3;
        let after = revised(&now, vec![asked("c", 2), ItemAsked { id: Some(id(1)), ..asked("a", 4) }], || id(9)).unwrap();
        let counts: Vec<_> = after.iter().map(|item| (item.id, item.quantity, item.allocated)).collect();
        assert_eq!(counts, [(id(9), 2, 0), (id(1), 4, 3)]);
    }

    #[test]
    fn what_has_begun_stays_and_is_not_ordered_below_what_is_bound() {
        let mut now = items(vec![asked("a", 5)]);
        now[0].shipped = 3;
        check(&now, vec![], "/items");
        check(&now, vec![ItemAsked { id: Some(id(1)), ..asked("a", 2) }], "/items/0/quantity");
        check(&now, vec![ItemAsked { id: Some(id(1)), ..asked("other", 5) }], "/items/0");
        let twice = ItemAsked { id: Some(id(1)), ..asked("a", 5) };
        check(&now, vec![twice.clone(), twice], "/items/1/id");
    }

    #[test]
    fn an_order_ends_once() {
        let mut order = Order {
            id: OrderId::new(Timestamp::from_millis(0), [1; 10]),
            name: "1042".parse().unwrap(),
            source: OrderSource::Manual,
            state: OrderState::Open,
            customer: None,
            due_at: None,
            items: Vec::new(),
            note: None,
            cancel_reason: None,
            external_id: None,
            metadata: Metadata::default(),
            created_by: Actor::new(crate::actor::ActorKind::Floor, "owner"),
            created_at: Timestamp::from_millis(0),
            ended_at: None,
        };
        let now = Timestamp::from_millis(5);
        assert_eq!(order.end(OrderEnd::Cancelled(Some("too late".parse().unwrap())), now), Ok(()));
        assert_eq!((order.state, order.ended_at), (OrderState::Cancelled, Some(now)));
        assert_eq!(order.end(OrderEnd::Closed, now), Err(OrderEnded(OrderState::Cancelled)));
        assert_eq!(order.cancel_reason.unwrap().as_str(), "too late");
    }
}
