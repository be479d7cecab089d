//! The audit log: a table and a hash chain per home. Each entry's hash covers the one before, so that a
//! changed or missing entry shows. Not a proof against somebody who can rewrite the whole table.

pub mod changes;
pub mod page;
pub mod trim;
pub mod verify;

use contract::ops::audit::RecordedEntry;
use domain::actor::Actor;
use domain::id::StoreId;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::{Tx, json};

/// What an operation says of itself; the records that it changed are added where it is written.
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

/// A hash of the chain.
type Hash = [u8; 32];

/// What stands before the first entry: a chain cannot pass for another home's.
fn genesis(home: &str) -> Hash {
    Sha256::digest(home.as_bytes()).into()
}

fn link(before: &Hash, n: u64, entry: &[u8]) -> Hash {
    Sha256::new().chain_update(before).chain_update(n.to_be_bytes()).chain_update(entry).finalize().into()
}

fn head(connection: &Connection, home: &str) -> Result<Option<(u64, Hash)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT n, hash FROM audit_head WHERE home = ?1")?;
    Ok(statement.query_row([home], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

impl Tx<'_> {
    /// Appends an entry to the chain of this write's home. The records that this write changed since the entry before go
    /// into it by themselves, so that none can be forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let AuditEntry { at, actor, from, operation, subject, request_id, mut asked } = entry.clone();
        changes::shorten_asked(&mut asked);
        let (changes, more_changes) = self.changes.take();
        let entry = RecordedEntry { at, actor, from, operation, subject, request_id, asked, changes, more_changes };
        let home = self.audit_home();
        let (n, before) = head(self.sql()?, &home)?.map_or((1, genesis(&home)), |(n, hash)| (n + 1, hash));
        let text = json("audit", &entry)?;
        let hash = link(&before, n, text.as_bytes());
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

    /// Whether this write changed a record since its last entry.
    pub fn has_unaudited_changes(&self) -> bool {
        self.changes.is_pending()
    }

    /// The farm leaves its store: what is written from now on is of that one, and what was written before is not.
    pub(crate) fn next_entries_are_of(&mut self, store: StoreId) -> Result<(), StoreError> {
        let home = self.audit_home();
        let next = head(self.sql()?, &home)?.map_or(1, |(n, _)| n + 1);
        let left = self.store().to_string();
        let sql = "INSERT INTO audit_owner (home, n, store_id) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (home, n) DO UPDATE SET store_id = excluded.store_id";
        let any = self.sql()?.prepare_cached("SELECT 1 FROM audit_owner WHERE home = ?1")?.exists([&home])?;
        if !any {
            self.sql()?.prepare_cached(sql)?.execute(params![home, 1, left])?;
        }
        self.sql()?.prepare_cached(sql)?.execute(params![home, next, store.to_string()])?;
        Ok(())
    }
}

impl Rows<'_> {
    /// The homes that have a chain here.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_homes(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT home FROM audit_head ORDER BY home")?;
        Ok(statement.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The end of a chain: the number of its newest entry, and its hash in hex.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_head(&self, home: &str) -> Result<(u64, String), StoreError> {
        let (n, hash) = head(self.connection, home)?.unwrap_or((0, genesis(home)));
        Ok((n, domain::hex::hex(&hash)))
    }
}
