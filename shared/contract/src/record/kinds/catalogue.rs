//! What is sold, what is wanted of it, and what of it lies ready.

use domain::access::Grants;
use domain::kind::Kind;
use domain::order::Order;
use domain::permission::Permission;
use domain::sku::Sku;
use domain::stock::{Stock, StockEntry};
use domain::text::Metadata;
use domain::time::Timestamp;

use super::{hide, id, word};
use crate::record::{Cell, Column, Document, Record, TagScope, integer, searched, text, time};

impl Record for Sku {
    const KIND: Kind = Kind::Sku;
    const VIEW: Permission = Permission::SkuView;
    const COLUMNS: &'static [Column] = &[searched("name"), searched("code").indexed(), text("external_id").indexed()];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::SkuId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), id(&self.code), self.external_id.as_ref().map(ToString::to_string).into()]
    }
    fn metadata(&self) -> Option<&Metadata> {
        Some(&self.metadata)
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Order {
    const KIND: Kind = Kind::Order;
    const VIEW: Permission = Permission::OrderView;
    const COLUMNS: &'static [Column] = &[
        searched("name"),
        searched("customer_name").shown_with(Permission::CustomerView),
        text("state").indexed(),
        text("source"),
        text("external_id").indexed(),
        time("due_at"),
        time("ended_at"),
        text("created_by").indexed(),
    ];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::OrderId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(&self.name),
            self.customer.as_ref().map(|customer| customer.name.to_string()).into(),
            word(self.state),
            word(self.source),
            self.external_id.as_ref().map(ToString::to_string).into(),
            self.due_at.into(),
            self.ended_at.into(),
            id(&self.created_by),
        ]
    }
    fn metadata(&self) -> Option<&Metadata> {
        Some(&self.metadata)
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::CustomerView, &["customer"]);
    }
}

impl Record for Stock {
    const KIND: Kind = Kind::Stock;
    const VIEW: Permission = Permission::StockView;
    const COLUMNS: &'static [Column] = &[text("sku_id").indexed(), searched("location"), integer("on_hand")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::StockId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(self.sku_id), self.location.as_ref().map(ToString::to_string).into(), Cell::Integer(self.on_hand.into())]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for StockEntry {
    const KIND: Kind = Kind::StockEntry;
    const VIEW: Permission = Permission::StockView;
    const COLUMNS: &'static [Column] = &[text("stock_id").indexed(), text("created_by")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::StockEntryId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(self.stock_id), id(&self.created_by)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}
