//! A parsed X.509 certificate, version 1 or 3.

mod parse;
pub(crate) mod services;
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
    said: Said,
}

/// What a certificate says about where and how it may be taken back.
#[derive(Default)]
struct Said {
    subject_key_id: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    crl_uris: Vec<String>,
    ocsp_uris: Vec<String>,
    issuer_uris: Vec<String>,
    no_revocation: bool,
    signs_lists: Option<bool>,
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

    /// Whether its own key signed it, and its subject and issuer are the same name. It vouches for itself, then, and proves
    /// nothing but who made it.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && crate::signature::verify_issued(self.der(), self.spki_der()).is_ok()
    }

    /// The identifier of its own key.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.said.subject_key_id.as_deref()
    }

    /// The identifier of the key that signed it. A hint for finding that key, never a proof of it.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.said.authority_key_id.as_deref()
    }

    /// Where its issuer's revocation lists can be fetched, in certificate order and of any scheme; at most 16.
    #[must_use]
    pub fn crl_uris(&self) -> &[String] {
        &self.0.said.crl_uris
    }

    /// Where OCSP answers about it, in certificate order and of any scheme; at most 16.
    #[must_use]
    pub fn ocsp_uris(&self) -> &[String] {
        &self.0.said.ocsp_uris
    }

    /// Where its issuer's certificate can be fetched, in certificate order and of any scheme; at most 16.
    #[must_use]
    pub fn issuer_uris(&self) -> &[String] {
        &self.0.said.issuer_uris
    }

    /// Whether its issuer will never say anything about its revocation (RFC 9608): it is too short-lived to be asked
    /// about. Not believed of an authority, nor of a certificate that says where to ask.
    #[must_use]
    pub fn has_no_revocation(&self) -> bool {
        let said = &self.0.said;
        said.no_revocation && !self.0.is_ca && said.crl_uris.is_empty() && said.ocsp_uris.is_empty()
    }

    /// Whether key usage lets its key sign revocation lists; a certificate without the extension lets it.
    #[must_use]
    pub fn may_sign_lists(&self) -> bool {
        self.0.said.signs_lists.unwrap_or(true)
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
