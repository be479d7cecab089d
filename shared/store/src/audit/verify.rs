//! Whether a chain is whole: looked at in pieces, so that a long one blocks nobody.

use contract::ops::audit::AuditCheckpoint;

use super::{Hash, genesis, head, link};
use crate::error::StoreError;
use crate::rows::Rows;

/// How far a chain was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainCheck {
    home: String,
    expected: u64,
    before: Hash,
    /// Entries that were looked at.
    pub entries: u64,
    /// The first entry that does not fit.
    pub broken_at: Option<u64>,
    /// It was looked at to its end, or to where it breaks.
    pub done: bool,
}

impl ChainCheck {
    /// From the beginning of a home's chain.
    pub fn of(home: &str) -> Self {
        Self { home: home.to_owned(), expected: 1, before: genesis(home), entries: 0, broken_at: None, done: false }
    }

    fn broken(&mut self, at: u64) {
        (self.broken_at, self.done) = (Some(at), true);
    }
}

impl Rows<'_> {
    /// Looks at the next entries of a chain. Whether its checkpoints are genuine is not judged here.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_check(&self, check: &mut ChainCheck, most: usize) -> Result<(), StoreError> {
        // What was trimmed meanwhile is not missing.
        let trimmed = self.last_checkpoint(&check.home)?;
        if let Some((n, hash)) = trimmed.filter(|(n, _)| *n >= check.expected) {
            (check.expected, check.before) = (n + 1, hash);
            let mut left = self.connection.prepare_cached("SELECT min(n) FROM audit WHERE home = ?1 AND n <= ?2")?;
            if let Some(left) = left.query_row(rusqlite::params![check.home, n], |r| r.get::<_, Option<u64>>(0))? {
                check.broken(left);
                return Ok(());
            }
        }
        let sql = "SELECT n, entry, hash FROM audit WHERE home = ?1 AND n >= ?2 ORDER BY n LIMIT ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        // What stands before the first number was put there by nobody who may.
        let from = if check.entries == 0 && trimmed.is_none() { 0 } else { check.expected };
        let mut rows = statement.query(rusqlite::params![check.home, from, most as u64])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let n: u64 = row.get(0)?;
            let hash = link(&check.before, n, row.get_ref(1)?.as_bytes().unwrap_or_default());
            if n != check.expected || row.get_ref(2)?.as_bytes().unwrap_or_default() != hash {
                check.broken(check.expected);
                return Ok(());
            }
            (check.expected, check.before, check.entries) = (n + 1, hash, check.entries + 1);
            found += 1;
        }
        if found < most {
            let (end, last) = head(self.connection, &check.home)?.unwrap_or((0, genesis(&check.home)));
            if end + 1 != check.expected || last != check.before {
                check.broken(check.expected);
            }
            check.done = true;
        }
        Ok(())
    }

    /// The first entry of a home's chain that does not fit, if any.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_break(&self, home: &str) -> Result<Option<u64>, StoreError> {
        let mut check = ChainCheck::of(home);
        while !check.done {
            self.audit_check(&mut check, 10_000)?;
        }
        Ok(check.broken_at)
    }

    /// What was trimmed of a chain, the newest last.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_checkpoints(&self, home: &str) -> Result<Vec<AuditCheckpoint>, StoreError> {
        let sql = "SELECT n, hash, at, removed, signature FROM audit_checkpoint WHERE home = ?1 ORDER BY n";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([home], |r| {
            Ok(AuditCheckpoint {
                number: r.get(0)?,
                hash: domain::hex::hex(r.get_ref(1)?.as_bytes().unwrap_or_default()),
                at: domain::time::Timestamp::from_millis(r.get(2)?),
                removed: r.get(3)?,
                signature: r.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where the chain begins since it was trimmed last.
    pub(super) fn last_checkpoint(&self, home: &str) -> Result<Option<(u64, Hash)>, StoreError> {
        use rusqlite::OptionalExtension;
        let sql = "SELECT n, hash FROM audit_checkpoint WHERE home = ?1 ORDER BY n DESC LIMIT 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([home], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
    }
}
