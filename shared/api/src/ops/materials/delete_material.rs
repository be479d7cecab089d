//! Delete a material of which there is no spool.

use contract::operation::{Asked, Nothing};
use contract::ops::materials::DeleteMaterial;
use contract::problem::{Code, Problem};
use domain::filament::{Material, Spool};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteMaterial {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let material = by.find_to_change::<Material>(at.rows(), asked.target.id)?.record;
        if let Some(spool) = at.rows().all_where::<Spool>("material_id", &[&material.id.to_string()])?.first() {
            let why = format!("{} is a spool of it", spool.record.id);
            return Err(Problem::new(Code::InUse).detail(why).on(material.id).into());
        }
        at.delete(&material)?;
        Ok(Nothing {}.into())
    }
}
