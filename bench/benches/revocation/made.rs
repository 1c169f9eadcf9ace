//! An authority that revoked a million certificates.

use std::sync::Arc;

use identity::{
    Certificate, Pin, Purpose, RecordedRevocation, RevocationPolicy, RevocationReason, Revocations, Serial,
    Strictness, Trust, Verification, Verified, der,
};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, IsCa, Issuer, KeyPair, SigningKey as _,
};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use transport::{Clock as _, SystemClock};

pub(crate) const MILLION: u64 = 1_000_000;
/// ecdsa-with-SHA256.
const ALGORITHM: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";

pub(crate) fn now() -> OffsetDateTime {
    SystemClock.now()
}

/// The serial number of the `n`th certificate: 16 bytes that look drawn at random.
pub(crate) fn serial(n: u64) -> Serial {
    let spread = |n: u64| {
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    };
    let high = spread(n.wrapping_add(0x9e37_79b9_7f4a_7c15)) >> 1 | 1 << 62;
    Serial::from_bytes(&[high.to_be_bytes(), spread(n ^ 0xdead_beef).to_be_bytes()].concat())
}

pub(crate) struct World {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    leaf: CertificateDer<'static>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut authority = params("bench");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = Certificate::from_der(authority.self_signed(&key).unwrap().der().clone()).unwrap();
        let issuer = Issuer::new(authority, key);
        let leaf = params("analyst").signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        Self { certificate, leaf: leaf.der().clone(), issuer }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.certificate.clone()
    }

    pub(crate) fn issuer(&self) -> Pin {
        self.certificate.identity().spki_sha256()
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::new(vec![self.certificate()], Strictness::default())
    }

    pub(crate) fn verified(&self) -> Verified {
        identity::verify(std::slice::from_ref(&self.leaf), &self.trust(), Purpose::Client, None, now())
            .unwrap()
    }

    /// A chain whose leaf names `url` as where its list is, by a trust that wants its authority asked.
    pub(crate) fn verified_asking(&self, url: &str, verification: Verification) -> Verified {
        let mut leaf = params("analyst");
        leaf.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.to_owned()] }];
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let policy = RevocationPolicy { verification: Some(verification), ..RevocationPolicy::default() };
        let trust = self.trust().with_revocations(Arc::new(Revocations::new(policy)));
        identity::verify(std::slice::from_ref(leaf.der()), &trust, Purpose::Client, None, now()).unwrap()
    }

    pub(crate) fn revocation(&self, serial: Serial) -> RecordedRevocation {
        RecordedRevocation { issuer: self.issuer(), serial, reason: RevocationReason::Superseded, at: now() }
    }

    pub(crate) fn recorded(&self) -> impl Iterator<Item = RecordedRevocation> {
        (0..MILLION).map(|n| self.revocation(serial(n)))
    }

    /// The list of all of them with their reasons, in DER, in no order.
    pub(crate) fn list(&self) -> Vec<u8> {
        let moment = der::wrap(der::UTC_TIME, &[b"260102030405Z"]);
        let reason = b"\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x04";
        let mut entries = Vec::new();
        for n in 0..MILLION {
            let number = der::wrap(der::INTEGER, &[serial(n).bytes()]);
            entries.extend(der::wrap(der::SEQUENCE, &[&number, &moment, reason]));
        }
        let entries = der::wrap(der::SEQUENCE, &[&entries]);
        let name = self.certificate.identity().subject().der();
        let number = b"\xa0\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x07";
        let next = der::wrap(der::GENERALIZED_TIME, &[b"20990101000000Z"]);
        let fields = [&b"\x02\x01\x01"[..], ALGORITHM, name, &moment, &next, &entries, number];
        let body = der::wrap(der::SEQUENCE, &fields);
        let signature = self.issuer.key().sign(&body).unwrap();
        let signature = der::wrap(der::BIT_STRING, &[&[0], &signature]);
        der::wrap(der::SEQUENCE, &[&body, ALGORITHM, &signature])
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now() - Duration::days(30);
    params.not_after = now() + Duration::days(60);
    params
}
