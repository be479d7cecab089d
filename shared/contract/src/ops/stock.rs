//! Stock: finished goods.

use domain::access::Access;
use domain::id::{SkuId, StockId};
use domain::permission::Permission;
use domain::stock::{Stock, StockEntry};
use domain::text::{Name, Note};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of};

/// Pieces that came or went.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// The SKU.
    pub sku_id: SkuId,
    /// Where they lie; absent = nobody says.
    #[serde(default)]
    pub location: Option<Name>,
    /// Pieces that came; below 0 those that went.
    pub delta: i32,
    /// Why, in words.
    pub reason: Note,
}
impl Json for AdjustStock {}

crate::operations! {
    /// List the stock.
    ///
    /// A line per SKU and location.
    ListStock = "list_stock" Get "/v1/stock" {
        access: Access::Needs(Permission::StockView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Stock>, body: Nothing, reply: Page<Stock>, status: 200
    }
    /// Show the stock of one SKU in one place.
    GetStock = "get_stock" Get "/v1/stock/{id}" {
        access: Access::Needs(Permission::StockView), home: Farm, nature: Read, ai: Read,
        target: Of<StockId>, query: Nothing, body: Nothing, reply: View<Stock>, status: 200
    }
    /// Say that pieces of a SKU came or went.
    ///
    /// Writes a line into the ledger. No more can go than there is.
    AdjustStockOp = "adjust_stock" Post "/v1/stock/adjust" {
        access: Access::Needs(Permission::StockAdjust), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: AdjustStock, reply: View<Stock>, status: 200
    }
    /// List the ledger of one SKU in one place.
    ListStockLedger = "list_stock_ledger" Get "/v1/stock/{id}/ledger" {
        access: Access::Needs(Permission::StockView), home: Farm, nature: Read, ai: Read,
        target: Of<StockId>, query: ListQuery<StockEntry>, body: Nothing, reply: Page<StockEntry>, status: 200
    }
}
