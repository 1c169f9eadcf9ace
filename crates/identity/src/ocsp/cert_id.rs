use ::der::asn1::{Any, Int, OctetString};
use aws_lc_rs::digest;

use super::asn1::{Algorithm, Id, SHA1, SHA256};
use crate::{Certificate, Serial, der};

/// How a certificate is named in OCSP: hashes of its issuer's name and key, and its serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId(pub(super) Id);

/// The hash of a [`CertId`]. It only finds the issuer; nothing is proved by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdHash {
    /// SHA-1, which RFC 5019 makes every responder know.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl IdHash {
    fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, bytes)
    }
}

impl CertId {
    /// Names the certificate with this serial number that `issuer` issued. `None` where the issuer's key cannot be read.
    #[must_use]
    pub fn new(serial: &Serial, issuer: &Certificate, hash: IdHash) -> Option<Self> {
        let name = hash.digest(issuer.identity().subject().der());
        let key = hash.digest(key_bits(issuer)?);
        Self::from_hashes(serial, hash, &name, &key)
    }

    fn from_hashes(
        serial: &Serial,
        hash: IdHash,
        name: &digest::Digest,
        key: &digest::Digest,
    ) -> Option<Self> {
        let oid = match hash {
            IdHash::Sha1 => SHA1,
            IdHash::Sha256 => SHA256,
        };
        Some(Self(Id {
            hash: Algorithm { oid, parameters: Some(Any::null()) },
            issuer_name: OctetString::new(name.as_ref()).ok()?,
            issuer_key: OctetString::new(key.as_ref()).ok()?,
            serial: Int::new(&positive(serial)).ok()?,
        }))
    }

    /// The serial number; `None` where it is none that a certificate may have.
    #[must_use]
    pub fn serial(&self) -> Option<Serial> {
        Serial::from_integer(self.0.serial.as_bytes()).ok()
    }

    /// Whether it names a certificate of this issuer.
    #[must_use]
    pub fn is_of(&self, issuer: &Certificate) -> bool {
        let hash = match self.0.hash.oid {
            SHA1 => IdHash::Sha1,
            SHA256 => IdHash::Sha256,
            _ => return false,
        };
        let name = hash.digest(issuer.identity().subject().der());
        let key = key_bits(issuer).map(|bits| hash.digest(bits));
        self.0.issuer_name.as_bytes() == name.as_ref()
            && key.is_some_and(|key| self.0.issuer_key.as_bytes() == key.as_ref())
    }

    /// Whether it names this certificate.
    #[must_use]
    pub fn names(&self, subject: &Certificate, issuer: &Certificate) -> bool {
        self.serial().as_ref() == Some(subject.identity().serial()) && self.is_of(issuer)
    }
}

/// An issuer as questions name it, hashed once.
#[derive(Clone, Debug)]
pub struct IssuerId {
    sha1: Hashes,
    sha256: Hashes,
}

/// What one kind of hash makes of an issuer's name and key.
#[derive(Clone, Debug)]
struct Hashes {
    name: digest::Digest,
    key: digest::Digest,
}

impl IssuerId {
    /// Of this issuer. `None` where its key cannot be read.
    #[must_use]
    pub fn of(issuer: &Certificate) -> Option<Self> {
        let key = key_bits(issuer)?;
        let hashes = |hash: IdHash| Hashes {
            name: hash.digest(issuer.identity().subject().der()),
            key: hash.digest(key),
        };
        Some(Self { sha1: hashes(IdHash::Sha1), sha256: hashes(IdHash::Sha256) })
    }

    /// By which hash `id` names a certificate of this issuer; `None` where it names one of somebody else.
    #[must_use]
    pub fn issued(&self, id: &CertId) -> Option<IdHash> {
        let hash = match id.0.hash.oid {
            SHA1 => IdHash::Sha1,
            SHA256 => IdHash::Sha256,
            _ => return None,
        };
        let own = self.hashes(hash);
        let same = id.0.issuer_name.as_bytes() == own.name.as_ref()
            && id.0.issuer_key.as_bytes() == own.key.as_ref();
        same.then_some(hash)
    }

    /// Names the certificate with this serial number. `None` where it is none that a certificate may have.
    #[must_use]
    pub fn id(&self, serial: &Serial, hash: IdHash) -> Option<CertId> {
        let own = self.hashes(hash);
        CertId::from_hashes(serial, hash, &own.name, &own.key)
    }

    fn hashes(&self, hash: IdHash) -> &Hashes {
        match hash {
            IdHash::Sha1 => &self.sha1,
            IdHash::Sha256 => &self.sha256,
        }
    }
}

/// The serial number as the content of an INTEGER that is not negative.
fn positive(serial: &Serial) -> Vec<u8> {
    let bytes = serial.bytes();
    let zero = bytes.first().is_none_or(|first| first & 0x80 != 0);
    let sign: &[u8] = if zero { &[0] } else { &[] };
    [sign, bytes].concat()
}

/// SHA-1 of a certificate's key, by which a responder is named.
pub(super) fn key_hash(certificate: &Certificate) -> Option<digest::Digest> {
    key_bits(certificate).map(|bits| IdHash::Sha1.digest(bits))
}

/// The bits of the public key, without the algorithm before them.
fn key_bits(certificate: &Certificate) -> Option<&[u8]> {
    let (spki, _) = der::content(der::SEQUENCE, certificate.spki_der())?;
    let (_algorithm, rest) = der::content(der::SEQUENCE, spki)?;
    let (bits, _) = der::content(der::BIT_STRING, rest)?;
    bits.split_first().map(|(_unused, bits)| bits)
}
