//! Stock: finished goods.

mod adjust_stock;
mod list_stock_ledger;
