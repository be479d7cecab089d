//! The agent's own key pair (Ed25519): made once, and its private half never leaves the machine.

use std::path::Path;

use domain::hex::hex;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// Proves who this agent is.
pub struct Identity(Ed25519KeyPair);

impl Identity {
    /// The key of that data folder; a new one is made.
    ///
    /// # Errors
    /// What the file system says; a file that is no key.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let make = || {
            let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            pair.map(|pair| pair.as_ref().to_vec()).map_err(|_| std::io::Error::other("no key could be made"))
        };
        let document = api::installation::secret_file(folder, "agent.key", make)?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| std::io::Error::other("agent.key is no Ed25519 key"))?;
        Ok(Self(pair))
    }

    /// The public half.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// A signature in hex.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_key_is_made_once_and_its_signature_is_checked_by_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let made = Identity::open(folder.path()).unwrap();
        let again = Identity::open(folder.path()).unwrap();
        assert_eq!(made.public_key(), again.public_key());
        let signature = domain::hex::unhex(&again.sign(b"hello")).unwrap();
        let key = UnparsedPublicKey::new(&ED25519, made.public_key());
        assert!(key.verify(b"hello", &signature).is_ok());
        assert!(key.verify(b"goodbye", &signature).is_err());
    }
}
