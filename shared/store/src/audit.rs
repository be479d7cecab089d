//! The audit log: a table and a hash chain per home. Each entry's hash covers the one before, so that a
//! changed or missing entry shows. Not a proof against somebody who can rewrite the whole table.

use domain::actor::Actor;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::{Tx, json};

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where: the network address, or the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What was done.
    pub operation: String,
    /// On which thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's body without its secrets.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub asked: serde_json::Value,
}

/// What stands before the first entry: a chain cannot pass for another home's.
fn genesis(home: &str) -> [u8; 32] {
    Sha256::digest(home.as_bytes()).into()
}

fn link(before: &[u8; 32], n: u64, entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(n.to_be_bytes()).chain_update(entry.as_bytes()).finalize().into()
}

fn head(connection: &Connection, home: &str) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT n, hash FROM audit_head WHERE home = ?1")?;
    Ok(statement.query_row([home], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

impl Tx<'_> {
    /// Appends an entry to the chain of this write's home.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let home = self.audit_home();
        let (n, before) = head(self.sql()?, &home)?.map_or((1, genesis(&home)), |(n, hash)| (n + 1, hash));
        let text = json("audit", entry)?;
        let hash = link(&before, n, &text);
        self.sql()?
            .prepare_cached("INSERT INTO audit (home, n, entry, hash) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![home, n, text, hash])?;
        self.sql()?
            .prepare_cached(
                "INSERT INTO audit_head (home, n, hash) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (home) DO UPDATE SET n = excluded.n, hash = excluded.hash",
            )?
            .execute(params![home, n, hash])?;
        Ok(())
    }
}

impl Rows<'_> {
    /// The first entry of a home's chain that does not fit, if any.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_break(&self, home: &str) -> Result<Option<u64>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT n, entry, hash FROM audit WHERE home = ?1 ORDER BY n")?;
        let mut rows = statement.query([home])?;
        let (mut expected, mut before) = (1_u64, genesis(home));
        while let Some(row) = rows.next()? {
            let (n, entry, hash): (u64, String, [u8; 32]) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if n != expected || hash != link(&before, n, &entry) {
                return Ok(Some(expected));
            }
            (expected, before) = (n + 1, hash);
        }
        let (end, last) = head(self.connection, home)?.unwrap_or((0, genesis(home)));
        Ok((end + 1 != expected || last != before).then_some(expected))
    }

    /// The newest entries of a home's chain.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_tail(&self, home: &str, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT entry FROM audit WHERE home = ?1 ORDER BY n DESC LIMIT ?2")?;
        let texts = statement.query_map(params![home, limit as u64], |r| r.get::<_, String>(0))?;
        texts.map(|text| serde_json::from_str(&text?).map_err(|cause| StoreError::Document { kind: "audit", cause })).collect()
    }
}
