//! Change a SKU.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::skus::EditSkuOp;
use contract::patch::patched;
use domain::sku::Sku;

use super::check;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditSkuOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Sku>>, Failure> {
        let mut sku = by.find_to_change::<Sku>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        sku.name = body.name.unwrap_or(sku.name);
        sku.code = body.code.unwrap_or(sku.code);
        sku.parts = body.parts.unwrap_or(sku.parts);
        sku.options = body.options.unwrap_or(sku.options);
        sku.price = patched(sku.price, body.price, "/price")?;
        sku.external_id = body.external_id.unwrap_or(sku.external_id);
        sku.metadata = patched(sku.metadata, body.metadata, "/metadata")?;
        check(by, at, &sku)?;
        at.update(&sku)?;
        Ok(by.view(at.rows(), sku.id)?.into())
    }
}
