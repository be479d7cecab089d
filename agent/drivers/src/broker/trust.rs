//! Whether a machine is the one that is meant. Its certificate has no address in it and may be of version 1,
//! which no public-key library takes; so it is judged here by one of two rules: it is the very one that the
//! owner confirmed, or somebody whom the owner trusts vouches for it and it names the serial number.

use std::sync::{Arc, Mutex, PoisonError};

use domain::hex::hex;
use domain::text::{Fingerprint, Serial};
use ring::{digest, signature};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use super::Shown;

/// Those that vouch for one another are followed no further than this.
const CHAIN_AT_MOST: usize = 4;

/// The certificates (DER) in a PEM file.
pub fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).map(|found| found.to_vec()).collect()
}

/// By which rule a machine is known.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The serial number that its certificate must name.
    pub serial: Serial,
    /// The certificate that the owner confirmed; then it alone is believed.
    pub confirmed: Option<Fingerprint>,
    /// Those that may vouch for it (DER).
    pub authorities: Arc<[Vec<u8>]>,
}

/// Why a certificate is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody vouches for it, and the owner has not confirmed it.
    Unconfirmed(Shown),
    /// It is not the one that the owner confirmed.
    Changed(Shown),
    /// It is good, and another machine's.
    OtherMachine(Shown),
    /// It is no certificate.
    Unreadable,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unconfirmed(shown) => write!(f, "nobody has confirmed its certificate ({}, {})", shown.names, shown.sha256),
            Self::Changed(shown) => write!(f, "its certificate is not the confirmed one ({}, {})", shown.names, shown.sha256),
            Self::OtherMachine(shown) => write!(f, "its certificate is that of {}", shown.names),
            Self::Unreadable => f.write_str("its certificate cannot be read"),
        }
    }
}

impl Trust {
    /// Judges what a machine shows: its certificate and those that it sends along.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn judge(&self, leaf: &[u8], sent_along: &[&[u8]], now: i64) -> Result<(), Refusal> {
        let (Some(certificate), Some(sha256)) = (read(leaf), fingerprint(leaf)) else { return Err(Refusal::Unreadable) };
        let shown = Shown { sha256, names: named(&certificate) };
        match &self.confirmed {
            Some(confirmed) if *confirmed == shown.sha256 => Ok(()),
            Some(_) => Err(Refusal::Changed(shown)),
            None if !self.is_vouched_for(&certificate, sent_along, now) => Err(Refusal::Unconfirmed(shown)),
            None if shown.names == self.serial.as_str() => Ok(()),
            None => Err(Refusal::OtherMachine(shown)),
        }
    }

    /// Whether a chain leads to somebody whom the owner trusts.
    fn is_vouched_for(&self, leaf: &X509Certificate<'_>, sent_along: &[&[u8]], now: i64) -> bool {
        let anchors: Vec<_> = self.authorities.iter().filter_map(|der| read(der)).collect();
        let between: Vec<_> = sent_along.iter().filter_map(|der| read(der)).collect();
        let mut at = leaf;
        for _ in 0..CHAIN_AT_MOST {
            if !is_in_force(at, now) {
                return false;
            }
            if anchors.iter().any(|anchor| is_in_force(anchor, now) && vouches(anchor, at)) {
                return true;
            }
            // Only one that may vouch for others, by its own words.
            let Some(next) = between.iter().find(|one| one.is_ca() && vouches(one, at) && one.subject() != at.subject()) else {
                return false;
            };
            at = next;
        }
        false
    }
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    is_wrapped_as_it_must_be(der, &certificate).then_some(certificate)
}

/// What stands around the signed part is not signed, and the parser is lenient about it: there is one way only to write it, with the
/// algorithm that the signed part names too (RFC 5280, 4.1.1.2).
fn is_wrapped_as_it_must_be(der: &[u8], certificate: &X509Certificate<'_>) -> bool {
    let signed: &[u8] = certificate.tbs_certificate.as_ref();
    let signature = value(0x03, &[&[0], certificate.signature_value.data.as_ref()]);
    let Some(start) = der.windows(signed.len()).position(|part| part == signed) else { return false };
    let Some(algorithm) = der.get(start + signed.len()..der.len().saturating_sub(signature.len())) else { return false };
    let named = !algorithm.is_empty() && signed.windows(algorithm.len()).any(|part| part == algorithm);
    named && value(0x30, &[signed, algorithm, &signature]) == der
}

/// A value in DER (X.690, 8.1 and 10.1).
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let head = match (length.as_slice(), u8::try_from(length.len())) {
        ([], _) => vec![tag, 0],
        ([short @ 0..0x80], _) => vec![tag, *short],
        (long, Ok(count)) => [&[tag, 0x80 | count], long].concat(),
        (_, Err(_)) => Vec::new(),
    };
    [head, content].concat()
}

fn is_in_force(certificate: &X509Certificate<'_>, now: i64) -> bool {
    ASN1Time::from_timestamp(now).is_ok_and(|now| certificate.validity().is_valid_at(now))
}

fn vouches(issuer: &X509Certificate<'_>, of: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == of.issuer().as_raw() && of.verify_signature(Some(issuer.public_key())).is_ok()
}

fn named(certificate: &X509Certificate<'_>) -> String {
    let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    name.unwrap_or("nobody").chars().filter(|c| !c.is_control()).take(64).collect()
}

fn fingerprint(der: &[u8]) -> Option<Fingerprint> {
    Fingerprint::try_from(hex(digest::digest(&digest::SHA256, der).as_ref())).ok()
}

/// A configuration for connections to that machine, and where it says why a certificate was refused.
/// Capped at TLS 1.2: some machines break their file transfers under 1.3.
pub(super) fn configuration(trust: &Trust) -> Result<(Arc<ClientConfig>, Refused), Error> {
    let refused = Refused::default();
    let verifier = Verifier { trust: trust.clone(), refused: refused.clone() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok((Arc::new(config), refused))
}

/// Why the last certificate was refused: a handshake's own error has lost it on its way through the libraries.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused(Arc<Mutex<Option<Refusal>>>);

impl Refused {
    pub(super) fn take(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    refused: Refused,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sent_along: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.trust.judge(end_entity, &sent_along, seconds).map(|()| ServerCertVerified::assertion()).map_err(|refusal| {
            *self.refused.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_handshake(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_handshake(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.iter().map(|(scheme, _)| *scheme).collect()
    }
}

static SCHEMES: [(SignatureScheme, &dyn signature::VerificationAlgorithm); 8] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, &signature::ECDSA_P256_SHA256_ASN1),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &signature::ECDSA_P384_SHA384_ASN1),
    (SignatureScheme::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256),
    (SignatureScheme::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384),
    (SignatureScheme::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512),
    (SignatureScheme::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (SignatureScheme::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (SignatureScheme::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512),
];

/// Whether whoever speaks has the certificate's private key. By hand: the library's own check takes no version 1.
fn verify_handshake(
    message: &[u8],
    cert: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = |why| Error::InvalidCertificate(why);
    let (_, certificate) = X509Certificate::from_der(cert).map_err(|_| bad(CertificateError::BadEncoding))?;
    let known = SCHEMES.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let (_, algorithm) = known.ok_or_else(|| bad(CertificateError::BadSignature))?;
    let key = certificate.public_key().subject_public_key.data.as_ref();
    signature::UnparsedPublicKey::new(*algorithm, key)
        .verify(message, signed.signature())
        .map_err(|_| bad(CertificateError::BadSignature))?;
    Ok(HandshakeSignatureValid::assertion())
}
