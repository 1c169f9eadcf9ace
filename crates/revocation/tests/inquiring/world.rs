//! Authorities, certificates and lists for one test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_revocation::{Around, Inquiries, Metrics, Past, Settings};
use fault::{Code, Refusal};
use identity::{
    Certificate, CrlCheck, FailureMode, Purpose, RevocationPolicy, Revocations, Strictness, Trust,
    Verification, Verified,
};
use prometheus_client::registry::Registry;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use time::OffsetDateTime;
use tokio::sync::watch;
use transport::{Clock as _, Online as _, TestClock};

/// One authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: Certificate,
}

/// The moment at which every test begins.
pub(crate) fn begin() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

pub(crate) const DAY: time::Duration = time::Duration::days(1);

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = begin() - DAY;
    params.not_after = begin() + 365 * DAY;
    params
}

fn read(der: &rcgen::Certificate) -> Certificate {
    Certificate::from_der(der.der().clone()).unwrap()
}

fn ca(name: &str, urls: &[String]) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.crl_distribution_points = points(urls);
    params
}

fn points(urls: &[String]) -> Vec<CrlDistributionPoint> {
    urls.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] }).collect()
}

impl Authority {
    pub(crate) fn root() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = ca("Root", &[]);
        let certificate = read(&params.self_signed(&key).unwrap());
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// An intermediate with this serial number, whose own revocation is told at `urls`.
    pub(crate) fn below(&self, serial: u64, urls: &[String]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = ca("Intermediate", urls);
        params.serial_number = Some(SerialNumber::from(serial));
        let certificate = read(&params.signed_by(&key, &self.issuer).unwrap());
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A client certificate with this serial number, whose revocation is told at `urls`.
    pub(crate) fn client(&self, serial: u64, urls: &[String]) -> Certificate {
        let mut params = params("client");
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.crl_distribution_points = points(urls);
        read(&params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap())
    }

    /// A list with this number, made at `from`, that counts until `until` and names these serial numbers.
    pub(crate) fn list(
        &self,
        number: u64,
        revoked: &[u64],
        from: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Vec<u8> {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: from,
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: from,
            next_update: until,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// A list that counts from a day before the beginning until a day after it.
    pub(crate) fn fresh_list(&self, number: u64, revoked: &[u64]) -> Vec<u8> {
        self.list(number, revoked, begin() - DAY, begin() + DAY)
    }
}

/// A node's side of a test.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) inquiries: Arc<Inquiries>,
    pub(crate) changed: watch::Sender<u64>,
    trust: Trust,
    around: Around,
}

impl World {
    pub(crate) fn new(root: &Authority, verification: Verification) -> Self {
        Self::prefetching(root, verification, Vec::new())
    }

    /// With lists that are fetched at the start.
    pub(crate) fn prefetching(root: &Authority, verification: Verification, prefetch: Vec<String>) -> Self {
        let clock = TestClock::at(begin());
        let around = Around {
            past: Arc::new(Past::default()),
            metrics: Metrics::register(&mut Registry::default()),
            clock: Arc::new(clock.clone()),
            changed: watch::Sender::new(0),
        };
        Self::of(root, verification, prefetch, around, clock, &[])
    }

    /// The same node with other settings.
    pub(crate) fn changed_to(&self, root: &Authority, verification: Verification) -> Self {
        let before = [Arc::clone(&self.inquiries)];
        Self::of(root, verification, Vec::new(), self.around.clone(), self.clock.clone(), &before)
    }

    /// A node that had forgotten all it was told, but for what no change makes it forget.
    pub(crate) fn having_forgotten(&self, root: &Authority, verification: Verification) -> Self {
        Self::of(root, verification, Vec::new(), self.around.clone(), self.clock.clone(), &[])
    }

    fn of(
        root: &Authority,
        verification: Verification,
        prefetch: Vec<String>,
        around: Around,
        clock: TestClock,
        before: &[Arc<Inquiries>],
    ) -> Self {
        let policy = Verification { allow_private_addresses: true, ..verification };
        let settings = Settings { verification: policy, prefetch, rewrites: Vec::new(), max_bytes: 16 << 20 };
        let changed = around.changed.clone();
        let inquiries = Arc::new(Inquiries::after(before, settings, around.clone()));
        inquiries.begin();
        let revocations =
            Revocations::new(RevocationPolicy { verification: Some(policy), ..RevocationPolicy::default() });
        let trust = Trust::new(vec![root.certificate.clone()], Strictness::default())
            .with_revocations(Arc::new(revocations));
        Self { clock, inquiries, changed, trust, around }
    }

    /// A chain as the door verified it, with nobody asked yet.
    pub(crate) fn verified(&self, chain: &[&Certificate]) -> Verified {
        let chain: Vec<_> = chain.iter().map(|certificate| certificate.der().clone()).collect();
        identity::verify(&chain, &self.trust, Purpose::Client, None, self.clock.now()).unwrap()
    }

    /// What the door does with a chain: it goes by memory, and asks where that says nothing.
    pub(crate) async fn judge(&self, chain: &[&Certificate]) -> Result<Verified, Refusal> {
        let verified = self.verified(chain);
        match self.inquiries.recall(&verified, self.clock.now()) {
            Some(verdict) => verdict,
            None => self.inquiries.ask(&verified).await,
        }
    }

    /// What memory says about a chain.
    pub(crate) fn recall(&self, chain: &[&Certificate]) -> Option<Result<Verified, Refusal>> {
        self.inquiries.recall(&self.verified(chain), self.clock.now())
    }
}

/// Lists alone, failing closed.
pub(crate) fn lists() -> Verification {
    Verification { ocsp: None, ..Verification::default() }
}

/// Lists alone, failing open.
pub(crate) fn lists_fail_open() -> Verification {
    let crl = CrlCheck { failure_mode: FailureMode::FailOpen, ..CrlCheck::default() };
    Verification {
        crl: Some(crl),
        ocsp: None,
        failure_mode: FailureMode::FailOpen,
        ..Verification::default()
    }
}

/// That a verdict is this refusal.
#[track_caller]
pub(crate) fn refused(verdict: Result<Verified, Refusal>, code: Code) -> Refusal {
    let refusal = verdict.unwrap_err();
    assert_eq!(refusal.code(), code, "{refusal}");
    refusal
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "never saw: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
