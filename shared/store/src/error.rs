//! What can go wrong in the store.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Database(#[from] rusqlite::Error),
    /// The migrations could not be run.
    #[error("the database could not be brought to this version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// A document does not fit its type.
    #[error("a stored document of kind {kind} cannot be read: {cause}")]
    Document {
        /// The kind or table.
        kind: &'static str,
        /// What is wrong.
        cause: serde_json::Error,
    },
    /// The record changed or is gone.
    #[error("{kind} {id} is not at revision {expected}")]
    Stale {
        /// The kind.
        kind: &'static str,
        /// The id.
        id: String,
        /// What was expected.
        expected: u64,
    },
    /// A record of that id was made before.
    #[error("{kind} {id} exists already")]
    Exists {
        /// The kind.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// A cursor of another log, order or version.
    #[error("the cursor does not belong to this list")]
    BadCursor,
    /// A sealed secret cannot be opened with this key.
    #[error("the secret {0} cannot be opened with this installation's key")]
    Sealed(String),
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
    /// The transaction could not be committed.
    #[error("the transaction was not committed: {0}")]
    NotCommitted(String),
}

impl StoreError {
    /// SQLite rolls the whole transaction back by itself when the disk is full or fails.
    pub(crate) fn given_up() -> Self {
        StoreError::NotCommitted("SQLite gave the transaction up: the disk is full or fails".to_owned())
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            StoreError::Database(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            StoreError::NotCommitted(text) => text.contains("disk is full"),
            StoreError::Migration(_)
            | StoreError::Document { .. }
            | StoreError::Stale { .. }
            | StoreError::Exists { .. }
            | StoreError::BadCursor
            | StoreError::Sealed(_)
            | StoreError::Closed => false,
        }
    }
}
