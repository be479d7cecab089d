//! SKUs: what is sold.

use domain::access::Access;
use domain::amount::Price;
use domain::id::SkuId;
use domain::permission::Permission;
use domain::sku::{Sku, SkuOption, SkuPart};
use domain::text::{Code, ExternalId, Metadata, Name};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new SKU.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSku {
    /// What people call it.
    pub name: Name,
    /// The code that it is ordered by.
    pub code: Code,
    /// What one piece is made of.
    #[serde(default)]
    pub parts: Vec<SkuPart>,
    /// What a buyer may choose.
    #[serde(default)]
    pub options: Vec<SkuOption>,
    /// What it is sold for.
    #[serde(default)]
    pub price: Option<Price>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewSku {}

/// A change to a SKU.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSku {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another code.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Code")]
    pub code: Option<Code>,
    /// Other parts.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<SkuPart>")]
    pub parts: Option<Vec<SkuPart>>,
    /// Other options.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<SkuOption>")]
    pub options: Option<Vec<SkuOption>>,
    /// What it is sold for; `null` = nobody says.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Price>>")]
    pub price: Option<Option<Patch<Option<Price>>>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditSku {}

crate::operations! {
    /// List the SKUs.
    ListSkus = "list_skus" Get "/v1/skus" {
        access: Access::Needs(Permission::SkuView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Sku>, body: Nothing, reply: Page<Sku>, status: 200
    }
    /// Make a SKU.
    ///
    /// Its code is its own, and so is its `external_id`.
    CreateSku = "create_sku" Post "/v1/skus" {
        access: Access::Needs(Permission::SkuCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewSku, reply: View<Sku>, status: 201
    }
    /// Show one SKU.
    GetSku = "get_sku" Get "/v1/skus/{id}" {
        access: Access::Needs(Permission::SkuView), home: Farm, nature: Read, ai: Read,
        target: Of<SkuId>, query: Nothing, body: Nothing, reply: View<Sku>, status: 200
    }
    /// Change a SKU.
    EditSkuOp = "edit_sku" Patch "/v1/skus/{id}" {
        access: Access::Needs(Permission::SkuEdit), home: Farm, nature: Mailbox, ai: Write,
        target: Of<SkuId>, query: Nothing, body: EditSku, reply: View<Sku>, status: 200
    }
    /// Delete a SKU.
    ///
    /// Refused while an open order wants it or any of it is in stock.
    DeleteSku = "delete_sku" Delete "/v1/skus/{id}" {
        access: Access::Needs(Permission::SkuDelete), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<SkuId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
