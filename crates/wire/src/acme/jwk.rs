//! Public keys as JSON (RFC 7517), and what they check.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::base64url;
use super::object::Object;
use super::problem::{Problem, Trouble};

/// The signature algorithms that are taken: each goes with one kind of key. No `none`, and nothing with a shared secret.
pub(super) const ALGORITHMS: [&str; 4] = ["ES256", "ES384", "EdDSA", "RS256"];

/// An account's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// The uncompressed point.
    P256([u8; 65]),
    /// The uncompressed point.
    P384([u8; 97]),
    Ed25519([u8; 32]),
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl Jwk {
    /// Reads a key as [`canonical`](Self::canonical) writes it, or any other spelling of it.
    ///
    /// # Errors
    /// As for a key in a request: [`Trouble::Malformed`] where it cannot be read, [`Trouble::BadPublicKey`] where it is
    /// of a kind that is not taken, or too weak.
    pub fn parse(json: &[u8]) -> Result<Self, Problem> {
        Self::read(&Object::parse(json, "the key")?)
    }

    pub(super) fn read(jwk: &Object) -> Result<Self, Problem> {
        // Whoever sends a private part has given the key away.
        if PRIVATE.iter().any(|name| jwk.has(name)) {
            return Err(Problem::new(
                Trouble::BadPublicKey,
                "the key comes with its private part: make a new one",
            ));
        }
        let kty = jwk.text("kty")?;
        match (kty, jwk.optional_text("crv")?) {
            ("EC", Some("P-256")) => point(jwk).map(Kind::P256),
            ("EC", Some("P-384")) => point(jwk).map(Kind::P384),
            ("OKP", Some("Ed25519")) => field(jwk, "x").map(Kind::Ed25519),
            ("RSA", None) => rsa(jwk),
            _ => Err(Problem::new(
                Trouble::BadPublicKey,
                "use an ECDSA P-256 or P-384, an Ed25519, or an RSA key of 2048 bits or more",
            )),
        }
        .map(Self)
    }

    /// The members that make the key what it is, in RFC 7638's order and spelling.
    #[must_use]
    pub fn canonical(&self) -> String {
        let elliptic = |curve: &str, point: &[u8]| {
            let (x, y) = halves(point);
            let (x, y) = (base64url::encode(x), base64url::encode(y));
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        };
        match &self.0 {
            Kind::P256(point) => elliptic("P-256", point),
            Kind::P384(point) => elliptic("P-384", point),
            Kind::Ed25519(x) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x))
            }
            Kind::Rsa { modulus, exponent } => {
                let (n, e) = (base64url::encode(modulus), base64url::encode(exponent));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        }
    }

    /// SHA-256 of the [canonical](Self::canonical) form, in base64url (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64url::encode(digest::digest(&digest::SHA256, self.canonical().as_bytes()).as_ref())
    }

    /// The key as a SubjectPublicKeyInfo, as certificates hold it; nothing where the cryptography refuses it.
    #[must_use]
    pub fn spki(&self) -> Option<Vec<u8>> {
        match &self.0 {
            Kind::P256(point) => Some([P256_PREFIX, point].concat()),
            Kind::P384(point) => Some([P384_PREFIX, point].concat()),
            Kind::Ed25519(x) => Some([ED25519_PREFIX, x].concat()),
            Kind::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.as_der().ok().map(|der| der.as_ref().to_vec())
            }
        }
    }

    /// The one algorithm that this key signs with.
    pub(super) const fn algorithm(&self) -> &'static str {
        match &self.0 {
            Kind::P256(_) => "ES256",
            Kind::P384(_) => "ES384",
            Kind::Ed25519(_) => "EdDSA",
            Kind::Rsa { .. } => "RS256",
        }
    }

    /// Whether the key made this signature.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Kind::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            Kind::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Kind::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        }
        .is_ok()
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({} {})", self.algorithm(), self.thumbprint())
    }
}

/// A member of exactly so many bytes.
fn field<const N: usize>(jwk: &Object, name: &str) -> Result<[u8; N], Problem> {
    let bytes = bytes(jwk, name)?;
    <[u8; N]>::try_from(bytes).map_err(|bytes| {
        Problem::malformed(format!("\"{name}\" of the key has {} bytes, and not {N}", bytes.len()))
    })
}

fn bytes(jwk: &Object, name: &str) -> Result<Vec<u8>, Problem> {
    base64url::decode(jwk.text(name)?)
        .ok_or_else(|| Problem::malformed(format!("\"{name}\" of the key is not base64url")))
}

/// The uncompressed point of `N` bytes.
fn point<const N: usize>(jwk: &Object) -> Result<[u8; N], Problem> {
    let mut point = Vec::with_capacity(N);
    point.push(UNCOMPRESSED);
    for name in ["x", "y"] {
        let half = bytes(jwk, name)?;
        // RFC 7518 §6.2.1.2: leading zeros are kept, so that there is one length.
        if half.len() != (N - 1) / 2 {
            return Err(Problem::malformed(format!("\"{name}\" of the key has the wrong length")));
        }
        point.extend(half);
    }
    <[u8; N]>::try_from(point).map_err(|_| Problem::malformed("the key has the wrong length"))
}

fn halves(point: &[u8]) -> (&[u8], &[u8]) {
    let coordinates = point.get(1..).unwrap_or_default();
    coordinates.split_at(coordinates.len() / 2)
}

fn rsa(jwk: &Object) -> Result<Kind, Problem> {
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    // RFC 7518 §6.3.1.1: no leading zeros, so that there is one thumbprint.
    let Some(first) = modulus.first().filter(|first| **first != 0) else {
        return Err(Problem::malformed("\"n\" of the key begins with a zero, or is empty"));
    };
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if !(2048..=8192).contains(&bits) {
        let said = format!("an RSA key has 2048 to 8192 bits, and this one {bits}");
        return Err(Problem::new(Trouble::BadPublicKey, said));
    }
    if exponent != EXPONENT {
        return Err(Problem::new(Trouble::BadPublicKey, "an RSA key's public exponent is 65537"));
    }
    Ok(Kind::Rsa { modulus, exponent })
}

/// The private members of every kind of key, and the secret of a symmetric one.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const EXPONENT: [u8; 3] = [1, 0, 1];
const UNCOMPRESSED: u8 = 4;

/// SubjectPublicKeyInfo up to the point: id-ecPublicKey, prime256v1.
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// SubjectPublicKeyInfo up to the point: id-ecPublicKey, secp384r1.
const P384_PREFIX: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// SubjectPublicKeyInfo up to the key: id-Ed25519.
const ED25519_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[cfg(test)]
mod tests;
