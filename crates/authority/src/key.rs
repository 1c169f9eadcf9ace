use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use fault::Fault;
use identity::{KeyKind, PrivateKey};
use rcgen::SignatureAlgorithm;
use rustls_pki_types::PrivateKeyDer;

/// An issuer's key, ready to sign. The key inside is wiped by the library that holds it.
pub(crate) struct SigningKey {
    pair: Pair,
    kind: KeyKind,
    public: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// The signature algorithm follows the key: SHA-256 for P-256 and RSA, SHA-384 for P-384.
    pub(crate) fn of(key: &PrivateKey) -> Result<Self, Fault> {
        let pair = match key.kind() {
            KeyKind::EcdsaP256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, key.der()),
            KeyKind::EcdsaP384 => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, key.der()),
            KeyKind::Ed25519 => match key.der() {
                PrivateKeyDer::Pkcs8(der) => {
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).ok().map(Pair::Ed25519)
                }
                _ => None,
            },
            KeyKind::Rsa(_) => match key.der() {
                PrivateKeyDer::Pkcs8(der) => {
                    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok().map(Pair::Rsa)
                }
                PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Pair::Rsa),
                _ => None,
            },
        };
        let pair = pair.ok_or_else(|| {
            Fault::yours(format!("the issuer's key ({}) cannot be used for signing", key.kind()))
                .remedy("use an ECDSA P-256 or P-384 key, an Ed25519 key, or an RSA key of 2048 to 8192 bits")
        })?;
        let algorithm = match key.kind() {
            KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
        };
        Ok(Self { public: pair.public(), pair, kind: key.kind(), algorithm })
    }

    pub(crate) fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The signature over these bytes, as it stands in a certificate.
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let random = SystemRandom::new();
        let signed = match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).map(|()| out)
            }
        };
        signed.map_err(|_| Fault::ours("the issuer's key failed to sign"))
    }
}

impl Pair {
    fn public(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, key: &PrivateKeyDer<'_>) -> Option<Pair> {
    EcdsaKeyPair::from_private_key_der(algorithm, key.secret_der()).ok().map(Pair::Ecdsa)
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signature(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kind)
    }
}
