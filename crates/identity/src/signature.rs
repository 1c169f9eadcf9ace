//! Signatures checked against a bare public key, so that certificates of every version are served alike.

use std::fmt;
use std::sync::LazyLock;

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;

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
    let signed = Signed::read(certificate).ok_or(BadSignature::UnreadableKey)?;
    let fitting: Vec<_> = webpki::ALL_VERIFICATION_ALGS
        .iter()
        .copied()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == signed.algorithm)
        .collect();
    check(issuer_spki, &fitting, signed.body, signed.signature)
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

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// A certificate's public key, found by stepping over the fields before it: nothing else is parsed.
pub(crate) fn public_key(certificate: &[u8]) -> Result<&[u8], BadSignature> {
    spki_of(certificate).ok_or(BadSignature::UnreadableKey)
}

fn spki_of(certificate: &[u8]) -> Option<&[u8]> {
    let body = Element::read(Element::read(certificate, SEQUENCE)?.content, SEQUENCE)?.content;
    let body = Element::read(body, VERSION).map_or(body, |version| version.rest);
    let body = Element::read(body, INTEGER)?.rest;
    // signature algorithm, issuer, validity, subject
    let body = (0..4).try_fold(body, |body, _| Some(Element::read(body, SEQUENCE)?.rest))?;
    Some(Element::read(body, SEQUENCE)?.whole)
}

/// The three parts of a signed structure.
struct Signed<'a> {
    body: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let body = Element::read(Element::read(certificate, SEQUENCE)?.content, SEQUENCE)?;
        let algorithm = Element::read(body.rest, SEQUENCE)?;
        let bits = Element::read(algorithm.rest, BIT_STRING)?;
        let signature = match bits.content.split_first()? {
            (0, signature) if bits.rest.is_empty() => signature,
            _ => return None,
        };
        let inner = Element::read(body.content, VERSION).map_or(body.content, |version| version.rest);
        let inner = Element::read(Element::read(inner, INTEGER)?.rest, SEQUENCE)?;
        // The signature covers only the inner name of the algorithm; an outer one that differs is a forgery.
        (inner.content == algorithm.content).then_some(Self {
            body: body.whole,
            algorithm: algorithm.content,
            signature,
        })
    }
}

/// One DER element and what follows it.
struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(der: &'a [u8], tag: u8) -> Option<Self> {
        let (found, after_tag) = der.split_first()?;
        let (first, after_first) = after_tag.split_first()?;
        let (length, body) = match first {
            0..=0x7f => (usize::from(*first), after_first),
            0x81..=0x83 => {
                let (digits, body) = after_first.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), body)
            }
            _ => return None,
        };
        let (content, rest) = body.split_at_checked(length)?;
        let whole = der.get(..der.len() - rest.len())?;
        (*found == tag).then_some(Self { whole, content, rest })
    }
}
