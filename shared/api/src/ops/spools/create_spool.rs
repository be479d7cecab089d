//! Add a spool.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::spools::CreateSpool;
use domain::filament::{Material, Spool};
use domain::id::SpoolId;

use crate::facts::free;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{named, unprepared};

impl Write for CreateSpool {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Spool>>, Failure> {
        let body = asked.body;
        named::<Self, Material>(by, at.rows(), body.material_id, "/material_id")?;
        let id: SpoolId = at.new_id();
        free::<Spool>(at, id, "external_id", body.external_id.as_ref(), |_| true)?;
        let spool = Spool {
            id,
            material_id: body.material_id,
            grams_initial: body.grams_initial,
            grams_left: body.grams_initial,
            tare_grams: body.tare_grams,
            location: body.location,
            slot_id: None,
            printer_id: None,
            external_id: body.external_id,
            metadata: body.metadata,
            created_at: at.now(),
        };
        at.create(&spool)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
