//! Change a material.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::materials::EditMaterialOp;
use contract::patch::patched;
use domain::filament::Material;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditMaterialOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Material>>, Failure> {
        let mut material = by.find_to_change::<Material>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        material.material_type = body.material_type.unwrap_or(material.material_type);
        material.vendor = body.vendor.unwrap_or(material.vendor);
        material.colour_name = body.colour_name.unwrap_or(material.colour_name);
        material.colour_hex = body.colour_hex.unwrap_or(material.colour_hex);
        material.density_g_cm3 = body.density_g_cm3.unwrap_or(material.density_g_cm3);
        material.diameter_mm = body.diameter_mm.unwrap_or(material.diameter_mm);
        material.price_per_kg = patched(material.price_per_kg, body.price_per_kg, "/price_per_kg")?;
        at.update(&material)?;
        Ok(by.view(at.rows(), material.id)?.into())
    }
}
