//! Uploads that come in pieces: whose they are, how far they are, and what became of them. The bytes lie in
//! the folder of content; the offset here is what is known to be durable there.

use domain::actor::Actor;
use domain::id::{CommandId, FarmId, FileId, StoreId, UploadId};
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::{Tx, json};

/// An upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The store that it is for.
    pub store: StoreId,
    /// Bytes of the whole.
    pub size_bytes: u64,
    /// Bytes that are durable.
    pub offset_bytes: u64,
    /// Thrown away then.
    pub expires_at: Timestamp,
    /// The rest.
    pub state: UploadState,
}

/// What is known of an upload and is not searched by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadState {
    /// Who began it, and alone may go on.
    pub actor: Actor,
    /// The file's name.
    pub name: String,
    /// `Upload-Metadata` as it came.
    pub metadata: String,
    /// At a relay: the farm that it is for.
    pub farm: Option<FarmId>,
    /// The key that the file shall be made with.
    pub idempotency_key: Option<String>,
    /// The file that was made.
    pub file_id: Option<FileId>,
    /// What that file waits for.
    pub command_id: Option<CommandId>,
}

/// What a store has begun and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// Uploads.
    pub uploads: u64,
    /// Bytes that they will have.
    pub bytes: u64,
}

const COLUMNS: &str = "id, store_id, size_bytes, offset_bytes, expires_at, state";

impl Rows<'_> {
    /// An upload, also one that has expired.
    ///
    /// # Errors
    /// What the database says.
    pub fn upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM upload WHERE id = ?1");
        let found: Option<(String, String, u64, u64, i64, String)> = self
            .connection
            .prepare_cached(&sql)?
            .query_row([id.to_string()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)))
            .optional()?;
        let Some((id, store, size_bytes, offset_bytes, expires_at, state)) = found else { return Ok(None) };
        Ok(Some(Upload {
            id: parse_id(Kind::File, &id)?,
            store: parse_id(Kind::File, &store)?,
            size_bytes,
            offset_bytes,
            expires_at: Timestamp::from_millis(expires_at),
            state: serde_json::from_str(&state).map_err(|cause| StoreError::Document { kind: "upload", cause })?,
        }))
    }

    /// What a store has begun and not finished.
    ///
    /// # Errors
    /// What the database says.
    pub fn unfinished_uploads(&self, store: StoreId) -> Result<Unfinished, StoreError> {
        let sql = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM upload WHERE store_id = ?1 AND offset_bytes < size_bytes";
        let read = |r: &rusqlite::Row<'_>| Ok(Unfinished { uploads: r.get(0)?, bytes: r.get(1)? });
        Ok(self.connection.prepare_cached(sql)?.query_row([store.to_string()], read)?)
    }

    /// Uploads whose bytes still come, by their ids.
    ///
    /// # Errors
    /// What the database says.
    pub fn uploads_that_come(&self) -> Result<Vec<UploadId>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM upload WHERE offset_bytes < size_bytes")?;
        let ids: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
        ids.iter().map(|id| parse_id(Kind::File, id)).collect()
    }
}

impl Tx<'_> {
    /// Keeps an upload as it is now.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_upload(&mut self, upload: &Upload) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO upload ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET \
             offset_bytes = excluded.offset_bytes, expires_at = excluded.expires_at, state = excluded.state"
        );
        self.sql()?.prepare_cached(&sql)?.execute(params![
            upload.id.to_string(),
            upload.store.to_string(),
            upload.size_bytes,
            upload.offset_bytes,
            upload.expires_at.millis(),
            json("upload", &upload.state)?
        ])?;
        Ok(())
    }

    /// Forgets an upload.
    ///
    /// # Errors
    /// What the database says.
    pub fn remove_upload(&mut self, id: UploadId) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM upload WHERE id = ?1")?.execute([id.to_string()])?;
        Ok(())
    }

    /// Forgets uploads whose time is over.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_expired_uploads(&mut self) -> Result<(), StoreError> {
        let now = self.now().millis();
        self.sql()?.prepare_cached("DELETE FROM upload WHERE expires_at <= ?1")?.execute([now])?;
        Ok(())
    }
}
