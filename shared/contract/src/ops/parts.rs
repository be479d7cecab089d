//! Parts: printable things and their plates.

use domain::access::Access;
use domain::id::PartId;
use domain::part::{Part, Plate};
use domain::permission::Permission;
use domain::text::{ExternalId, Metadata, Name, Note};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new part.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPart {
    /// What people call it.
    pub name: Name,
    /// What people should know.
    #[serde(default)]
    pub note: Option<Note>,
    /// Its plates.
    #[serde(default)]
    pub plates: Vec<Plate>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewPart {}

/// A change to a part.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPart {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// What people should know; `null` = nothing.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Note>")]
    pub note: Option<Option<Note>>,
    /// Other plates.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<Plate>")]
    pub plates: Option<Vec<Plate>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditPart {}

crate::operations! {
    /// List the parts.
    ListParts = "list_parts" Get "/v1/parts" {
        access: Access::Needs(Permission::PartView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Part>, body: Nothing, reply: Page<Part>, status: 200
    }
    /// Make a part.
    CreatePart = "create_part" Post "/v1/parts" {
        access: Access::Needs(Permission::PartCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewPart, reply: View<Part>, status: 201
    }
    /// Show one part.
    GetPart = "get_part" Get "/v1/parts/{id}" {
        access: Access::Needs(Permission::PartView), home: Farm, nature: Read, ai: Read,
        target: Of<PartId>, query: Nothing, body: Nothing, reply: View<Part>, status: 200
    }
    /// Change a part.
    EditPartOp = "edit_part" Patch "/v1/parts/{id}" {
        access: Access::Needs(Permission::PartEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<PartId>, query: Nothing, body: EditPart, reply: View<Part>, status: 200
    }
    /// Delete a part.
    ///
    /// Refused while a SKU or an open order uses it.
    DeletePart = "delete_part" Delete "/v1/parts/{id}" {
        access: Access::Needs(Permission::PartDelete), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<PartId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
