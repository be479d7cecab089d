//! Settings of this installation that are no records: its own ids, the owner's password hash. And the
//! cursors of log readers.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::events::EventCursor;
use crate::rows::Rows;
use crate::tx::{Tx, json};

impl Rows<'_> {
    /// A setting, if it was made.
    ///
    /// # Errors
    /// What the database says.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let found: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()?;
        found.map(|text| serde_json::from_str(&text).map_err(|cause| StoreError::Document { kind: "setting", cause })).transpose()
    }

    /// Where a reader of the log stands, if it ever stood.
    ///
    /// # Errors
    /// What the database says.
    pub fn cursor(&self, reader: &str) -> Result<Option<EventCursor>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT epoch, position FROM cursor WHERE reader = ?1")?;
        Ok(statement.query_row([reader], |r| Ok(EventCursor { epoch: r.get(0)?, position: r.get(1)? })).optional()?)
    }
}

impl Tx<'_> {
    /// Makes a setting.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_setting<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![name, json("setting", value)?])?;
        Ok(())
    }

    /// Moves a reader of the log.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_cursor(&mut self, reader: &str, cursor: &EventCursor) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO cursor (reader, epoch, position) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (reader) DO UPDATE SET epoch = excluded.epoch, position = excluded.position",
            )?
            .execute(params![reader, cursor.epoch, cursor.position])?;
        Ok(())
    }
}
