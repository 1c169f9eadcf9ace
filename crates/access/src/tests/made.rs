//! Certificates made for a test, and the proofs that they verified.

use std::net::IpAddr;

use identity::{Certificate, Purpose, Strictness, Trust, Verified, verify, verify_again};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::{Directory, Method, MtlsMatch, Peer, PrincipalSpec};

/// The moment of all tests.
pub(super) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);
/// When every certificate of these tests ends.
pub(super) const END: OffsetDateTime = datetime!(2026-07-01 12:00:00 UTC);

/// An authority that signs what a test asks for.
pub(super) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    trust: Trust,
}

pub(super) fn authority() -> Authority {
    let mut params = params("Test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().clone();
    let certificate = Certificate::from_der(der).unwrap();
    let trust = Trust::new(vec![certificate.clone()], Strictness::default());
    Authority { certificate, issuer: Issuer::new(params, key), trust }
}

/// Parameters of a certificate that is valid around [`NOW`].
pub(super) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = NOW - Duration::days(30);
    params.not_after = END;
    params
}

impl Authority {
    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(super) fn verified(&self, params: &CertificateParams) -> Verified {
        self.verified_as(params, Purpose::Client)
    }

    pub(super) fn verified_as(&self, params: &CertificateParams, purpose: Purpose) -> Verified {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        verify(&[der], &self.trust, purpose, None, NOW).unwrap()
    }

    /// A certificate that is asked about, and nobody was.
    pub(super) fn unanswered(&self, common_name: &str) -> Verified {
        let verification = Some(identity::Verification::default());
        let policy = identity::RevocationPolicy { verification, ..Default::default() };
        let trust = self.trust.with_revocations(identity::Revocations::new(policy).into());
        verify_again(&self.named(common_name), &trust, NOW).unwrap()
    }

    pub(super) fn named(&self, common_name: &str) -> Verified {
        self.verified(&params(common_name))
    }

    /// A certificate with something of everything.
    pub(super) fn rich(&self) -> Verified {
        let mut params = params("alice");
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Sales");
        params.subject_alt_names = vec![
            SanType::DnsName("Alice.example.com".try_into().unwrap()),
            SanType::URI("spiffe://example.com/alice".try_into().unwrap()),
            SanType::Rfc822Name("Alice@Example.com".try_into().unwrap()),
            SanType::IpAddress(IpAddr::from([10, 0, 0, 7])),
        ];
        self.verified(&params)
    }
}

/// A principal with these entries.
pub(super) fn principal(name: &str, entries: Vec<MtlsMatch>) -> PrincipalSpec {
    PrincipalSpec::new(name, entries.into_iter().map(Method::Mtls).collect())
}

/// An entry with a common name alone.
pub(super) fn by_name(common_name: &str) -> MtlsMatch {
    MtlsMatch { subject_cn: Some(common_name.to_owned()), ..MtlsMatch::default() }
}

pub(super) fn directory(specs: Vec<PrincipalSpec>) -> Directory {
    Directory::new(specs).unwrap()
}

/// Who the certificate is on a listener that accepts nothing else; the code where it is nobody.
pub(super) fn who(directory: &Directory, verified: &Verified) -> Result<String, String> {
    match crate::recognize(directory, &[crate::Accepted::Mtls], Some(verified), NOW) {
        Ok(peer) => Ok(peer.principal().unwrap_or("anonymous").to_owned()),
        Err(refusal) => Err(refusal.code().to_string()),
    }
}

/// The peer of a principal that is known by its common name.
pub(super) fn peer(authority: &Authority, directory: &Directory, common_name: &str) -> Peer {
    let verified = authority.named(common_name);
    crate::recognize(directory, &[crate::Accepted::Mtls], Some(&verified), NOW).unwrap()
}
