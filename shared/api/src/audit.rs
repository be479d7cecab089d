//! What keeps a door's audit: the key that signs what is left of trimmed entries, how long entries stay, and whether chains are
//! whole. The key is one of its own, because those that a farm proves itself by roll.

pub mod csv;
pub mod merge;

use std::path::Path;
use std::sync::Arc;

use contract::ops::audit::{AuditCheckpoint, ChainVerified};
use domain::actor::{Actor, ActorKind};
use domain::hex::hex;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{By, ChainCheck, ReadOnly, StoreError};

use crate::claims::signed_by;
use crate::door::Door;

/// Entries that are looked at, or trimmed, in one go: nobody waits long for them.
const AT_ONCE: usize = 5_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How long entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32")]
pub struct AuditDays(u32);

impl Default for AuditDays {
    fn default() -> Self {
        Self(400)
    }
}

impl TryFrom<u32> for AuditDays {
    type Error = String;
    fn try_from(days: u32) -> Result<Self, String> {
        if days < 30 { Err(format!("audit_days must be at least 30, not {days}")) } else { Ok(Self(days)) }
    }
}

impl From<AuditDays> for u32 {
    fn from(days: AuditDays) -> Self {
        days.0
    }
}

/// What keeps a door's audit.
pub struct AuditKeeper {
    key: Arc<Ed25519KeyPair>,
    days: AuditDays,
    /// Chains are looked at one after the other: it takes long, and a second would only take longer.
    one: tokio::sync::Mutex<()>,
}

impl AuditKeeper {
    /// With the key of that data folder; a new one is made.
    ///
    /// # Errors
    /// What the file system says; a file that is no key.
    pub fn open(folder: &Path, days: AuditDays) -> std::io::Result<Self> {
        let make = || {
            let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            pair.map(|pair| pair.as_ref().to_vec()).map_err(|_| std::io::Error::other("no key could be made"))
        };
        let key = key(&crate::installation::secret_file(folder, KEY, make)?)?;
        Ok(Self { key: Arc::new(key), days, one: tokio::sync::Mutex::default() })
    }

    /// With the key that follows from that seed: for tests.
    ///
    /// # Panics
    /// Never: every seed of 32 bytes is a key.
    #[expect(clippy::expect_used, reason = "every seed of 32 bytes is a key")]
    pub fn of_seed(seed: [u8; 32]) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed of 32 bytes");
        Self { key: Arc::new(key), days: AuditDays::default(), one: tokio::sync::Mutex::default() }
    }

    /// The public half in hex.
    pub fn public_key(&self) -> String {
        hex(self.key.public_key().as_ref())
    }
}

/// The file of the key, in the data folder.
const KEY: &str = "audit.key";

fn key(document: &[u8]) -> std::io::Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_pkcs8(document).map_err(|_| std::io::Error::other("audit.key is no Ed25519 key"))
}

/// Removes entries that are old enough, and leaves signed checkpoints.
///
/// # Errors
/// What the database says.
pub async fn trim(door: &Door) -> Result<(), StoreError> {
    let now = door.now();
    // A clock that was never set must not make everything old.
    if !crate::clock::is_set(now) {
        return Ok(());
    }
    let older_than = now.plus_millis(-i64::from(door.audit.days.0) * DAY_MS);
    for home in door.store.read(|rows| rows.audit_homes())? {
        let actor = if door.is_relay() { Actor::new(ActorKind::Relay, "relay") } else { Actor::farm(door.home().farm_id) };
        let key = Arc::clone(&door.audit.key);
        let write = move |tx: &mut store::Tx<'_>| {
            let last = tx.rows().audit_checkpoints(&home)?.pop();
            // A checkpoint a day is enough.
            if last.is_some_and(|last| now.millis_since(last.at) < DAY_MS && last.removed < AT_ONCE as u64) {
                return Ok(0);
            }
            tx.trim_audit(&home, older_than, AT_ONCE, &|message| hex(key.sign(message).as_ref()))
        };
        let removed: u64 = door.store.write(By::new(actor, now), write).await?;
        if removed > 0 {
            tracing::info!(removed, "old entries of the audit were trimmed");
        }
    }
    Ok(())
}

/// Whether a home's chain of this door is whole.
///
/// # Errors
/// What the database says.
pub async fn verify(door: &Door, home: String) -> Result<ChainVerified, StoreError> {
    let _one = door.audit.one.lock().await;
    let (store, key) = (door.store.clone(), door.audit.public_key());
    let looked = tokio::task::spawn_blocking(move || {
        verified(
            &home,
            Some(&key),
            |check| store.read(|rows| rows.audit_check(check, AT_ONCE)),
            |home| store.read(|rows| Ok((rows.audit_head(home)?, rows.audit_checkpoints(home)?))),
        )
    });
    looked.await.map_err(|error| StoreError::NotCommitted(error.to_string()))?
}

/// Whether the chains of a database are whole, while nobody runs on it. Its key is looked for beside it.
///
/// # Errors
/// What the database says.
pub fn verify_file(path: &Path) -> Result<Vec<ChainVerified>, StoreError> {
    let database = ReadOnly::open(path)?;
    let document = path.parent().and_then(|folder| std::fs::read(folder.join(KEY)).ok());
    let key = document.and_then(|document| key(&document).ok()).map(|key| hex(key.public_key().as_ref()));
    let rows = database.rows();
    let chain = |home: &String| {
        verified(
            home,
            key.as_deref(),
            |check| rows.audit_check(check, AT_ONCE),
            |home| Ok((rows.audit_head(home)?, rows.audit_checkpoints(home)?)),
        )
    };
    rows.audit_homes()?.iter().map(chain).collect()
}

type Ends = ((u64, String), Vec<AuditCheckpoint>);

fn verified(
    home: &str,
    key: Option<&str>,
    look: impl Fn(&mut ChainCheck) -> Result<(), StoreError>,
    ends: impl Fn(&str) -> Result<Ends, StoreError>,
) -> Result<ChainVerified, StoreError> {
    let mut check = ChainCheck::of(home);
    while !check.done {
        look(&mut check)?;
    }
    let ((last, hash), trimmed) = ends(home)?;
    let forged = trimmed
        .iter()
        .find(|checkpoint| !key.is_some_and(|key| signed_by(key, &checkpoint.message(home), &checkpoint.signature)));
    let problem = match (check.broken_at, forged, key) {
        (Some(number), ..) => Some(format!("entry {number} was changed, or is missing")),
        (None, Some(_), None) => Some(format!("the key {KEY} is missing: nobody can tell whether a checkpoint is genuine")),
        (None, Some(forged), Some(_)) => Some(format!("the checkpoint of entry {} is not signed by this door", forged.number)),
        (None, None, _) => None,
    };
    let broken_at = check.broken_at.or_else(|| forged.map(|forged| forged.number));
    let whole = problem.is_none();
    Ok(ChainVerified { home: home.to_owned(), whole, broken_at, problem, entries: check.entries, last, hash, trimmed })
}
