//! Outcomes of calls that carried an `Idempotency-Key`: kept for at least seven days at the home of the fact,
//! written in the transaction of the effect.

use domain::hex::hex;
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::tx::{Tx, json};

/// A call that may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    digest: [u8; 32],
    body_hash: [u8; 32],
}

/// What such a call was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The HTTP status.
    pub status: u16,
    /// The answer; absent if it held a secret.
    pub reply: Option<serde_json::Value>,
    /// The revision of what was answered.
    pub revision: Option<u64>,
}

/// Seven days.
const KEPT_MILLIS: i64 = 7 * 24 * 3600 * 1000;

impl RequestKey {
    /// The key of a call: whose it is, what it asks, and its body as canonical JSON.
    pub fn new(home: &str, actor: &str, operation: &str, key: &str, body: &[u8]) -> Self {
        let mut digest = Sha256::new();
        for part in [home, actor, operation, key] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self { digest: digest.finalize().into(), body_hash: Sha256::digest(body).into() }
    }

    /// What ids of new things are derived from.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl Tx<'_> {
    /// The outcome of an earlier call with that key: `Ok(Err(()))` if its body was another.
    ///
    /// # Errors
    /// What the database says.
    pub fn outcome(&self, key: &RequestKey) -> Result<Option<Result<Outcome, ()>>, StoreError> {
        let found: Option<(String, String)> = self
            .sql()?
            .prepare_cached("SELECT body_hash, outcome FROM request WHERE id = ?1")?
            .query_row([hex(&key.digest)], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((body_hash, outcome)) = found else { return Ok(None) };
        if body_hash != hex(&key.body_hash) {
            return Ok(Some(Err(())));
        }
        serde_json::from_str(&outcome)
            .map(|outcome| Some(Ok(outcome)))
            .map_err(|cause| StoreError::Document { kind: "request", cause })
    }

    /// Keeps an outcome.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep_outcome(&mut self, key: &RequestKey, outcome: &Outcome) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO request (id, body_hash, outcome, created_at) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (id) DO UPDATE SET body_hash = excluded.body_hash, outcome = excluded.outcome, created_at = excluded.created_at",
            )?
            .execute(params![hex(&key.digest), hex(&key.body_hash), json("request", outcome)?, self.by.now.millis()])?;
        Ok(())
    }

    /// Forgets outcomes older than seven days.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_outcomes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached("DELETE FROM request WHERE created_at <= ?1")?
            .execute([now.plus_millis(-KEPT_MILLIS).millis()])?;
        Ok(())
    }
}
