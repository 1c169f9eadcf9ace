//! Whoever issues and revokes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use authority::{Authority, IssuerKind, Profile, Request, Standing, Tier, init_root};
use identity::{RevocationReason, Serial};
use ledger::{CertificateId, Ledger};
use parking_lot::Mutex;
use rcgen::{CertificateParams, DnType, KeyPair};
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use transport::{Clock as _, SystemClock};

/// A client issuer on a ledger, the requests that wait, and what it has issued.
pub(crate) struct Desk {
    issuer: Authority,
    ledger: Arc<dyn Ledger>,
    profile: Profile,
    requests: Vec<Vec<u8>>,
    turn: AtomicU64,
    issued: Mutex<Vec<Serial>>,
}

/// What is done over and over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// From a CSR to a certificate on record.
    Issue,
    /// A certificate that was issued before is taken back; issuing it is not counted.
    Revoke,
}

impl Desk {
    pub(crate) fn open(runtime: &Runtime, ledger: Arc<dyn Ledger>) -> Arc<Self> {
        let issuer = runtime.block_on(issuer(&*ledger));
        let requests = (0..REQUESTS).map(csr).collect();
        Arc::new(Self {
            issuer,
            ledger,
            profile: Profile::client(),
            requests,
            turn: AtomicU64::new(0),
            issued: Mutex::default(),
        })
    }

    /// `callers` that each do it again and again until `end`: how long each took, in microseconds, until it was on disk.
    pub(crate) async fn work(desk: &Arc<Self>, act: Act, callers: usize, end: Instant) -> Vec<u32> {
        let caller = || {
            let desk = Arc::clone(desk);
            tokio::spawn(async move {
                let mut micros = Vec::new();
                while Instant::now() < end {
                    micros.push(match act {
                        Act::Issue => {
                            let (took, serial) = desk.issue().await;
                            desk.issued.lock().push(serial);
                            took
                        }
                        Act::Revoke => desk.revoke().await,
                    });
                }
                micros
            })
        };
        let callers: Vec<_> = (0..callers).map(|_| caller()).collect();
        let mut micros = Vec::new();
        for caller in callers {
            micros.extend(caller.await.unwrap());
        }
        micros
    }

    pub(crate) async fn close(&self) {
        self.ledger.close().await.unwrap();
    }

    async fn issue(&self) -> (u32, Serial) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
        let began = Instant::now();
        let request = Request::from_csr(&self.requests[turn % REQUESTS]).unwrap();
        let issued = self.issuer.issue(&*self.ledger, &request, &self.profile, now()).await;
        let took = began.elapsed();
        (took.as_micros() as u32, issued.unwrap().certificate().identity().serial().clone())
    }

    async fn revoke(&self) -> u32 {
        let known = self.issued.lock().pop();
        let serial = match known {
            Some(serial) => serial,
            None => self.issue().await.1,
        };
        let id = CertificateId { issuer: self.issuer.certificate().identity().spki_sha256(), serial };
        let began = Instant::now();
        self.ledger.revoke(id, RevocationReason::Superseded, now()).await.unwrap();
        began.elapsed().as_micros() as u32
    }
}

pub(crate) fn now() -> OffsetDateTime {
    SystemClock.now()
}

pub(crate) async fn issuer(ledger: &dyn Ledger) -> Authority {
    let now = now();
    let made = init_root(&Tier::root("bench"), ledger, now).await.unwrap();
    let root = Authority::new(vec![made.certificate], &made.key, Standing::ByHand, None, now).unwrap();
    let made = root.init_issuer(IssuerKind::Client, &Tier::issuer("bench"), ledger, now).await.unwrap();
    Authority::new(vec![made.certificate], &made.key, Standing::Issuer, None, now).unwrap()
}

fn csr(number: usize) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("client-{number}.bench.example.com"));
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().der().to_vec()
}

/// Different requests; each is certified many times, with another serial.
const REQUESTS: usize = 256;
