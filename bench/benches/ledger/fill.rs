//! A ledger with very many certificates.

use std::collections::VecDeque;
use std::sync::Arc;

use authority::{Profile, Request};
use identity::{Pin, RevocationReason, Serial};
use ledger::{CertificateFilter, DraftRecord, IssuerName, Ledger};
use rcgen::{CertificateParams, DnType, KeyPair};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinHandle;

use crate::desk::{issuer, now};

/// Puts certificates on record until there are `rows`, the first `revoked` of them taken back; says how many were added.
///
/// Each has a name, a serial, a key and a fingerprint of its own, a validity that began within the last 90 days, and the bytes
/// of a real certificate. Nothing is signed: the ledger does not look, and a million signatures would take a while.
pub(crate) async fn fill(ledger: &Arc<impl Ledger + 'static>, rows: u64, revoked: u64) -> u64 {
    if already(&**ledger, rows).await {
        return 0;
    }
    let model = Arc::new(Model::make(&**ledger).await);
    let mut under_way: VecDeque<JoinHandle<()>> = VecDeque::new();
    for number in 0..rows {
        let (ledger, model) = (Arc::clone(ledger), Arc::clone(&model));
        under_way.push_back(tokio::spawn(async move { model.put(&*ledger, number, number < revoked).await }));
        // As many as share one transaction.
        if under_way.len() >= AT_ONCE {
            under_way.pop_front().unwrap().await.unwrap();
        }
    }
    for last in under_way {
        last.await.unwrap();
    }
    rows
}

/// Whether an earlier run has filled it.
async fn already(ledger: &dyn Ledger, rows: u64) -> bool {
    let name = Some(name(rows.saturating_sub(1)));
    let page = ledger.certificates(CertificateFilter { name, ..CertificateFilter::default() }).await.unwrap();
    !page.entries.is_empty()
}

/// A certificate that the others are made like.
struct Model {
    issuer: IssuerName,
    der: Vec<u8>,
    /// Where its serial begins in it.
    at: usize,
    serial: Vec<u8>,
    now: OffsetDateTime,
}

impl Model {
    async fn make(ledger: &dyn Ledger) -> Self {
        let now = now();
        let issuer = issuer(ledger).await;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "model.bench.example.com");
        let key = KeyPair::generate().unwrap();
        let request = Request::from_csr(params.serialize_request(&key).unwrap().der()).unwrap();
        let issued = issuer.issue(ledger, &request, &Profile::client(), now).await.unwrap();
        let der = issued.certificate().der().to_vec();
        let serial = issued.certificate().identity().serial().bytes().to_vec();
        let at = der.windows(serial.len()).position(|bytes| bytes == serial).unwrap();
        let identity = issuer.certificate().identity();
        let issuer = IssuerName { name: identity.subject().to_string(), key: identity.spki_sha256() };
        Self { issuer, der, at, serial, now }
    }

    async fn put(&self, ledger: &dyn Ledger, number: u64, revoked: bool) {
        // As random as a serial from the operating system, for an index: a hash of the number.
        let spki = Pin::of_spki(&number.to_be_bytes());
        let mut serial = self.serial.clone();
        for (byte, random) in serial.iter_mut().skip(1).zip(spki.bytes()) {
            *byte = *random;
        }
        let mut der = self.der.clone();
        der[self.at..self.at + serial.len()].copy_from_slice(&serial);
        let drafted_at =
            self.now - Duration::days(90) + Duration::milliseconds((number * 7) as i64 % 7_776_000_000);
        let draft = DraftRecord {
            serial: Serial::from_bytes(&serial),
            issuer: self.issuer.clone(),
            profile: "client".to_owned(),
            subject: format!("CN={},O=bench", name(number)),
            common_name: Some(name(number)),
            sans: vec![format!("DNS:{}", name(number))],
            spki,
            not_before: drafted_at,
            not_after: drafted_at + Duration::days(90),
            drafted_at,
        };
        let id = draft.id();
        ledger.record(draft).await.unwrap();
        ledger.complete(id.clone(), der, drafted_at).await.unwrap();
        if revoked {
            ledger.revoke(id, RevocationReason::Superseded, self.now).await.unwrap();
        }
    }
}

fn name(number: u64) -> String {
    format!("client-{number}.bench.example.com")
}

const AT_ONCE: usize = 2_048;
