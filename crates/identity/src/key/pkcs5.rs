//! Encrypted PKCS#8: PBES2.

use der::asn1::OctetStringRef;
use der::{Decode as _, Reader as _, SliceReader};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::{AlgorithmIdentifierRef, LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{KeyError, Wiped};
use crate::Secret;

/// What OWASP recommends for PBKDF2 with HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;
/// A file could otherwise keep us busy for hours.
const MOST_ITERATIONS: u32 = 10_000_000;
/// scrypt's memory is 128 · N · r; this is 64 MiB.
const MOST_SCRYPT_BLOCKS: u64 = 512 * 1024;

pub(super) fn decrypt(der: &[u8], password: &Secret) -> Result<Wiped, KeyError> {
    let (algorithm, encrypted) = outer(der).map_err(|error| KeyError::Malformed(error.to_string()))?;
    let scheme = EncryptionScheme::try_from(algorithm);
    match &scheme {
        Ok(EncryptionScheme::Pbes2(parameters)) => affordable(parameters)?,
        _ => return Err(unsupported(algorithm.oid)),
    }
    match scheme.map(|scheme| scheme.decrypt(password.expose(), encrypted)) {
        Ok(Ok(plain)) => Ok(Wiped::new(plain)),
        Ok(Err(pkcs5::Error::UnsupportedAlgorithm { oid })) => Err(unsupported(oid)),
        _ => Err(KeyError::BadDecrypt),
    }
}

/// The algorithm is parsed by itself, so that one that we do not know can be named.
fn outer(der: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| {
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let encrypted = <&OctetStringRef>::decode(reader)?;
        Ok::<_, der::Error>((algorithm, encrypted.as_bytes()))
    })?;
    reader.finish()?;
    Ok(parts)
}

fn unsupported(oid: impl std::fmt::Display) -> KeyError {
    KeyError::Unsupported(format!(
        "the private key is encrypted with {oid}, which is not supported; encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc"
    ))
}

fn affordable(parameters: &Parameters) -> Result<(), KeyError> {
    let affordable = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MOST_ITERATIONS,
        Kdf::Scrypt(scrypt) => {
            let cost: u64 = scrypt.cost_parameter;
            cost.saturating_mul(scrypt.block_size.into()) <= MOST_SCRYPT_BLOCKS
                && scrypt.parallelization <= 16
        }
        _ => false,
    };
    let costly = || KeyError::Unsupported("the private key's password derivation is too costly".to_owned());
    affordable.then_some(()).ok_or_else(costly)
}

/// PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, as PEM.
pub(super) fn encrypt(pkcs8: &[u8], password: &Secret) -> Result<Zeroizing<String>, KeyError> {
    let malformed = |error: &dyn std::fmt::Display| KeyError::Malformed(error.to_string());
    let mut salt = [0; 16];
    let mut iv = [0; 16];
    for bytes in [&mut salt, &mut iv] {
        aws_lc_rs::rand::fill(bytes).map_err(|_| KeyError::Malformed("no randomness".to_owned()))?;
    }
    let parameters =
        Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv).map_err(|e| malformed(&e))?;
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|e| malformed(&e))?;
    let encrypted = info.encrypt_with_params(parameters, password.expose()).map_err(|e| malformed(&e))?;
    encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(|e| malformed(&e))
}
