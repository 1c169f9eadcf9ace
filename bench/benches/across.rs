//! From a revocation at one node to the last byte of a live session at another, through a ledger on PostgreSQL.
//!
//! A PostgreSQL of its own, two nodes of the built binary on one ledger, and one certificate for each round: its session is open at the
//! second node, an administrator of the first one revokes it over the door, and the clock runs from the first byte of that request.
//! `BENCH_REVOCATIONS` (200) rounds. `bench/across.sh` builds what is measured and runs it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::thread;
use std::time::{Duration, Instant};

use identity::{Certificate, certificates_from_pem};
use testkit::{Client, Node, Postgres, Wire, World};

fn main() {
    let rounds = std::env::var("BENCH_REVOCATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let (world, server) = (World::new(), Postgres::start());
    world.countersign(&["init", "--metadata-url", &server.url("countersign")]).succeeded();
    world.sh("cp -r realm other");
    let [one, two] = ["realm", "other"]
        .map(|realm| Node::start(&world, &["up", "--realm", realm, "--listen", "127.0.0.1:0"], &[]));
    let mut admin = connected(&world, &one, "realm/clients/admin");
    let (mut answered, mut ended) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (answer, end) = revoked(&world, &mut admin, &two, &format!("guest-{round}"));
        answered.push(answer);
        ended.push(end);
    }
    println!("{rounds} certificates, each revoked at one node while its session is open at the other");
    for (what, times) in
        [("until the first node has answered", answered), ("until the last byte at the other", ended)]
    {
        println!(
            "{what:<36} p50 {:>8.2} ms   p99 {:>8.2} ms   longest {:>8.2} ms",
            at(&times, 50),
            at(&times, 99),
            at(&times, 100)
        );
    }
}

/// How long it takes until the first node has answered, and until the other has ended the session.
fn revoked(world: &World, admin: &mut Wire, two: &Node, name: &str) -> (Duration, Duration) {
    let folder = format!("realm/{name}");
    world.countersign(&["cert", "issue", "--cn", name, "--out", &folder]).succeeded();
    let files = format!("{folder}/{name}");
    let chain = certificates_from_pem(world.read(format!("{files}.crt")).as_bytes()).unwrap();
    let request = request(&chain[0], &chain[1]);
    let mut guest = connected(world, two, &files);
    thread::scope(|scope| {
        let watched = scope.spawn(move || {
            guest.ends_within(LIMIT);
            Instant::now()
        });
        let begun = Instant::now();
        admin.send(request.as_bytes());
        let status = admin.answer().status;
        let answered = begun.elapsed();
        assert_eq!(status, 200);
        (answered, watched.join().unwrap() - begun)
    })
}

fn request(leaf: &Certificate, issuer: &Certificate) -> String {
    let (serial, issuer) = (leaf.identity().serial(), issuer.identity().spki_sha256());
    let body = format!(r#"{{"serial":"{serial}","issuer_spki_sha256":"{issuer}","reason":"keyCompromise"}}"#);
    let length = body.len();
    format!(
        "POST /_admin/revoke HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn connected(world: &World, node: &Node, files: &str) -> Wire {
    let mut wire = Client::new().asking_for("localhost").presenting(world, files).connect(node).unwrap();
    wire.send(b"GET /_auth/whoami HTTP/1.1\r\nhost: localhost\r\n\r\n");
    wire.answer();
    wire
}

/// Milliseconds.
fn at(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3
}

const LIMIT: Duration = Duration::from_secs(30);
