//! Make a SKU.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::skus::CreateSku;
use domain::id::SkuId;
use domain::sku::Sku;

use super::check;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateSku {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Sku>>, Failure> {
        let body = asked.body;
        let id: SkuId = at.new_id();
        let sku = Sku {
            id,
            name: body.name,
            code: body.code,
            parts: body.parts,
            options: body.options,
            price: body.price,
            external_id: body.external_id,
            metadata: body.metadata,
            created_at: at.now(),
        };
        check(by, at, &sku)?;
        at.create(&sku)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
