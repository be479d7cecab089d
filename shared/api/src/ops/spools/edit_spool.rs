//! Change a spool.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::spools::EditSpoolOp;
use contract::patch::patched;
use domain::filament::{Material, Spool};

use crate::facts::free;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{named, unprepared};

impl Write for EditSpoolOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Spool>>, Failure> {
        let mut spool = by.find_to_change::<Spool>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        if let Some(material) = body.material_id {
            named::<Self, Material>(by, at.rows(), material, "/material_id")?;
            spool.material_id = material;
        }
        spool.tare_grams = body.tare_grams.unwrap_or(spool.tare_grams);
        spool.location = body.location.unwrap_or(spool.location);
        spool.external_id = body.external_id.unwrap_or(spool.external_id);
        spool.metadata = patched(spool.metadata, body.metadata, "/metadata")?;
        free::<Spool>(at, spool.id, "external_id", spool.external_id.as_ref(), |_| true)?;
        at.update(&spool)?;
        Ok(by.view(at.rows(), spool.id)?.into())
    }
}
