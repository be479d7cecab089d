//! Materials: type, vendor and colour of a filament.

use domain::access::Access;
use domain::amount::{Density, Diameter, Price};
use domain::filament::Material;
use domain::id::MaterialId;
use domain::permission::Permission;
use domain::text::{Hex, Name};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new material.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMaterial {
    /// `PLA`, `PETG`, …
    #[serde(rename = "type")]
    pub material_type: Name,
    /// Who makes it.
    #[serde(default)]
    pub vendor: Option<Name>,
    /// What the vendor calls the colour.
    #[serde(default)]
    pub colour_name: Option<Name>,
    /// The colour as `#RRGGBB`.
    #[serde(default)]
    pub colour_hex: Option<Hex>,
    /// Grams per cubic centimetre.
    #[serde(default)]
    pub density_g_cm3: Option<Density>,
    /// The filament's diameter.
    #[serde(default)]
    pub diameter_mm: Option<Diameter>,
    /// What a kilogram costs.
    #[serde(default)]
    pub price_per_kg: Option<Price>,
}
impl Json for NewMaterial {}

/// A change to a material.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMaterial {
    /// `PLA`, `PETG`, …
    #[serde(rename = "type", default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub material_type: Option<Name>,
    /// Who makes it; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Name>")]
    pub vendor: Option<Option<Name>>,
    /// What the vendor calls the colour; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Name>")]
    pub colour_name: Option<Option<Name>>,
    /// The colour as `#RRGGBB`; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Hex>")]
    pub colour_hex: Option<Option<Hex>>,
    /// Grams per cubic centimetre; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Density>")]
    pub density_g_cm3: Option<Option<Density>>,
    /// The filament's diameter; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Diameter>")]
    pub diameter_mm: Option<Option<Diameter>>,
    /// What a kilogram costs; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Price>>")]
    pub price_per_kg: Option<Option<Patch<Option<Price>>>>,
}
impl Json for EditMaterial {}

crate::operations! {
    /// List the materials.
    ListMaterials = "list_materials" Get "/v1/materials" {
        access: Access::Needs(Permission::MaterialView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Material>, body: Nothing, reply: Page<Material>, status: 200
    }
    /// Make a material.
    CreateMaterial = "create_material" Post "/v1/materials" {
        access: Access::Needs(Permission::MaterialCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewMaterial, reply: View<Material>, status: 201
    }
    /// Show one material.
    GetMaterial = "get_material" Get "/v1/materials/{id}" {
        access: Access::Needs(Permission::MaterialView), home: Farm, nature: Read, ai: Read,
        target: Of<MaterialId>, query: Nothing, body: Nothing, reply: View<Material>, status: 200
    }
    /// Change a material.
    EditMaterialOp = "edit_material" Patch "/v1/materials/{id}" {
        access: Access::Needs(Permission::MaterialEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<MaterialId>, query: Nothing, body: EditMaterial, reply: View<Material>, status: 200
    }
    /// Delete a material.
    ///
    /// Refused while there is a spool of it.
    DeleteMaterial = "delete_material" Delete "/v1/materials/{id}" {
        access: Access::Needs(Permission::MaterialDelete), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<MaterialId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
