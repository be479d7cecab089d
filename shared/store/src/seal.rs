//! Secrets that are needed again, such as a printer's access code: sealed at rest, bound to their
//! owner, never in a record, an event or an answer. This guards backups and stray copies, not a
//! machine that a thief has running.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::entropy::Entropy;
use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::Tx;

/// Seals and opens secrets with this installation's key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    marking: [u8; 32],
}

impl Sealer {
    /// From the installation's key.
    pub fn new(key: &[u8; 32]) -> Self {
        let marking = Sha256::new().chain_update(b"gantry mark").chain_update(key).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(key.into()), marking }
    }

    /// A mark by which the same text is known again, and from which nobody without the key finds it, however short it is.
    pub fn mark(&self, plain: &str) -> String {
        domain::hex::hex(&Sha256::new().chain_update(self.marking).chain_update(plain).finalize())
    }

    fn seal(&self, entropy: &mut dyn Entropy, bound_to: &str, plain: &str) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; 24];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plain.as_bytes(), aad: bound_to.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| StoreError::Sealed(bound_to.to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, bound_to: &str, sealed: &[u8]) -> Result<String, StoreError> {
        let bad = || StoreError::Sealed(bound_to.to_owned());
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or_else(bad)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| bad())?;
        let payload = Payload { msg: sealed, aad: bound_to.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| bad())?;
        String::from_utf8(plain).map_err(|_| bad())
    }
}

/// What a sealed value is bound to: no two pairs give the same text.
fn bound_to(owner: &str, name: &str) -> String {
    format!("{}:{owner}/{name}", owner.len())
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Tx<'_> {
    /// Keeps a secret.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_secret(&mut self, sealer: &Sealer, owner: &str, name: &str, plain: &str) -> Result<(), StoreError> {
        let sealed = sealer.seal(self.entropy, &bound_to(owner, name), plain)?;
        self.sql()?
            .prepare_cached(
                "INSERT INTO secret (owner, name, sealed) VALUES (?1, ?2, ?3) ON CONFLICT (owner, name) DO UPDATE SET sealed = excluded.sealed",
            )?
            .execute(params![owner, name, sealed])?;
        Ok(())
    }

    /// Forgets an owner's secrets.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_secrets(&mut self, owner: &str) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM secret WHERE owner = ?1")?.execute([owner])?;
        Ok(())
    }
}

impl Rows<'_> {
    /// Opens a secret, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if it was sealed with another key or for another owner.
    pub fn secret(&self, sealer: &Sealer, owner: &str, name: &str) -> Result<Option<String>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT sealed FROM secret WHERE owner = ?1 AND name = ?2")?
            .query_row([owner, name], |r| r.get(0))
            .optional()?;
        sealed.map(|sealed| sealer.open(&bound_to(owner, name), &sealed)).transpose()
    }
}
