//! Private keys in every common form.

mod decode;
mod kind;
mod make;
mod pkcs5;
mod prove;
#[cfg(test)]
mod tests;
mod traditional;

use std::fmt;

use rustls_pki_types::PrivateKeyDer;
use zeroize::{Zeroize as _, Zeroizing};

pub use self::kind::KeyKind;
pub use self::prove::Proof;
use crate::{Found, Secret};

/// Key bytes on their way; wiped when dropped.
type Wiped = Zeroizing<Vec<u8>>;

/// A private key: wiped when dropped, never printed, held as PKCS#8 whatever it was read from.
pub struct PrivateKey {
    pkcs8: PrivateKeyDer<'static>,
    kind: KeyKind,
    spki: Vec<u8>,
}

impl PrivateKey {
    /// Reads the first private key in PEM: PKCS#8, plain or encrypted (PBES2), PKCS#1 and SEC1, plain or encrypted
    /// traditionally (`Proc-Type: 4,ENCRYPTED`). Text and other blocks around it are passed over.
    ///
    /// # Errors
    /// [`KeyError`], which never carries anything of the key.
    pub fn from_pem(pem: &[u8], password: Option<&Secret>) -> Result<Self, KeyError> {
        decode::from_pem(pem, password)
    }

    /// The key as PKCS#8 DER.
    #[must_use]
    pub fn der(&self) -> &PrivateKeyDer<'static> {
        &self.pkcs8
    }

    /// The SubjectPublicKeyInfo that belongs to it.
    #[must_use]
    pub fn public_spki(&self) -> Vec<u8> {
        self.spki.clone()
    }

    /// Algorithm and size.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.pkcs8.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.kind)
    }
}

/// Why there is no private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There is no private key in PEM.
    NoPem {
        /// What there is instead.
        looks_like: Found,
    },
    /// The key is encrypted and no password was given.
    Encrypted,
    /// The password is wrong.
    BadDecrypt,
    /// A form, algorithm or size that is not taken; says which, and what to do.
    Unsupported(String),
    /// The bytes are not a private key.
    Malformed(String),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPem { looks_like } => {
                write!(f, "failed to find any PEM private key: {looks_like}")
            }
            Self::Encrypted => f.write_str(
                "private key file is encrypted; set ssl_key_password or COUNTERSIGN_SSL_KEY_PASSWORD",
            ),
            Self::BadDecrypt => f.write_str("bad decrypt"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Malformed(why) => write!(f, "the private key cannot be read: {why}"),
        }
    }
}

impl std::error::Error for KeyError {}
