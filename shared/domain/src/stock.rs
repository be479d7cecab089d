//! Stock: finished goods, as a ledger and its sum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{SkuId, StockEntryId, StockId};
use crate::text::{Name, Note};
use crate::time::Timestamp;

/// How many of a SKU lie in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stock {
    /// Its id.
    pub id: StockId,
    /// The SKU.
    pub sku_id: SkuId,
    /// Where they lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Name>,
    /// Pieces on hand: the sum of the ledger.
    pub on_hand: u32,
    /// When the first came.
    pub created_at: Timestamp,
}

/// A line of the stock's ledger. It is written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockEntry {
    /// Its id.
    pub id: StockEntryId,
    /// The stock.
    pub stock_id: StockId,
    /// The SKU.
    pub sku_id: SkuId,
    /// Pieces that came; below 0 those that went.
    pub delta: i32,
    /// Pieces on hand afterwards.
    pub on_hand: u32,
    /// Why.
    pub reason: Note,
    /// Who wrote it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
}

/// More cannot go than there is, and no more can come than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{on_hand} are there, which a change by {delta} does not allow")]
pub struct NotInStock {
    on_hand: u32,
    delta: i32,
}

impl Stock {
    /// The stock after a change, and the line of its ledger.
    ///
    /// # Errors
    /// There are not that many.
    pub fn adjusted(
        &mut self,
        id: StockEntryId,
        delta: i32,
        reason: Note,
        by: Actor,
        now: Timestamp,
    ) -> Result<StockEntry, NotInStock> {
        self.on_hand = self.on_hand.checked_add_signed(delta).ok_or(NotInStock { on_hand: self.on_hand, delta })?;
        let (stock_id, sku_id, on_hand) = (self.id, self.sku_id, self.on_hand);
        Ok(StockEntry { id, stock_id, sku_id, delta, on_hand, reason, created_by: by, created_at: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ActorKind;
    use crate::id::Id;

    #[test]
    fn what_is_on_hand_is_the_sum_of_the_ledger_and_never_less_than_nothing() {
        let zero = Timestamp::from_millis(0);
        let (id, sku_id) = (StockId::new(zero, [1; 10]), SkuId::new(zero, [2; 10]));
        let mut stock = Stock { id, sku_id, location: None, on_hand: 0, created_at: zero };
        let mut sum = 0;
        for (delta, fits) in [(5, true), (-3, true), (-3, false), (-2, true), (i32::MAX, true), (i32::MAX, true), (2, false)] {
            let by = Actor::new(ActorKind::Floor, "owner");
            let entry = stock.adjusted(StockEntryId::new(zero, [3; 10]), delta, "counted".parse().unwrap(), by, zero);
            assert_eq!(entry.is_ok(), fits, "{delta}");
            sum += if fits { i64::from(delta) } else { 0 };
            assert_eq!(i64::from(stock.on_hand), sum);
        }
    }
}
