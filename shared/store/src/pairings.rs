//! At a relay: farms that want to be claimed, each under a code that ends soon.

use domain::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::{Tx, json};

/// A farm that wants to be claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// What a person enters.
    pub user_code: String,
    /// The hash of what the agent asks with.
    pub device: [u8; 32],
    /// Who asks, and what became of it.
    pub document: Value,
    /// When it ends.
    pub expires_at: Timestamp,
}

type Columns = (String, [u8; 32], String, i64);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn read((user_code, device, document, expires_at): Columns) -> Result<Pairing, StoreError> {
    let document = serde_json::from_str(&document).map_err(|cause| StoreError::Document { kind: "pairing", cause })?;
    Ok(Pairing { user_code, device, document, expires_at: Timestamp::from_millis(expires_at) })
}

impl Rows<'_> {
    /// What asks under that code.
    ///
    /// # Errors
    /// What the database says.
    pub fn pairing(&self, user_code: &str) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT user_code, device, document, expires_at FROM pairing WHERE user_code = ?1";
        self.connection.prepare_cached(sql)?.query_row([user_code], columns).optional()?.map(read).transpose()
    }

    /// What asks with the device code of that hash.
    ///
    /// # Errors
    /// What the database says.
    pub fn pairing_of_device(&self, device: &[u8; 32]) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT user_code, device, document, expires_at FROM pairing WHERE device = ?1";
        self.connection.prepare_cached(sql)?.query_row([device.as_slice()], columns).optional()?.map(read).transpose()
    }

    /// How many codes there are.
    ///
    /// # Errors
    /// What the database says.
    pub fn pairings(&self) -> Result<u64, StoreError> {
        Ok(self.connection.prepare_cached("SELECT count(*) FROM pairing")?.query_row([], |row| row.get(0))?)
    }
}

impl Rows<'_> {
    /// When the next code ends.
    ///
    /// # Errors
    /// What the database says.
    pub fn next_pairing_ends(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(expires_at) FROM pairing";
        let at: Option<i64> = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(at.map(Timestamp::from_millis))
    }
}

impl Tx<'_> {
    /// Keeps it.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_pairing(&mut self, pairing: &Pairing) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO pairing (user_code, device, document, expires_at) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (user_code) DO UPDATE SET document = excluded.document, expires_at = excluded.expires_at",
            )?
            .execute(params![
                pairing.user_code,
                pairing.device.as_slice(),
                json("pairing", &pairing.document)?,
                pairing.expires_at.millis()
            ])?;
        Ok(())
    }

    /// Forgets codes that have ended.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_pairings(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM pairing WHERE expires_at <= ?1")?.execute([now.millis()])?;
        Ok(())
    }
}
