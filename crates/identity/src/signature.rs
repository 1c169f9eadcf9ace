//! Signatures checked against a bare public key, so that certificates of every version are served alike.

use std::fmt;
use std::sync::LazyLock;

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;

use crate::der;

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    /// The certificate's public key cannot be read.
    UnreadableKey,
    /// The algorithm is none that we take: SHA-1, MD5, or one that does not fit the key.
    UnsupportedAlgorithm,
    /// It was not made by this key over these bytes.
    Wrong,
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnreadableKey => "the public key cannot be read",
            Self::UnsupportedAlgorithm => "the signature algorithm is not supported for this key",
            Self::Wrong => "the signature was not made by this key",
        })
    }
}

impl std::error::Error for BadSignature {}

/// Our TLS signature schemes; rustls builds the list anew on each call.
static SCHEMES: LazyLock<WebPkiSupportedAlgorithms> =
    LazyLock::new(|| rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms);

/// The signature schemes that handshakes may use, best first.
#[must_use]
pub fn handshake_schemes() -> Vec<SignatureScheme> {
    SCHEMES.supported_schemes()
}

/// Checks a TLS 1.3 handshake signature by the key of `certificate` (DER, version 1 or 3; already verified).
///
/// # Errors
/// [`BadSignature`] where the peer has not shown that it holds the key.
pub fn verify_tls13_signature(
    certificate: &[u8],
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    if !in_tls13(scheme) {
        return Err(BadSignature::UnsupportedAlgorithm);
    }
    // TLS 1.3 ties a scheme to one curve: the first algorithm is that one.
    let algorithm = algorithms(scheme).first().ok_or(BadSignature::UnsupportedAlgorithm)?;
    check(public_key(certificate)?, &[*algorithm], message, signature)
}

/// Checks a TLS 1.2 handshake signature by the key of `certificate` (DER, version 1 or 3; already verified).
///
/// # Errors
/// [`BadSignature`] where the peer has not shown that it holds the key.
pub fn verify_tls12_signature(
    certificate: &[u8],
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    check(public_key(certificate)?, algorithms(scheme), message, signature)
}

/// Whether `certificate` was signed by the key in `issuer_spki`.
pub(crate) fn verify_issued(certificate: &[u8], issuer_spki: &[u8]) -> Result<(), BadSignature> {
    let signed = Signed::certificate(certificate).ok_or(BadSignature::UnreadableKey)?;
    signed.verify(issuer_spki)
}

/// TLS 1.3 left PKCS #1 v1.5 behind, which TLS 1.2 still has.
fn in_tls13(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

fn algorithms(scheme: SignatureScheme) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    SCHEMES.mapping.iter().find(|(known, _)| *known == scheme).map_or(&[], |(_, algorithms)| algorithms)
}

fn check(
    spki: &[u8],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let spki = SubjectPublicKeyInfoDer::from(spki);
    let key = RawPublicKeyEntity::try_from(&spki).map_err(|_| BadSignature::UnreadableKey)?;
    for algorithm in algorithms {
        match key.verify_signature(*algorithm, message, signature) {
            Ok(()) => return Ok(()),
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(BadSignature::Wrong),
        }
    }
    Err(BadSignature::UnsupportedAlgorithm)
}

/// The tag of a certificate's version.
const VERSION: u8 = 0xa0;

/// A certificate's public key, found by stepping over the fields before it: nothing else is parsed.
pub(crate) fn public_key(certificate: &[u8]) -> Result<&[u8], BadSignature> {
    spki_of(certificate).ok_or(BadSignature::UnreadableKey)
}

fn spki_of(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der::content(der::SEQUENCE, certificate)?;
    let (body, _) = der::content(der::SEQUENCE, outer)?;
    let (_, body) = der::optional(VERSION, body)?;
    let (_, body) = der::content(der::INTEGER, body)?;
    // signature algorithm, issuer, validity, subject
    let body = (0..4).try_fold(body, |body, _| Some(der::content(der::SEQUENCE, body)?.1))?;
    let (spki, _) = der::element(body)?;
    (spki.first() == Some(&der::SEQUENCE)).then_some(spki)
}

/// The three parts of a signed structure: a certificate, a list, an answer.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// What was signed, header included.
    pub(crate) body: &'a [u8],
    /// The content of the algorithm's identifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes a signed structure apart. Whether the algorithm is named inside of the body too is the reader's to compare.
    pub(crate) fn read(whole: &'a [u8]) -> Option<Self> {
        let (parts, _) = der::content(der::SEQUENCE, whole)?;
        let (body, rest) = der::element(parts)?;
        let (algorithm, rest) = der::content(der::SEQUENCE, rest)?;
        let (bits, rest) = der::content(der::BIT_STRING, rest)?;
        match bits.split_first()? {
            (0, signature) if rest.is_empty() => Some(Self { body, algorithm, signature }),
            _ => None,
        }
    }

    fn certificate(whole: &'a [u8]) -> Option<Self> {
        let signed = Self::read(whole)?;
        let (inner, _) = der::content(der::SEQUENCE, signed.body)?;
        let (_, inner) = der::optional(VERSION, inner)?;
        let (_, inner) = der::content(der::INTEGER, inner)?;
        let (inner, _) = der::content(der::SEQUENCE, inner)?;
        // The signature covers only the inner name of the algorithm; an outer one that differs is a forgery.
        (inner == signed.algorithm).then_some(signed)
    }

    /// Whether the key in `spki` made the signature, by an algorithm that we take for certificates.
    pub(crate) fn verify(&self, spki: &[u8]) -> Result<(), BadSignature> {
        let fitting: Vec<_> = webpki::ALL_VERIFICATION_ALGS
            .iter()
            .copied()
            .filter(|algorithm| algorithm.signature_alg_id().as_ref() == self.algorithm)
            .collect();
        check(spki, &fitting, self.body, self.signature)
    }
}
