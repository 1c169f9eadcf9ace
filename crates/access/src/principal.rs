use std::net::IpAddr;

use fault::Place;
use identity::{Fingerprint, Pin};

/// What an operator writes about a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalSpec {
    /// Its name, by which grants speak of it.
    pub name: String,
    /// Whether it may sign in at all.
    pub active: bool,
    /// The ways to be it; any one of them is enough.
    pub methods: Vec<Method>,
    /// Where it was written, for faults.
    pub place: Option<Place>,
}

impl PrincipalSpec {
    /// An active principal, written nowhere in particular.
    #[must_use]
    pub fn new(name: impl Into<String>, methods: Vec<Method>) -> Self {
        Self { name: name.into(), active: true, methods, place: None }
    }
}

/// A way to be a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a certificate that meets all conditions of the entry.
    Mtls(MtlsMatch),
}

/// Conditions on a verified client certificate; those that are set must all hold.
///
/// A principal with several entries is recognized by any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MtlsMatch {
    /// The leaf's one common name, exactly.
    pub subject_cn: Option<String>,
    /// SHA-256 of the leaf's public key (`SubjectPublicKeyInfo`).
    pub spki_sha256: Option<Pin>,
    /// One of the leaf's DNS names; letter case does not matter, as in DNS.
    pub san_dns: Option<String>,
    /// One of the leaf's URIs, exactly; SPIFFE IDs are such.
    pub san_uri: Option<String>,
    /// One of the leaf's e-mail addresses; letter case matters before the `@` only.
    pub san_email: Option<String>,
    /// One of the leaf's IP addresses.
    pub san_ip: Option<IpAddr>,
    /// SHA-256 of the public key of the certificate that issued the leaf.
    pub issuer_spki_sha256: Option<Pin>,
    /// One of the leaf's organizations (O), exactly.
    pub subject_o: Option<String>,
    /// One of the leaf's organizational units (OU), exactly.
    pub subject_ou: Option<String>,
    /// SHA-256 of the whole leaf.
    pub cert_sha256: Option<Fingerprint>,
    /// Where it was written, for faults.
    pub place: Option<Place>,
}
