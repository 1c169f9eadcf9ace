//! From PEM to a key that is known to work.

use der::asn1::{AnyRef, ContextSpecific, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::kind::{EC, ED25519, RSA, bits};
use super::{KeyError, KeyKind, PrivateKey, Wiped, pkcs5, traditional};
use crate::pem::{Block, blocks};
use crate::{Found, Secret};

const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const LEAST_RSA_BITS: u32 = 2048;
const MOST_RSA_BITS: u32 = 8192;

pub(super) fn from_pem(pem: &[u8], password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
    let no_pem = || KeyError::NoPem { looks_like: Found::of(pem) };
    let blocks = blocks(pem).map_err(|_| no_pem())?;
    let block = blocks.into_iter().find(|block| block.label.ends_with("PRIVATE KEY")).ok_or_else(no_pem)?;
    match block.label.as_str() {
        "ENCRYPTED PRIVATE KEY" => {
            let plain = pkcs5::decrypt(&block.content, password.ok_or(KeyError::Encrypted)?)?;
            from_pkcs8(plain).map_err(after_decryption)
        }
        "PRIVATE KEY" => from_pkcs8(block.content),
        "RSA PRIVATE KEY" => bare(block, password, pkcs8_of_pkcs1),
        "EC PRIVATE KEY" => bare(block, password, pkcs8_of_sec1),
        "OPENSSH PRIVATE KEY" => Err(KeyError::Unsupported(
            "an OpenSSH private key is not a TLS key; convert it with ssh-keygen -p -m PKCS8 -f FILE"
                .to_owned(),
        )),
        other => {
            Err(KeyError::Unsupported(format!("private keys of the kind \"{other}\" are not supported")))
        }
    }
}

/// PKCS#1 and SEC1, which may be encrypted in the traditional way.
fn bare(
    block: Block,
    password: Option<&Secret>,
    wrap: fn(&[u8]) -> Result<Wiped, KeyError>,
) -> Result<PrivateKey, KeyError> {
    let encrypted = block.header("Proc-Type").is_some_and(|value| value.ends_with("ENCRYPTED"));
    if !encrypted {
        return wrap(&block.content).and_then(from_pkcs8);
    }
    let plain = traditional::decrypt(&block, password.ok_or(KeyError::Encrypted)?)?;
    wrap(&plain).and_then(from_pkcs8).map_err(after_decryption)
}

/// One wrong password in 256 yields good padding by chance, so that nonsense after decryption means a wrong password.
fn after_decryption(error: KeyError) -> KeyError {
    match error {
        KeyError::Malformed(_) => KeyError::BadDecrypt,
        other => other,
    }
}

/// Checks algorithm and size by name before the cryptographic library, whose errors are terse, sees the key.
pub(super) fn from_pkcs8(der: Wiped) -> Result<PrivateKey, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(malformed)?;
    let kind = match info.algorithm.oid {
        RSA => rsa_kind(info.private_key.as_bytes())?,
        EC => curve_kind(info.algorithm.parameters)?,
        ED25519 => KeyKind::Ed25519,
        RSA_PSS => {
            return Err(KeyError::Unsupported("RSA keys restricted to PSS are not supported".to_owned()));
        }
        other => {
            return Err(KeyError::Unsupported(format!(
                "private keys of the algorithm {other} are not supported"
            )));
        }
    };
    let mut key = PrivateKey { pkcs8: pkcs8(&der), kind, spki: Vec::new() };
    let signing = any_supported_type(&key.pkcs8).map_err(malformed)?;
    let spki = signing.public_key().ok_or_else(|| malformed("it has no public key"))?;
    key.spki = spki.to_vec();
    Ok(key)
}

fn pkcs8(der: &[u8]) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(der.to_vec()).into()
}

fn malformed(why: impl std::fmt::Display) -> KeyError {
    KeyError::Malformed(why.to_string())
}

fn rsa_kind(pkcs1: &[u8]) -> Result<KeyKind, KeyError> {
    let mut reader = SliceReader::new(pkcs1).map_err(malformed)?;
    let modulus = reader.sequence(|reader| {
        let _version = UintRef::decode(reader)?;
        let modulus = UintRef::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok::<_, der::Error>(bits(modulus.as_bytes()))
    });
    match modulus.map_err(malformed)? {
        bits if bits < LEAST_RSA_BITS => Err(KeyError::Unsupported(format!(
            "an RSA key of {bits} bits is too weak; at least {LEAST_RSA_BITS} are needed"
        ))),
        bits if bits > MOST_RSA_BITS => Err(KeyError::Unsupported(format!(
            "an RSA key of {bits} bits is too large; at most {MOST_RSA_BITS} are supported"
        ))),
        bits => Ok(KeyKind::Rsa(bits)),
    }
}

fn curve_kind(parameters: Option<AnyRef<'_>>) -> Result<KeyKind, KeyError> {
    let parameters = parameters.ok_or_else(|| malformed("it does not name its curve"))?;
    let curve: ObjectIdentifier = parameters.decode_as().map_err(|_| {
        KeyError::Unsupported(
            "EC keys with explicit curve parameters are not supported; name the curve: openssl ec -param_enc named_curve"
                .to_owned(),
        )
    })?;
    KeyKind::of_curve(curve).ok_or_else(|| {
        KeyError::Unsupported(format!("the curve {curve} is not supported; use P-256 or P-384"))
    })
}

fn pkcs8_of_pkcs1(pkcs1: &[u8]) -> Result<Wiped, KeyError> {
    wrap(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, pkcs1)
}

fn pkcs8_of_sec1(sec1: &[u8]) -> Result<Wiped, KeyError> {
    let mut reader = SliceReader::new(sec1).map_err(malformed)?;
    let curve = reader.sequence(|reader| {
        let _version = UintRef::decode(reader)?;
        let _scalar = <&OctetStringRef>::decode(reader)?;
        let curve = ContextSpecific::<AnyRef<'_>>::decode_explicit(reader, der::TagNumber(0))?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok::<_, der::Error>(curve.map(|curve| curve.value))
    });
    wrap(AlgorithmIdentifierRef { oid: EC, parameters: curve.map_err(malformed)? }, sec1)
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Wiped, KeyError> {
    let key = OctetStringRef::new(key).map_err(malformed)?;
    PrivateKeyInfoRef::new(algorithm, key).to_der().map(Zeroizing::new).map_err(malformed)
}
