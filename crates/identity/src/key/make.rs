//! New keys, and keys written down.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, PrivateKey, Wiped, decode, pkcs5};
use crate::Secret;

const LINE: usize = 64;

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for an RSA size other than 2048, 3072, 4096 or 8192 bits.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let pkcs8 = match kind {
            KeyKind::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyKind::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyKind::Ed25519 => Ed25519KeyPair::generate().and_then(|pair| pkcs8(&pair)),
            KeyKind::Rsa(bits) => {
                let size = key_size(bits)?;
                rsa::KeyPair::generate(size).and_then(|pair| pkcs8(&pair))
            }
        };
        decode::from_pkcs8(pkcs8.map_err(|_| KeyError::Malformed("it could not be generated".to_owned()))?)
    }

    /// The key as PKCS#8 in PEM, unencrypted.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(self.pkcs8.secret_der()));
        // Reserved in full, because growing would leave a copy behind that nobody wipes.
        let mut pem = Zeroizing::new(String::with_capacity(encoded.len() + encoded.len() / LINE + LINE * 2));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        for line in encoded.as_bytes().chunks(LINE) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        pem
    }

    /// The key as PKCS#8 in PEM, encrypted with PBES2: AES-256-CBC under PBKDF2 with HMAC-SHA-256.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] where no randomness is to be had.
    pub fn to_encrypted_pem(&self, password: &Secret) -> Result<Zeroizing<String>, KeyError> {
        pkcs5::encrypt(self.pkcs8.secret_der(), password)
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<Wiped, aws_lc_rs::error::Unspecified> {
    EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1().map(|der| Zeroizing::new(der.as_ref().to_vec()))
}

/// Version 1 of PKCS#8, because not every tool reads version 2.
fn pkcs8(pair: &impl AsDer<Pkcs8V1Der<'static>>) -> Result<Wiped, aws_lc_rs::error::Unspecified> {
    pair.as_der().map(|der| Zeroizing::new(der.as_ref().to_vec()))
}

fn key_size(bits: u32) -> Result<KeySize, KeyError> {
    match bits {
        2048 => Ok(KeySize::Rsa2048),
        3072 => Ok(KeySize::Rsa3072),
        4096 => Ok(KeySize::Rsa4096),
        8192 => Ok(KeySize::Rsa8192),
        _ => Err(KeyError::Unsupported(format!(
            "RSA keys of {bits} bits are not made; use 2048, 3072, 4096 or 8192"
        ))),
    }
}
