//! SKUs: what is sold.

mod create_sku;
mod delete_sku;
mod edit_sku;

use contract::operation::Contract;
use domain::part::Part;
use domain::sku::{Sku, check_options, check_parts};
use store::Tx;

use super::named;
use crate::facts::free;
use crate::operation::{By, Failure};

/// A SKU whose parts are there, and whose code and external id nobody else has.
fn check<C: Contract>(by: &By<C>, tx: &Tx<'_>, sku: &Sku) -> Result<(), Failure> {
    check_parts(&sku.parts)?;
    check_options(&sku.options)?;
    for (i, part) in sku.parts.iter().enumerate() {
        named::<C, Part>(by, tx.rows(), part.part_id, &format!("/parts/{i}/part_id"))?;
    }
    free::<Sku>(tx, sku.id, "code", Some(&sku.code), |_| true)?;
    free::<Sku>(tx, sku.id, "external_id", sku.external_id.as_ref(), |_| true)
}
