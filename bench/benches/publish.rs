//! What an OCSP answer costs from the index: the question is read, its issuer and certificate are found, and what was signed
//! before is handed out. And what it costs to sign one, and a list.
//!
//! Answers per second and core are a million by the CPU column.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authority::{
    Authority, IssuerKind, Listed, Listing, Names, Profile, Shard, Standing, Tier, init_root, revoke,
};
use countersign_bench::stopwatch::Stopwatch;
use identity::ocsp::{CertId, IdHash, Reply, Request, Single, Status};
use identity::{Certificate, KeyKind, PrivateKey, RevocationReason};
use ledger::{Ledger, SqliteLedger};
use registrar::{EnrolmentRules, Issuing, PublishedMetrics, Registrar};
use time::{Duration, OffsetDateTime};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use transport::TestClock;

const NOW: OffsetDateTime = time::macros::datetime!(2026-06-01 12:00 UTC);
/// Certificates that are asked about; every other one is revoked.
const CERTIFICATES: usize = 1_000;
/// Revocations on the list that is signed.
const LISTED: u64 = 100_000;

fn main() {
    let stopwatch = Stopwatch::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let house = runtime.block_on(House::new(folder.path()));
    let stop = CancellationToken::new();
    let keeping = runtime.spawn(registrar::keep(Arc::clone(&house.registrar), stop.clone()));
    let questions = house.primed(&runtime);

    let turn = Cell::new(0);
    let ask = |from: usize| {
        turn.set((turn.get() + 2) % CERTIFICATES);
        runtime.block_on(house.registrar.ocsp(&questions[turn.get() + from]))
    };
    stopwatch.each("an OCSP answer from the index (good)", || ask(0));
    stopwatch.each("an OCSP answer from the index (revoked)", || ask(1));

    let responder = house.issuer.appoint_responder(&*house.ledger, Duration::days(3), NOW);
    let responder = runtime.block_on(responder).unwrap();
    let reply = Reply { singles: vec![house.single()], nonce: Some([7; 32].into()), produced_at: NOW };
    stopwatch.each("an OCSP answer signed for its nonce", || responder.sign(&reply).unwrap());

    let serials: Vec<[u8; 8]> = (1 << 40..(1 << 40) + LISTED).map(u64::to_be_bytes).collect();
    let listed = |serial: &'static [u8]| Listed {
        serial,
        reason: RevocationReason::Superseded,
        at: NOW,
        not_after: None,
    };
    let serials: &'static [[u8; 8]] = serials.leak();
    let listing = Listing { number: 1, shard: Shard::WHOLE, lifetime: Duration::DAY, now: NOW };
    stopwatch.each("a list of 100,000 entries, signed and read back", || {
        house.issuer.sign_list(&listing, serials.iter().map(|serial| listed(&serial[2..]))).unwrap()
    });
    stop.cancel();
    runtime.block_on(keeping).unwrap();
    runtime.block_on(house.ledger.close()).unwrap();
}

/// A client issuer, published, with certificates.
struct House {
    registrar: Arc<Registrar>,
    ledger: Arc<SqliteLedger>,
    issuer: Arc<Authority>,
    certificates: Vec<Certificate>,
}

impl House {
    async fn new(folder: &std::path::Path) -> Self {
        let ledger = Arc::new(SqliteLedger::open(&folder.join("ledger.db")).unwrap());
        let root = init_root(&Tier::root("bench"), &*ledger, NOW).await.unwrap();
        let root = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, NOW).unwrap();
        let made = root.init_issuer(IssuerKind::Client, &Tier::issuer("bench"), &*ledger, NOW).await.unwrap();
        let issuer = Authority::new(vec![made.certificate], &made.key, Standing::Issuer, None, NOW).unwrap();
        let issuer = Arc::new(issuer);
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = authority::Request::for_key(&key, Names::common("bench")).unwrap();
        let mut certificates = Vec::new();
        for n in 0..CERTIFICATES {
            let issued = issuer.issue(&*ledger, &request, &Profile::client(), NOW).await.unwrap();
            let certificate = issued.certificate().clone();
            if n % 2 == 1 {
                let record = ledger.certificate_by_fingerprint(certificate.fingerprint()).await.unwrap();
                let id = record.unwrap().draft.id();
                revoke(&*ledger, id, RevocationReason::Superseded, "a benchmark", NOW).await.unwrap();
            }
            certificates.push(certificate);
        }
        let issuing = Issuing {
            environment: "bench".to_owned(),
            root: None,
            issuers: BTreeMap::from([("client".to_owned(), Arc::clone(&issuer))]),
            retiring: BTreeMap::new(),
            profiles: BTreeMap::new(),
            services: BTreeSet::new(),
            rotation: Default::default(),
            provision_required: false,
            crl_lifetime: Duration::DAY,
            shard_entries: 50_000,
            ocsp_lifetime: Duration::HOUR,
            root_list: None,
            root_responder: None,
            enrolment: EnrolmentRules {
                per_minute: 0,
                most_invitations: 0,
                longest_invitation: Duration::DAY,
            },
            presented: BTreeMap::new(),
            acme: None,
            state: folder.to_owned(),
        };
        let kept: Arc<dyn Ledger> = Arc::<SqliteLedger>::clone(&ledger);
        let clock = Arc::new(TestClock::at(NOW));
        let registrar = Registrar::new(Some(kept), clock, issuing, PublishedMetrics::default());
        Self { registrar: Arc::new(registrar), ledger, issuer, certificates }
    }

    /// A question about each certificate, each of which has been answered once.
    fn primed(&self, runtime: &Runtime) -> Vec<Vec<u8>> {
        let question = |certificate: &Certificate| {
            Request::new(certificate, self.issuer.certificate(), None).unwrap().to_der().unwrap()
        };
        let questions: Vec<Vec<u8>> = self.certificates.iter().map(question).collect();
        for question in &questions {
            // Until a responder is appointed the answer is that it may go better later, which is short.
            while runtime.block_on(self.registrar.ocsp(question)).len() < 100 {
                std::thread::yield_now();
            }
        }
        questions
    }

    fn single(&self) -> Single {
        let serial = self.certificates[0].identity().serial();
        let id = CertId::new(serial, self.issuer.certificate(), IdHash::Sha1).unwrap();
        Single { id, status: Status::Good, this_update: NOW, next_update: NOW + Duration::HOUR }
    }
}
