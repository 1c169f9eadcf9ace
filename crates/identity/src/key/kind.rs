use std::fmt;
use std::str::FromStr;

use der::asn1::{AnyRef, UintRef};
use der::{Decode as _, Reader as _, SliceReader};
use pkcs8::ObjectIdentifier;
use serde::{Serialize, Serializer};

use crate::Malformed;

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Algorithm and size of a key; `Display` is `ecdsa-p256`, `ecdsa-p384`, `ed25519` or `rsa-BITS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// ECDSA on the curve P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSA with a modulus of this many bits.
    Rsa(u32),
}

impl KeyKind {
    /// The kind of the key in a SubjectPublicKeyInfo; `None` where it is not one of these.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Option<Self> {
        let spki = pkcs8::SubjectPublicKeyInfoRef::try_from(spki).ok()?;
        match spki.algorithm.oid {
            RSA => modulus_bits(spki.subject_public_key.as_bytes()?).map(Self::Rsa),
            EC => Self::of_curve(spki.algorithm.parameters.as_ref()?.decode_as().ok()?),
            ED25519 => Some(Self::Ed25519),
            _ => None,
        }
    }

    pub(super) fn of_curve(curve: ObjectIdentifier) -> Option<Self> {
        match curve {
            P256 => Some(Self::EcdsaP256),
            P384 => Some(Self::EcdsaP384),
            _ => None,
        }
    }
}

/// The bits of the modulus in PKCS#1's RSAPublicKey.
fn modulus_bits(public: &[u8]) -> Option<u32> {
    let mut reader = SliceReader::new(public).ok()?;
    reader
        .sequence(|reader| {
            let modulus = UintRef::decode(reader)?;
            AnyRef::decode(reader)?;
            Ok::<_, der::Error>(bits(modulus.as_bytes()))
        })
        .ok()
}

/// How many bits a big-endian number without leading zero bytes has.
pub(super) fn bits(number: &[u8]) -> u32 {
    let top = number.first().map_or(8, |byte| byte.leading_zeros());
    u32::try_from(number.len().max(1) * 8).unwrap_or(u32::MAX) - top
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ecdsa-p256"),
            Self::EcdsaP384 => f.write_str("ecdsa-p384"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Rsa(bits) => write!(f, "rsa-{bits}"),
        }
    }
}

impl FromStr for KeyKind {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let kind = match text {
            "ecdsa-p256" => Some(Self::EcdsaP256),
            "ecdsa-p384" => Some(Self::EcdsaP384),
            "ed25519" => Some(Self::Ed25519),
            _ => text.strip_prefix("rsa-").and_then(|bits| bits.parse().ok()).map(Self::Rsa),
        };
        kind.ok_or_else(|| {
            Malformed::new(format!(
                "unknown key type \"{text}\" (use ecdsa-p256, ecdsa-p384, ed25519 or rsa-2048)"
            ))
        })
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
