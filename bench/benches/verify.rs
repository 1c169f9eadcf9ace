//! What it costs to judge a chain: the signatures on it, what stands around them, and what a listener that has seen
//! the chain before saves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

mod pki;

use std::sync::Arc;
use std::time::Duration;

use countersign_bench::stopwatch::Stopwatch;
use identity::{Certificate, Purpose, verify};
use pki::Signer;
use transport::{ClientAuth, Door, DoorSpec, Memories, SystemClock, TlsVersion};

fn main() {
    let stopwatch = Stopwatch::start();
    let root = Signer::root();
    let issuer = root.below("bench issuer");
    let direct = issuer.client("analyst", &[]);
    let through = issuer.client("analyst", &[&issuer]);
    let (trust_issuer, trust_root) = (issuer.trust(), root.trust());
    let foreign = Signer::root().client("analyst", &[]);
    let now = pki::now();

    stopwatch.each("parse a certificate", || Certificate::from_der(direct.chain[0].clone()).unwrap());
    stopwatch.each("verify a leaf below a trusted issuer (1 signature)", || {
        verify(&direct.chain, &trust_issuer, Purpose::Client, None, now).unwrap()
    });
    stopwatch.each("verify a leaf and an intermediate (2 signatures)", || {
        verify(&through.chain, &trust_root, Purpose::Client, None, now).unwrap()
    });
    stopwatch.each("refuse a leaf of an unknown issuer", || {
        verify(&foreign.chain, &trust_issuer, Purpose::Client, None, now).unwrap_err()
    });

    let verified = direct.verified(&trust_issuer);
    let door = Door::new(DoorSpec {
        credentials: vec![Arc::new(Signer::root().server().credential())],
        client_auth: ClientAuth::Require(Arc::new(trust_issuer)),
        min_version: TlsVersion::Tls13,
        alpn: Vec::new(),
        handshake_timeout: Duration::from_secs(10),
        clock: Arc::new(SystemClock),
        memories: Memories::default(),
        online: None,
    })
    .unwrap();
    let vouchers = door.vouchers().unwrap();
    stopwatch.each("judge a chain that the listener remembers", || {
        door.judge_again(&verified, &vouchers).unwrap()
    });
}
