//! Proof of holding a certificate's key, outside of a handshake.

use rustls::SignatureScheme;

use super::PrivateKey;
use crate::signature::{BadSignature, handshake_schemes, verify_tls13_signature};

/// A signature with the number that TLS 1.3 gives to its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The scheme's number, such as 1027 for ECDSA with P-256 and SHA-256.
    pub scheme: u16,
    /// The signature.
    pub signature: Vec<u8>,
}

/// What is signed says what it is for, and begins as nothing that TLS or X.509 has signed: a proof made for one purpose
/// is worth nothing for another.
fn framed(purpose: &str, message: &[u8]) -> Vec<u8> {
    [b"countersign proof v1\0", purpose.as_bytes(), b"\0", message].concat()
}

impl PrivateKey {
    /// Proves to whoever knows the certificate that its key is held here.
    ///
    /// # Errors
    /// [`BadSignature`] where the key is of a kind that signs nothing we take.
    pub fn prove(&self, purpose: &str, message: &[u8]) -> Result<Proof, BadSignature> {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(self.der())
            .map_err(|_| BadSignature::UnreadableKey)?;
        let modern: Vec<SignatureScheme> =
            handshake_schemes().into_iter().filter(|scheme| in_tls13(*scheme)).collect();
        let signer = key.choose_scheme(&modern).ok_or(BadSignature::UnsupportedAlgorithm)?;
        let signature =
            signer.sign(&framed(purpose, message)).map_err(|_| BadSignature::UnsupportedAlgorithm)?;
        Ok(Proof { scheme: signer.scheme().into(), signature })
    }
}

impl Proof {
    /// Checks it by the key of a certificate (DER).
    ///
    /// # Errors
    /// [`BadSignature`] where it was made with another key, for another purpose or over another message.
    pub fn check(&self, certificate: &[u8], purpose: &str, message: &[u8]) -> Result<(), BadSignature> {
        let scheme = SignatureScheme::from(self.scheme);
        verify_tls13_signature(certificate, scheme, &framed(purpose, message), &self.signature)
    }
}

fn in_tls13(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use crate::{KeyKind, PrivateKey};

    #[test]
    fn a_proof_holds_for_its_key_its_purpose_and_its_message_alone() {
        for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
            let key = PrivateKey::generate(kind).unwrap();
            let made = |key: &PrivateKey| {
                let pair = KeyPair::from_pem(&key.to_pem()).unwrap();
                CertificateParams::new(Vec::<String>::new())
                    .unwrap()
                    .self_signed(&pair)
                    .unwrap()
                    .der()
                    .to_vec()
            };
            let (own, other) = (made(&key), made(&PrivateKey::generate(kind).unwrap()));
            let proof = key.prove("renewal", b"message").unwrap();
            proof.check(&own, "renewal", b"message").unwrap();
            assert!(proof.check(&other, "renewal", b"message").is_err(), "{kind}");
            assert!(proof.check(&own, "renewal", b"another").is_err(), "{kind}");
            assert!(proof.check(&own, "something else", b"message").is_err(), "{kind}");
            let mut bent = proof.clone();
            bent.scheme ^= 1;
            assert!(bent.check(&own, "renewal", b"message").is_err(), "{kind}");
        }
    }
}
