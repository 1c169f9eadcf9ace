//! Where a certificate says that its issuer can be asked about it.

use identity::{Pin, Serial, der};
use rcgen::{CertificateParams, CrlDistributionPoint, CustomExtension};
use time::Duration;

use super::validity::Validity;
use crate::authority::Authority;
use crate::distribution::{Distribution, Shard};
use crate::profile::Profile;

/// What a certificate says about asking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Its issuer's list, or the part of it that the certificate belongs to.
    pub(crate) list: Option<String>,
    /// Its issuer's responder.
    pub(crate) ocsp: Option<String>,
    /// Its issuer's certificate.
    pub(crate) issuer: Option<String>,
    /// That its issuer will never say anything about it (RFC 9608).
    pub(crate) nothing: bool,
}

impl Authority {
    /// What a leaf says: where to ask, or that there is nothing to ask because it ends within a day.
    pub(super) fn reach_of_leaf(&self, profile: &Profile, validity: &Validity, serial: &Serial) -> Reach {
        let nothing = profile.leaves_unasked(validity.life());
        let Some(distribution) = self.distribution() else { return Reach { nothing, ..Reach::default() } };
        let issuer = Some(distribution.certificate(self.key_id()));
        if nothing {
            return Reach { issuer, nothing, ..Reach::default() };
        }
        let shard = Shard::holding(serial, self.shards());
        Reach {
            list: Some(distribution.list(self.key_id(), shard)),
            ocsp: Some(distribution.ocsp()),
            issuer,
            nothing,
        }
    }

    /// What an issuer below this root says: where the root's list is, and who answers for the root (`authority.root_ocsp`).
    pub(super) fn reach_of_issuer(&self) -> Reach {
        let said = |distribution: &Distribution, key: Pin| Reach {
            list: Some(distribution.list(key, Shard::WHOLE)),
            ocsp: Some(distribution.ocsp()),
            issuer: Some(distribution.certificate(key)),
            nothing: false,
        };
        self.distribution().map(|distribution| said(distribution, self.key_id())).unwrap_or_default()
    }
}

impl Reach {
    /// Writes it into a certificate.
    pub(super) fn write(&self, params: &mut CertificateParams) {
        params.crl_distribution_points =
            self.list.iter().map(|list| CrlDistributionPoint { uris: vec![list.clone()] }).collect();
        let described = [(OCSP, &self.ocsp), (CA_ISSUERS, &self.issuer)];
        let described: Vec<Vec<u8>> = described
            .into_iter()
            .filter_map(|(method, address)| address.as_ref().map(|address| description(method, address)))
            .collect();
        if !described.is_empty() {
            let access = der::wrap(der::SEQUENCE, &[&described.concat()]);
            params.custom_extensions.push(CustomExtension::from_oid_content(INFORMATION_ACCESS, access));
        }
        if self.nothing {
            let null = vec![der::NULL, 0];
            params.custom_extensions.push(CustomExtension::from_oid_content(NO_REVOCATION, null));
        }
    }

    /// Whether a certificate says just this.
    pub(crate) fn is_said_by(&self, certificate: &identity::Certificate) -> bool {
        let same = |said: &[String], meant: &Option<String>| said.iter().eq(meant.iter());
        same(certificate.crl_uris(), &self.list)
            && same(certificate.ocsp_uris(), &self.ocsp)
            && same(certificate.issuer_uris(), &self.issuer)
            && certificate.has_no_revocation() == self.nothing
    }
}

fn description(method: [u8; 10], address: &str) -> Vec<u8> {
    der::wrap(der::SEQUENCE, &[&method, &der::wrap(URI, &[address.as_bytes()])])
}

/// Up to here a certificate may go unasked: whoever would ask is told of a revocation no sooner than it ends.
pub(crate) const UNASKED: Duration = Duration::DAY;

/// `[6]`, implicit: an address among general names.
const URI: u8 = 0x86;
/// 1.3.6.1.5.5.7.48.1
const OCSP: [u8; 10] = [der::OBJECT_IDENTIFIER, 8, 0x2b, 6, 1, 5, 5, 7, 48, 1];
/// 1.3.6.1.5.5.7.48.2
const CA_ISSUERS: [u8; 10] = [der::OBJECT_IDENTIFIER, 8, 0x2b, 6, 1, 5, 5, 7, 48, 2];
/// id-pe-authorityInfoAccess
const INFORMATION_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
/// id-ce-noRevAvail
const NO_REVOCATION: &[u64] = &[2, 5, 29, 56];
