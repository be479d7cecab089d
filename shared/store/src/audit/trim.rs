//! Removing old entries. What is left of them is a signed checkpoint, from which the rest of the chain is still checked.

use contract::ops::audit::AuditCheckpoint;
use domain::hex::hex;
use domain::time::Timestamp;
use rusqlite::params;

use super::{genesis, link};
use crate::error::StoreError;
use crate::tx::Tx;

impl Tx<'_> {
    /// Removes the entries of a home's chain that are older than that, at most so many, and leaves a checkpoint. What does not
    /// fit is not removed, nor what comes after it: a trim must not cover up a change. Says how many were removed.
    ///
    /// # Errors
    /// What the database says.
    pub fn trim_audit(
        &mut self,
        home: &str,
        older_than: Timestamp,
        most: usize,
        sign: &dyn Fn(&[u8]) -> String,
    ) -> Result<u64, StoreError> {
        let (first, mut hash) = self.rows().last_checkpoint(home)?.map_or((1, genesis(home)), |(n, hash)| (n + 1, hash));
        let mut next = first;
        {
            let sql = "SELECT n, at, entry, hash FROM audit WHERE home = ?1 ORDER BY n LIMIT ?2";
            let mut statement = self.sql()?.prepare_cached(sql)?;
            let mut rows = statement.query(params![home, most as u64])?;
            while let Some(row) = rows.next()? {
                let at: Option<Timestamp> = row.get::<_, Option<String>>(1)?.and_then(|at| at.parse().ok());
                let linked = link(&hash, next, row.get_ref(2)?.as_bytes().unwrap_or_default());
                let fits = row.get::<_, u64>(0)? == next && row.get_ref(3)?.as_bytes().unwrap_or_default() == linked;
                if !fits || at.is_none_or(|at| at >= older_than) {
                    break;
                }
                (next, hash) = (next + 1, linked);
            }
        }
        let removed = next - first;
        if removed == 0 {
            return Ok(0);
        }
        let now = self.now();
        let mut checkpoint = AuditCheckpoint { number: next - 1, hash: hex(&hash), at: now, removed, signature: String::new() };
        checkpoint.signature = sign(&checkpoint.message(home));
        self.sql()?.prepare_cached("DELETE FROM audit WHERE home = ?1 AND n < ?2")?.execute(params![home, next])?;
        self.sql()?
            .prepare_cached(
                "INSERT INTO audit_checkpoint (home, n, hash, at, removed, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![home, checkpoint.number, hash, now.millis(), removed, checkpoint.signature])?;
        Ok(removed)
    }
}
