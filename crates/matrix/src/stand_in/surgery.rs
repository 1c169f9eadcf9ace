//! A certificate taken apart, and put together and signed again in a way that no careful library would.

use aws_lc_rs::digest::{Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use fault::Fault;
use identity::der::{BIT_STRING, SEQUENCE, content, element, wrap};
use rcgen::{KeyPair, SigningKey as _};
use rustls_pki_types::CertificateDer;

/// The same certificate as X.509 version 1: without its version and without extensions.
pub(super) fn version1(
    certificate: &CertificateDer<'_>,
    issuer: &KeyPair,
) -> Result<CertificateDer<'static>, Fault> {
    let parts = parts(certificate).ok_or_else(unreadable)?;
    let [_version, serial, algorithm, rest @ .., _extensions] = parts.as_slice() else {
        return Err(unreadable());
    };
    let body = wrap(SEQUENCE, &[&[*serial, *algorithm], rest].concat());
    let signature = issuer.sign(&body).map_err(super::unmade("a signature"))?;
    Ok(whole(&body, algorithm, &signature))
}

/// The same certificate signed with ECDSA and SHA-1. The issuer's key is ECDSA P-256.
pub(super) fn sha1(
    certificate: &CertificateDer<'_>,
    issuer: &KeyPair,
) -> Result<CertificateDer<'static>, Fault> {
    let parts = parts(certificate).ok_or_else(unreadable)?;
    let [version, serial, _algorithm, rest @ ..] = parts.as_slice() else { return Err(unreadable()) };
    let algorithm = wrap(SEQUENCE, &[ECDSA_WITH_SHA1]);
    let body = wrap(SEQUENCE, &[&[*version, *serial, &algorithm], rest].concat());
    let signature = ecdsa_sha1(&body, issuer).ok_or_else(|| Fault::ours("cannot sign with SHA-1"))?;
    Ok(whole(&body, &algorithm, &signature))
}

/// ECDSA signs a number; a hash that is shorter than the key is that number with zeros before it. So SHA-1 reaches a
/// library that signs with SHA-256 alone.
fn ecdsa_sha1(body: &[u8], issuer: &KeyPair) -> Option<Vec<u8>> {
    let short = digest(&SHA1_FOR_LEGACY_USE_ONLY, body);
    let zeros = SHA256.output_len().checked_sub(short.as_ref().len())?;
    let padded = [&vec![0; zeros], short.as_ref()].concat();
    let number = Digest::import_less_safe(&padded, &SHA256).ok()?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, issuer.serialized_der()).ok()?;
    Some(key.sign_digest(&number).ok()?.as_ref().to_vec())
}

/// The elements of what is signed.
fn parts<'a>(certificate: &'a CertificateDer<'_>) -> Option<Vec<&'a [u8]>> {
    let (inside, _) = content(SEQUENCE, certificate)?;
    let (mut rest, _) = content(SEQUENCE, inside)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = element(rest)?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

fn whole(body: &[u8], algorithm: &[u8], signature: &[u8]) -> CertificateDer<'static> {
    let signature = wrap(BIT_STRING, &[&[0], signature]);
    wrap(SEQUENCE, &[body, algorithm, &signature]).into()
}

fn unreadable() -> Fault {
    Fault::ours("a stand-in certificate cannot be taken apart")
}

/// The object identifier 1.2.840.10045.4.1.
const ECDSA_WITH_SHA1: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
