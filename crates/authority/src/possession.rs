//! Whether a request was signed with the key that it asks to have certified.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use identity::KeyKind;
use rustls_pki_types::alg_id;

use identity::der;

/// What was signed, by which algorithm (the content of the AlgorithmIdentifier), and the signature: the three parts
/// of a certificate or a request.
struct Signed<'a> {
    message: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn of(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = der::content(der::SEQUENCE, der)?;
        let (message, rest) = der::element(whole)?;
        let (algorithm, rest) = der::content(der::SEQUENCE, rest)?;
        let (bits, after) = der::content(der::BIT_STRING, rest)?;
        // A signature has no unused bits, and nothing comes after it.
        let (0, signature) = bits.split_first().map(|(unused, bits)| (*unused, bits))? else { return None };
        after.is_empty().then_some(Self { message, algorithm, signature })
    }
}

/// Whether a certificate or a request (DER) is signed by a key, given as the content of its BIT STRING. Algorithms
/// are compared byte for byte; those with weak digests have no entry and never match.
pub(crate) fn signed_by(kind: KeyKind, public: &[u8], der: &[u8]) -> bool {
    let Some(signed) = Signed::of(der) else { return false };
    let is = |algorithm: rustls_pki_types::AlgorithmIdentifier| algorithm.as_ref() == signed.algorithm;
    let algorithm: &'static dyn VerificationAlgorithm = match kind {
        KeyKind::EcdsaP256 if is(alg_id::ECDSA_SHA256) => &ECDSA_P256_SHA256_ASN1,
        KeyKind::EcdsaP256 if is(alg_id::ECDSA_SHA384) => &ECDSA_P256_SHA384_ASN1,
        KeyKind::EcdsaP384 if is(alg_id::ECDSA_SHA256) => &ECDSA_P384_SHA256_ASN1,
        KeyKind::EcdsaP384 if is(alg_id::ECDSA_SHA384) => &ECDSA_P384_SHA384_ASN1,
        KeyKind::Ed25519 if is(alg_id::ED25519) => &ED25519,
        KeyKind::Rsa(_) if is(alg_id::RSA_PKCS1_SHA256) => &RSA_PKCS1_2048_8192_SHA256,
        KeyKind::Rsa(_) if is(alg_id::RSA_PKCS1_SHA384) => &RSA_PKCS1_2048_8192_SHA384,
        KeyKind::Rsa(_) if is(alg_id::RSA_PKCS1_SHA512) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return false,
    };
    UnparsedPublicKey::new(algorithm, public).verify(signed.message, signed.signature).is_ok()
}
