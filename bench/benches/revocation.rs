//! What it costs to know a million revoked certificates: to read them, to hold them, and to ask about one at every
//! handshake.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

#[path = "revocation/made.rs"]
mod made;
#[path = "revocation/recalled.rs"]
mod recalled;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use countersign_bench::process::Process;
use countersign_bench::stopwatch::Stopwatch;
use identity::{Certificate, Crl, List, Revocations, verify_again};
use made::{MILLION, World, serial};

/// Names a file with a list: then the program measures the memory for it, in a process that has done nothing else.
const HOLD: &str = "BENCH_HOLD_LIST";

fn main() {
    if let Ok(file) = std::env::var(HOLD) {
        return hold(file.as_ref());
    }
    let stopwatch = Stopwatch::start();
    let world = World::new();
    let (issuer, now) = (world.issuer(), made::now());
    let mut at = 0_u64;
    let mut next = |known: bool| {
        // Far apart, so that no answer is still in the processor's cache.
        at = (at + 611_953) % MILLION;
        serial(if known { at } else { at + MILLION })
    };

    stopwatch.each("draw the serial number (part of each line below)", || next(true));
    let (recorded, held) = resident(|| Revocations::default().with_recorded(world.recorded()));
    report("hold 1,000,000 recorded revocations", held);
    for (case, known) in [("revoked", true), ("not revoked", false)] {
        stopwatch.each(&format!("look up a serial among 1,000,000 recorded ({case})"), || {
            recorded.recorded(issuer, &next(known))
        });
    }
    let mut growing = recorded.clone();
    stopwatch.each("add a revocation to 1,000,000 recorded", || {
        growing = growing.with_recorded([world.revocation(next(false))]);
    });
    drop(growing);

    let der = world.list();
    println!("{:<62} {:>30}", "a list of 1,000,000 entries in DER", mebibytes(der.len() as u64));
    let once = |end| {
        let mut read = 0;
        while std::time::Instant::now() < end {
            std::hint::black_box(Crl::from_der(&der).unwrap().verify_issuer(&world.certificate())).unwrap();
            read += 1;
        }
        read
    };
    stopwatch.until("parse, index and verify a list of 1,000,000 entries", once);
    hold_elsewhere(&world, &der);
    let crl = Arc::new(Crl::from_der(&der).unwrap());
    crl.verify_issuer(&world.certificate()).unwrap();
    for (case, known) in [("revoked", true), ("not revoked", false)] {
        stopwatch
            .each(&format!("look up a serial in a list of 1,000,000 ({case})"), || crl.find(&next(known)));
    }

    let verified = world.verified();
    let with = |revocations: Revocations| world.trust().with_revocations(Arc::new(revocations));
    let lists = || [List::from_file(Arc::clone(&crl), "ca.crl")];
    for (case, trust) in [
        ("nothing", world.trust()),
        ("1,000,000 recorded", with(recorded.clone())),
        ("a list of 1,000,000", with(Revocations::default().with_lists(lists()))),
        ("both", with(recorded.with_lists(lists()))),
    ] {
        stopwatch.each(&format!("judge a remembered chain again by {case}"), || {
            verify_again(&verified, &trust, now).unwrap()
        });
    }
    recalled::measure(&stopwatch, &world, der);
}

/// Asks another process, because this one keeps memory that it has freed.
fn hold_elsewhere(world: &World, der: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crl");
    std::fs::File::create(&file).unwrap().write_all(der).unwrap();
    std::fs::File::create(file.with_extension("crt")).unwrap().write_all(world.certificate().der()).unwrap();
    let ran = Command::new(std::env::current_exe().unwrap()).env(HOLD, file).status();
    assert!(ran.unwrap().success(), "the list could not be held");
}

fn hold(file: &Path) {
    let issuer = std::fs::read(file.with_extension("crt")).unwrap();
    let issuer = Certificate::from_der(issuer.into()).unwrap();
    let (crl, held) = resident(|| {
        let crl = Crl::from_der(&std::fs::read(file).unwrap()).unwrap();
        crl.verify_issuer(&issuer).unwrap();
        crl
    });
    assert_eq!(crl.len() as u64, MILLION);
    report("hold a list of 1,000,000 entries", held);
}

/// What `make` makes, and by how many bytes the process grew.
fn resident<T>(make: impl FnOnce() -> T) -> (T, u64) {
    let before = Process::own().memory().resident;
    let made = make();
    let after = Process::own().memory().resident;
    (made, after.saturating_sub(before) * 1024)
}

fn report(case: &str, bytes: u64) {
    println!("{case:<62} {:>30}", mebibytes(bytes));
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
