//! What a certificate costs from a ready CSR to a durable record: reading the request, draft and lint, record,
//! signature, completed record.
//!
//! The ledger is an SQLite file below the target folder, on a disk and not in memory, and each answer comes after a
//! sync. Certificates per second and core are a million by the CPU column.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use authority::{Authority, IssuerKind, Profile, Request, Standing, Tier, init_root};
use countersign_bench::stopwatch::Stopwatch;
use ledger::{Ledger, SqliteLedger};
use rcgen::{CertificateParams, DnType, KeyPair};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

const NOW: OffsetDateTime = time::macros::datetime!(2026-06-01 12:00 UTC);
/// Different requests; each is certified many times, with another serial.
const REQUESTS: usize = 256;

fn main() {
    let stopwatch = Stopwatch::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let desk = Arc::new(Desk::open(&runtime, folder.path()));

    let turn = Cell::new(0);
    let next = || {
        turn.set(turn.get() + 1);
        desk.request(turn.get())
    };
    stopwatch.each("read a CSR and its proof of possession", next);
    let request = desk.request(0);
    stopwatch.each("draft and lint", || desk.issuer.draft(&request, &desk.profile, NOW).unwrap());
    for callers in [1, 8, 64] {
        let case = format!("issue, recorded and durable, {callers} at once");
        stopwatch.until(&case, |end| runtime.block_on(Desk::work(&desk, callers, end)));
    }
    runtime.block_on(desk.ledger.close()).unwrap();
}

/// A client issuer, its ledger, and the requests that are waiting.
struct Desk {
    issuer: Authority,
    ledger: SqliteLedger,
    profile: Profile,
    requests: Vec<Vec<u8>>,
}

impl Desk {
    fn open(runtime: &Runtime, folder: &std::path::Path) -> Self {
        let ledger = SqliteLedger::open(&folder.join("ledger.db")).unwrap();
        let issuer = runtime.block_on(async {
            let made = init_root(&Tier::root("bench"), &ledger, NOW).await.unwrap();
            let root =
                Authority::new(vec![made.certificate], &made.key, Standing::ByHand, None, NOW).unwrap();
            let tier = Tier::issuer("bench");
            let made = root.init_issuer(IssuerKind::Client, &tier, &ledger, NOW).await.unwrap();
            Authority::new(vec![made.certificate], &made.key, Standing::Issuer, None, NOW).unwrap()
        });
        let requests = (0..REQUESTS).map(csr).collect();
        Self { issuer, ledger, profile: Profile::client(), requests }
    }

    fn request(&self, turn: usize) -> Request {
        Request::from_csr(&self.requests[turn % REQUESTS]).unwrap()
    }

    /// `callers` tasks that each issue one certificate after the other until `end`.
    async fn work(desk: &Arc<Self>, callers: usize, end: Instant) -> u64 {
        let issued = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let (desk, issued) = (desk.clone(), issued.clone());
                tokio::spawn(async move {
                    let mut turn = caller * 7;
                    while Instant::now() < end {
                        let request = desk.request(turn);
                        desk.issuer.issue(&desk.ledger, &request, &desk.profile, NOW).await.unwrap();
                        issued.fetch_add(1, Ordering::Relaxed);
                        turn += 1;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        issued.load(Ordering::Relaxed)
    }
}

fn csr(number: usize) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("client-{number}"));
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().der().to_vec()
}
