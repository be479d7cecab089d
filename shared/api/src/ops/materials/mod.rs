//! Materials: type, vendor and colour of a filament.

mod create_material;
mod delete_material;
mod edit_material;
