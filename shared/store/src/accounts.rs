//! Account facts on their way down: the API keys of a store and the hashes of what opens them go to its
//! farms, so that a key works on the LAN while the internet is down. Names and grants, never a secret.

use domain::id::StoreId;
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::params;
use serde_json::Value;

use crate::copies::{Copied, FeedRow, Place};
use crate::credentials::{Credential, CredentialKind};
use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::Tx;

/// The account kinds that a farm keeps a copy of.
const KINDS: &[Kind] = &[Kind::ApiKey];

/// When a key was used last, as each door notes it on the record.
const LAST_USED: &str = "last_used_at";

/// Whether the one time is later than the other; as they are written they sort as they are.
fn is_later(one: &Value, other: &Value) -> bool {
    one.as_str() > other.as_str()
}

/// A key's row, and all that opens it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFact {
    /// The row.
    pub row: FeedRow,
    /// Hashes that open it.
    pub openers: Vec<Opener>,
}

/// The hash of a secret that opens a key, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opener {
    /// The hash.
    pub hash: [u8; 32],
    /// Its end, if another secret took its place.
    pub expires_at: Option<Timestamp>,
}

impl Rows<'_> {
    /// The keys of a store that changed after a position, oldest change first.
    ///
    /// # Errors
    /// What the database says.
    pub fn keys_after(&self, store: StoreId, position: u64, limit: usize) -> Result<Vec<KeyFact>, StoreError> {
        let rows = self.changed_after(KINDS, store, None, position, limit)?;
        rows.into_iter().map(|row| Ok(KeyFact { openers: self.openers_of(&row.id)?, row })).collect()
    }

    fn openers_of(&self, key: &str) -> Result<Vec<Opener>, StoreError> {
        let sql = "SELECT hash, expires_at FROM credential WHERE owner = ?1 AND kind = ?2 ORDER BY hash";
        let mut statement = self.connection.prepare_cached(sql)?;
        let openers = statement.query_map(params![key, CredentialKind::ApiKey.word()], |r| {
            Ok(Opener { hash: r.get(0)?, expires_at: r.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis) })
        })?;
        Ok(openers.collect::<Result<_, _>>()?)
    }

    /// The last change of a store's keys.
    ///
    /// # Errors
    /// What the database says.
    pub fn keys_head(&self, store: StoreId) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(position), 0) FROM rec_api_key WHERE store_id = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([store.to_string()], |r| r.get(0))?)
    }
}

impl Tx<'_> {
    /// Takes a key of this database's store as its relay has it, with exactly these hashes.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_key_copy(&mut self, generation: u64, fact: &KeyFact) -> Result<(), StoreError> {
        let place = self.account_place();
        let used = self.rows().raw(Kind::ApiKey, &fact.row.id)?.and_then(|row| row.document.get(LAST_USED).cloned());
        let mut row = fact.row.clone();
        // It may have been used here later than at the relay.
        if let Some(used) =
            used.filter(|used| !row.deleted && row.document.get(LAST_USED).is_none_or(|theirs| is_later(used, theirs)))
        {
            row.document.insert(LAST_USED.to_owned(), used);
        }
        if self.put_copy_at(&place, generation, &row)? == Copied::Foreign {
            return Ok(());
        }
        self.forget_credentials(&fact.row.id)?;
        fact.openers.iter().try_for_each(|Opener { hash, expires_at }| {
            let owner = fact.row.id.clone();
            self.put_credential(hash, &Credential { kind: CredentialKind::ApiKey, owner, expires_at: *expires_at })
        })
    }

    /// Ends a whole feed of keys: those that it did not bring are gone.
    ///
    /// # Errors
    /// What the database says.
    pub fn sweep_key_copies(&mut self, generation: u64) -> Result<u64, StoreError> {
        let place = self.account_place();
        let swept = self.sweep_at(&place, KINDS, generation)?;
        self.forget_ownerless_keys()?;
        Ok(swept)
    }

    /// The keys of this database's store stop at once: it is no longer theirs.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_key_copies(&mut self) -> Result<(), StoreError> {
        self.sql()?.execute("DELETE FROM rec_api_key", [])?;
        self.sql()?.execute("DELETE FROM label WHERE kind = ?1", [Kind::ApiKey.word()])?;
        self.forget_ownerless_keys()
    }

    fn forget_ownerless_keys(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM credential WHERE kind = ?1 AND owner NOT IN (SELECT id FROM rec_api_key WHERE deleted = 0)";
        self.sql()?.execute(sql, [CredentialKind::ApiKey.word()])?;
        self.forget_use_of_gone_keys()
    }

    fn account_place(&self) -> Place {
        Place { store: self.home.store_id.to_string(), farm: String::new() }
    }
}
