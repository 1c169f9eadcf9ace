use aws_lc_rs::digest::{self, Algorithm};
use rustls_pki_types::alg_id;

use crate::signature::Signed;

/// What binds what is said on a TLS connection to the certificate (DER) of its server: `tls-server-end-point` of RFC 5929.
///
/// None where the certificate's signature has no hash of its own, as Ed25519's, or has it among its parameters, as
/// RSA-PSS: RFC 5929 does not say what is bound there, and not all servers agree.
#[must_use]
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = hash_of(Signed::read(certificate)?.algorithm)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// The hash of a signature; MD5 and SHA-1 are replaced by SHA-256.
fn hash_of(algorithm: &[u8]) -> Option<&'static Algorithm> {
    let is_one = |known: &[&[u8]]| known.contains(&algorithm);
    if is_one(&[&alg_id::ECDSA_SHA256, &alg_id::RSA_PKCS1_SHA256, ECDSA_SHA1, RSA_SHA1, RSA_MD5]) {
        Some(&digest::SHA256)
    } else if is_one(&[&alg_id::ECDSA_SHA384, &alg_id::RSA_PKCS1_SHA384]) {
        Some(&digest::SHA384)
    } else if is_one(&[&alg_id::ECDSA_SHA512, &alg_id::RSA_PKCS1_SHA512]) {
        Some(&digest::SHA512)
    } else {
        None
    }
}

const ECDSA_SHA1: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const RSA_SHA1: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00];
const RSA_MD5: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04, 0x05, 0x00];

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;

    use super::tls_server_end_point;

    fn signed_by(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        rcgen::CertificateParams::new(vec!["db".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn a_certificate_is_bound_by_the_hash_of_its_own_signature() {
        let certificate = signed_by(&rcgen::PKCS_ECDSA_P256_SHA256);
        let bound = digest::digest(&digest::SHA256, &certificate);
        assert_eq!(tls_server_end_point(&certificate).unwrap(), bound.as_ref());
        let certificate = signed_by(&rcgen::PKCS_ECDSA_P384_SHA384);
        let bound = digest::digest(&digest::SHA384, &certificate);
        assert_eq!(tls_server_end_point(&certificate).unwrap(), bound.as_ref());
    }

    #[test]
    fn a_signature_without_a_hash_of_its_own_binds_nothing() {
        assert_eq!(tls_server_end_point(&signed_by(&rcgen::PKCS_ED25519)), None);
        assert_eq!(tls_server_end_point(b"no certificate"), None);
    }
}
