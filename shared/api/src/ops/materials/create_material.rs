//! Make a material.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::materials::CreateMaterial;
use domain::filament::Material;
use domain::id::MaterialId;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateMaterial {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Material>>, Failure> {
        let body = asked.body;
        let id: MaterialId = at.new_id();
        let material = Material {
            id,
            material_type: body.material_type,
            vendor: body.vendor,
            colour_name: body.colour_name,
            colour_hex: body.colour_hex,
            density_g_cm3: body.density_g_cm3,
            diameter_mm: body.diameter_mm,
            price_per_kg: body.price_per_kg,
            created_at: at.now(),
        };
        at.create(&material)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
