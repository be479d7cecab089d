//! What opens a door: only its SHA-256 is kept, with what it belongs to. Keys and tokens are random
//! and long, so a slow hash would only slow the door.

use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::Tx;

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key.
    ApiKey,
    /// A slicer key.
    SlicerKey,
    /// A session's cookie.
    Session,
    /// A link that signs in once.
    OneTime,
    /// A link that adds a phone or tablet once.
    Enrolment,
    /// What a browser keeps of having been signed in: it opens nothing, but wrong tries of others do not count against it.
    Known,
}

impl CredentialKind {
    const ALL: [CredentialKind; 6] = [
        CredentialKind::ApiKey,
        CredentialKind::SlicerKey,
        CredentialKind::Session,
        CredentialKind::OneTime,
        CredentialKind::Enrolment,
        CredentialKind::Known,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            CredentialKind::ApiKey => "api_key",
            CredentialKind::SlicerKey => "slicer_key",
            CredentialKind::Session => "session",
            CredentialKind::OneTime => "one_time",
            CredentialKind::Enrolment => "enrolment",
            CredentialKind::Known => "known",
        }
    }
}

/// A known credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// The record that it belongs to.
    pub owner: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// The hash that is kept of a credential.
pub fn credential_hash(plain: &str) -> [u8; 32] {
    Sha256::digest(plain.as_bytes()).into()
}

impl Rows<'_> {
    /// Looks a credential up by its hash.
    ///
    /// # Errors
    /// What the database says.
    pub fn credential(&self, hash: &[u8; 32]) -> Result<Option<Credential>, StoreError> {
        let found: Option<(String, String, Option<i64>)> = self
            .connection
            .prepare_cached("SELECT kind, owner, expires_at FROM credential WHERE hash = ?1")?
            .query_row([hash.as_slice()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        Ok(found.and_then(|(word, owner, expires_at)| {
            let kind = CredentialKind::ALL.into_iter().find(|kind| kind.word() == word)?;
            Some(Credential { kind, owner, expires_at: expires_at.map(Timestamp::from_millis) })
        }))
    }
}

impl Tx<'_> {
    /// Keeps a credential's hash.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_credential(&mut self, hash: &[u8; 32], credential: &Credential) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("INSERT INTO credential (hash, kind, owner, expires_at) VALUES (?1, ?2, ?3, ?4)")?.execute(
            params![hash.as_slice(), credential.kind.word(), credential.owner, credential.expires_at.map(Timestamp::millis)],
        )?;
        Ok(())
    }

    /// Forgets one credential. Says whether it was there: a one-time token works for exactly one caller.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_credential(&mut self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.sql()?.prepare_cached("DELETE FROM credential WHERE hash = ?1")?.execute([hash.as_slice()])? == 1)
    }

    /// Lets what opens an owner's doors end at that time. What had an end already ends now: only the newest is left with one.
    ///
    /// # Errors
    /// What the database says.
    pub fn end_credentials(&mut self, owner: &str, at: Timestamp) -> Result<(), StoreError> {
        self.forget_ending_credentials(owner)?;
        self.extend_credentials(owner, at)
    }

    /// Forgets the credentials of an owner that have an end.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_ending_credentials(&mut self, owner: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM credential WHERE owner = ?1 AND expires_at IS NOT NULL";
        self.sql()?.prepare_cached(sql)?.execute([owner])?;
        Ok(())
    }

    /// Forgets all credentials of an owner.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_credentials(&mut self, owner: &str) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM credential WHERE owner = ?1")?.execute([owner])?;
        Ok(())
    }

    /// Moves the end of all credentials of an owner.
    ///
    /// # Errors
    /// What the database says.
    pub fn extend_credentials(&mut self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE credential SET expires_at = ?2 WHERE owner = ?1";
        self.sql()?.prepare_cached(sql)?.execute(params![owner, expires_at.millis()])?;
        Ok(())
    }

    /// Forgets credentials whose time ran out.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_expired_credentials(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM credential WHERE expires_at <= ?1")?.execute([now.millis()])?;
        Ok(())
    }
}
