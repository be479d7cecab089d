//! A certificate authority of a test's own: what it vouches for lies in files, as a door reads them.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// An authority with a folder.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its own certificate, for who is to trust it.
    pub file: PathBuf,
    /// What it vouched for last, and the key to it.
    pub certificate: PathBuf,
    pub private_key: PathBuf,
}

impl Authority {
    /// A new one, which has vouched for this machine.
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // The one who vouches and the one who is vouched for need names that differ, or the certificate looks self-signed.
        params.distinguished_name.push(DnType::CommonName, "An authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let [file, certificate, private_key] = ["ca.pem", "certificate.pem", "key.pem"].map(|name| folder.join(name));
        std::fs::write(&file, issuer.pem()).unwrap();
        let authority = Self { issuer, file, certificate, private_key };
        authority.vouch();
        authority
    }

    /// A new certificate in the same files, as one that was renewed.
    pub fn vouch(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned)).unwrap();
        std::fs::write(&self.private_key, key.serialize_pem()).unwrap();
        std::fs::write(&self.certificate, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
    }
}
