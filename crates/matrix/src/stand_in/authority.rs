use fault::Fault;
use identity::{Certificate, Pin};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams,
    CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints,
};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use super::unmade;

/// An authority with its key.
pub(crate) struct StandIn {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pin: Pin,
    name: String,
}

/// What an authority's certificates are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Any,
    Clients,
    Servers,
}

/// A key for a certificate, ECDSA P-256.
pub(crate) fn key() -> Result<KeyPair, Fault> {
    KeyPair::generate().map_err(unmade("a key"))
}

impl StandIn {
    /// A root.
    pub(crate) fn root(name: &str, now: OffsetDateTime) -> Result<Self, Fault> {
        let made = CertifiedIssuer::self_signed(params(name, Purpose::Any, now), key()?);
        Self::of(made.map_err(unmade("an authority"))?)
    }

    /// An issuer below this authority.
    pub(crate) fn issuer(&self, name: &str, purpose: Purpose, now: OffsetDateTime) -> Result<Self, Fault> {
        let made = CertifiedIssuer::signed_by(params(name, purpose, now), key()?, &self.issuer);
        Self::of(made.map_err(unmade("an issuer"))?)
    }

    /// An issuer below this authority that may vouch for names under one DNS name alone.
    pub(crate) fn constrained_to(
        &self,
        name: &str,
        domain: &str,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let mut params = params(name, Purpose::Clients, now);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let made = CertifiedIssuer::signed_by(params, key()?, &self.issuer);
        Self::of(made.map_err(unmade("a constrained issuer"))?)
    }

    fn of(issuer: CertifiedIssuer<'static, KeyPair>) -> Result<Self, Fault> {
        let own = Certificate::from_der(issuer.der().clone())
            .map_err(|error| Fault::ours("a stand-in authority cannot be read").because(error))?;
        Ok(Self { pin: own.identity().spki_sha256(), name: own.identity().subject().to_string(), issuer })
    }

    pub(super) fn issuer_of(&self) -> &rcgen::Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// A certificate as PEM.
    pub(crate) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Result<String, Fault> {
        let made = params.signed_by(key, &*self.issuer).map_err(unmade("a certificate"))?;
        Ok(made.pem())
    }

    /// A revocation list.
    pub(crate) fn list(
        &self,
        params: &CertificateRevocationListParams,
    ) -> Result<CertificateRevocationList, rcgen::Error> {
        params.signed_by(&*self.issuer)
    }

    /// Its subject, as text.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    pub(crate) fn key(&self) -> &KeyPair {
        self.issuer.key()
    }

    /// SHA-256 of its public key.
    pub(crate) fn pin(&self) -> Pin {
        self.pin
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }
}

fn params(name: &str, purpose: Purpose, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = match purpose {
        Purpose::Any => Vec::new(),
        Purpose::Clients => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Purpose::Servers => vec![ExtendedKeyUsagePurpose::ServerAuth],
    };
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(365);
    params
}
