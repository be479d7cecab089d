//! Parts and pools: what is printed, and which printers belong together.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FileId, PartId, PoolId};
use crate::text::{ExternalId, Metadata, Name, Note, Tag};
use crate::time::Timestamp;

/// One file of a part for one or more printer models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plate {
    /// The file.
    pub file_id: FileId,
    /// Items on the plate.
    pub items: u32,
}

/// A printable thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its id.
    pub id: PartId,
    /// What people call it.
    pub name: Name,
    /// What people should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Its plates.
    pub plates: Vec<Plate>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A named tag query: the printers that have all its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// Its id.
    pub id: PoolId,
    /// What people call it.
    pub name: Name,
    /// The tags that a printer must all have.
    pub tags: BTreeSet<Tag>,
    /// When it was made.
    pub created_at: Timestamp,
}
