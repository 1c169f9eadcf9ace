//! A parsed X.509 certificate, version 1 or 3.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

use crate::{Fingerprint, Identity, KeyKind, Malformed};

/// A certificate, parsed once and cheap to clone.
///
/// Parsing is strict where a lenient reading could mean two things: trailing bytes, an extension that comes twice and a
/// negative serial number are refused. Whether the certificate is to be believed is another question.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: CertificateDer<'static>,
    identity: Identity,
    fingerprint: Fingerprint,
    version: u8,
    is_ca: bool,
    path_len: Option<u32>,
    usages: Option<Vec<Usage>>,
    spki: Box<[u8]>,
}

/// An extended key usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A TLS server.
    ServerAuth,
    /// A TLS client.
    ClientAuth,
    /// Anything.
    Any,
    /// Another, by its dotted object identifier.
    Other(String),
}

impl Certificate {
    /// Parses one certificate.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are not exactly one X.509 certificate of version 1 or 3.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, Malformed> {
        parse::parse(der).map(|parsed| Self(Arc::new(parsed)))
    }

    /// The certificate's bytes, as given.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.0.der
    }

    /// What the certificate says about its holder.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// 1 or 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.0.version
    }

    /// Whether basic constraints say that it is an authority's certificate.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.0.is_ca
    }

    /// How many intermediates may stand below it, where basic constraints say so.
    #[must_use]
    pub fn path_len(&self) -> Option<u32> {
        self.0.path_len
    }

    /// The SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The kind of the public key, where it is one that we use.
    #[must_use]
    pub fn key_kind(&self) -> Option<KeyKind> {
        KeyKind::of_spki(&self.0.spki)
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.identity.subject == self.0.identity.issuer
    }

    /// The extended key usages; `None` where the extension is absent, which allows every usage.
    #[must_use]
    pub fn usages(&self) -> Option<&[Usage]> {
        self.0.usages.as_deref()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.identity().subject(), self.identity().serial())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Certificate {}
