//! What a printer shows of itself in TLS: a leaf whose common name is its serial number, and the authority that signed it. Both are
//! X.509 **version 1**, as on the printers, and no library makes those any more; so the few bytes are written here. (The printers'
//! keys are RSA; these are on P-256, which is made in no time.)

use ring::error::{KeyRejected, Unspecified};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

/// A certificate with its chain and its key, all DER.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The printer's own certificate.
    pub leaf: Vec<u8>,
    /// Who signed it.
    pub issuer: Vec<u8>,
    /// The key of the leaf, PKCS #8.
    pub key: Vec<u8>,
}

/// No randomness, or none that makes a key.
#[derive(Debug)]
pub struct NoKey;

impl From<Unspecified> for NoKey {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl From<KeyRejected> for NoKey {
    fn from(_: KeyRejected) -> Self {
        Self
    }
}

impl std::fmt::Display for NoKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no key could be made")
    }
}

impl std::error::Error for NoKey {}

const SEQUENCE: u8 = 0x30;
/// `ecdsa-with-SHA256`.
const ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `id-ecPublicKey` on P-256.
const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const AUTHORITY: &str = "Simulated printers CA";

impl Identity {
    /// Makes one for a printer with that serial number.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make(serial: &str) -> Result<Self, NoKey> {
        let random = SystemRandom::new();
        let (authority, _) = key(&random)?;
        let (own, pkcs8) = key(&random)?;
        Ok(Self {
            leaf: certificate(serial, &own, &authority, &random)?,
            issuer: certificate(AUTHORITY, &authority, &authority, &random)?,
            key: pkcs8,
        })
    }
}

fn key(random: &SystemRandom) -> Result<(EcdsaKeyPair, Vec<u8>), NoKey> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, random)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), random)?;
    Ok((pair, pkcs8.as_ref().to_vec()))
}

fn certificate(subject: &str, of: &EcdsaKeyPair, by: &EcdsaKeyPair, random: &SystemRandom) -> Result<Vec<u8>, NoKey> {
    let number = &of.public_key().as_ref()[1..9];
    // No version is version 1. A leading one keeps the number positive, and as short as it must be.
    let body = der(
        SEQUENCE,
        &[
            &der(0x02, &[&[1], number].concat()),
            ALGORITHM,
            &name(AUTHORITY),
            &der(SEQUENCE, &[der(0x17, b"240101000000Z"), der(0x17, b"491231235959Z")].concat()),
            &name(subject),
            &der(SEQUENCE, &[P256, &bits(of.public_key().as_ref())].concat()),
        ]
        .concat(),
    );
    let signature = by.sign(random, &body)?;
    Ok(der(SEQUENCE, &[&body, ALGORITHM, &bits(signature.as_ref())].concat()))
}

fn name(text: &str) -> Vec<u8> {
    let attribute = der(SEQUENCE, &[COMMON_NAME, &der(0x0c, text.as_bytes())].concat());
    der(SEQUENCE, &der(0x31, &attribute))
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0], bytes].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let short = content.len() < 0x80;
    let head = match length.as_slice() {
        [] => vec![tag, 0],
        [one] if short => vec![tag, *one],
        many => [&[tag, 0x80 | many.len() as u8], many].concat(),
    };
    [&head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

    #[test]
    fn the_leaf_is_of_version_1_bears_the_serial_and_is_signed_by_its_issuer() {
        let identity = Identity::make("01P00A000000001").unwrap();
        let (rest, leaf) = X509Certificate::from_der(&identity.leaf).unwrap();
        let (_, issuer) = X509Certificate::from_der(&identity.issuer).unwrap();
        assert!(rest.is_empty());
        assert_eq!(leaf.version(), X509Version::V1);
        assert_eq!(leaf.subject().iter_common_name().next().unwrap().as_str().unwrap(), "01P00A000000001");
        leaf.verify_signature(Some(issuer.public_key())).unwrap();
        issuer.verify_signature(None).unwrap();
        assert!(issuer.verify_signature(Some(leaf.public_key())).is_err());
    }
}
