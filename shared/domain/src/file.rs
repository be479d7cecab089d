//! A file: bytes named by their SHA-256, with what was read out of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::hex::{hex, unhex};
use crate::id::FileId;
use crate::sliced::Sliced;
use crate::time::Timestamp;

/// The SHA-256 of content, as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

/// A text that is no content hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hex digits of SHA-256")]
pub struct BadHash;

impl ContentHash {
    /// From the digest's bytes.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest's bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = BadHash;
    fn try_from(text: String) -> Result<Self, BadHash> {
        let digest = unhex(&text).and_then(|bytes| bytes.try_into().ok()).ok_or(BadHash)?;
        Ok(Self(digest))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

impl JsonSchema for ContentHash {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContentHash".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// At the farm.
    #[default]
    Here,
    /// At the relay where they were uploaded; the farm fetches them.
    OnItsWay,
    /// Nowhere: the relay no longer had them when the farm came for them.
    Missing,
    /// Nowhere: they came, and the farm's own reader refused them.
    Refused,
}

impl FileContent {
    /// The word in documents.
    pub const fn word(self) -> &'static str {
        match self {
            FileContent::Here => "here",
            FileContent::OnItsWay => "on_its_way",
            FileContent::Missing => "missing",
            FileContent::Refused => "refused",
        }
    }
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// The name that it came with.
    pub name: String,
    /// Its content.
    pub sha256: ContentHash,
    /// Bytes.
    pub size_bytes: u64,
    /// Where the bytes are: nothing is printed before they are here.
    #[serde(default)]
    pub content: FileContent,
    /// Why the bytes did not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was read out of it.
    pub sliced: Sliced,
    /// Who brought it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_for_where_the_bytes_are_is_the_one_on_the_wire() {
        for content in [FileContent::Here, FileContent::OnItsWay, FileContent::Missing, FileContent::Refused] {
            assert_eq!(serde_json::to_value(content).unwrap(), content.word());
        }
    }
}
