//! A field that is wrong in the light of the others: what no type can say.

/// Which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {why}")]
pub struct BadField {
    /// JSON pointer to it.
    pub pointer: String,
    /// What is wrong with it.
    pub why: String,
}

impl BadField {
    /// That field, for that reason.
    pub fn new(pointer: impl Into<String>, why: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), why: why.into() }
    }
}
