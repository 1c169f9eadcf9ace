//! What a node keeps on its own disk of every revocation that it was told of.

use std::time::{Duration, Instant};

use countersign_bench::stopwatch::Spread;
use identity::{Pin, RevocationReason, Serial};
use ledger::{CertificateId, Known, KnownRevocation, LedgerId, Mark};

use crate::desk::now;
use crate::number;

/// Bytes of one revocation, and how long it takes to note as many as there are and to open the file again.
pub(crate) fn measure(count: u32) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let revocations: Vec<_> = (0..count).map(revocation).collect();
    let (mut noting, mut opening, mut bytes) = (Vec::new(), Vec::new(), 0);
    for round in 0..number("BENCH_ROUNDS", 5) {
        let path = folder.path().join(format!("revocations.{round}.known"));
        let mark = Mark { ledger: LedgerId::from_bytes([7; 16]), revision: 1, at: now() };
        let (mut known, _) = Known::open(&path, now()).unwrap();
        noting.push(timed(|| revocations.chunks(AT_ONCE).for_each(|some| known.note(some, mark).unwrap())));
        bytes = std::fs::metadata(&path).unwrap().len();
        drop(known);
        opening.push(timed(|| {
            let (_, mut told) = Known::open(&path, now()).unwrap();
            assert!(revocations.iter().all(|revocation| told.found(&id(revocation))), "one was forgotten");
        }));
        std::fs::remove_file(&path).unwrap();
    }
    println!("{count} revocations known to a node: {:.1} bytes each", bytes as f64 / f64::from(count));
    for (what, times) in [("note them", noting), ("open, and find each", opening)] {
        let spread = Spread::of(times.iter().map(Duration::as_secs_f64));
        println!("{what:<24} {:.2} s ({:.2}–{:.2})", spread.median, spread.least, spread.most);
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn revocation(number: u32) -> KnownRevocation {
    // As long and as random as a serial from the operating system.
    let random = Pin::of_spki(&number.to_be_bytes());
    KnownRevocation {
        issuer: Pin::of_spki(b"issuer"),
        serial: Serial::from_bytes(&random.bytes()[..16]),
        reason: RevocationReason::KeyCompromise,
        at: now(),
        not_after: Some(now() + Duration::from_secs(86_400)),
    }
}

fn id(revocation: &KnownRevocation) -> CertificateId {
    CertificateId { issuer: revocation.issuer, serial: revocation.serial.clone() }
}

/// As many as a node is told of at once.
const AT_ONCE: usize = 10_000;
