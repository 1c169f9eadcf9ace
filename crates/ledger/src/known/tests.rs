use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use identity::{Pin, RevocationReason, Serial};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::{Contents, Known, KnownRevocation, Mark, Told};
use crate::id::LedgerId;
use crate::record::CertificateId;

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 19:00:00 UTC);

struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("revocations.known")
    }

    fn open(&self) -> (Known, Told) {
        Known::open(&self.path(), NOW).unwrap()
    }

    fn length(&self) -> u64 {
        std::fs::metadata(self.path()).unwrap().len()
    }
}

fn mark(revision: u64) -> Mark {
    Mark { ledger: LedgerId::from_bytes([7; 16]), revision, at: NOW }
}

fn issuer(n: u32) -> Pin {
    Pin::of_spki(&n.to_be_bytes())
}

fn revocation(n: u32) -> KnownRevocation {
    KnownRevocation {
        issuer: issuer(n % 3),
        serial: Serial::from_bytes(&u128::from(n + 1).to_le_bytes()),
        reason: RevocationReason::KeyCompromise,
        at: NOW - Duration::milliseconds(i64::from(n)),
        not_after: n.is_multiple_of(2).then_some(NOW + Duration::days(1)),
    }
}

fn id(n: u32) -> CertificateId {
    let KnownRevocation { issuer, serial, .. } = revocation(n);
    CertificateId { issuer, serial }
}

fn many(count: u32) -> Vec<KnownRevocation> {
    (0..count).map(revocation).collect()
}

#[test]
fn what_was_noted_is_known_after_a_restart_with_its_moment_and_reason() {
    let disk = Disk::new();
    let (mut known, told) = disk.open();
    assert!(told.is_empty() && known.mark().is_none());
    known.note(&many(10), mark(40)).unwrap();
    known.note(&[revocation(10)], mark(41)).unwrap();
    known.note_numbers(&[(issuer(1), 7), (issuer(9), 3)]).unwrap();
    known.note_numbers(&[(issuer(1), 5)]).unwrap();
    drop(known);
    let (known, told) = disk.open();
    assert_eq!((told.len(), told.damaged(), known.mark()), (11, 0, Some(mark(41))));
    let numbers: Vec<_> = [(issuer(1), 7), (issuer(9), 3)].into();
    assert!(numbers.iter().all(|(issuer, number)| known.numbers()[issuer] == *number));
    for n in 0..11 {
        let wanted = revocation(n);
        let found = told.missing().find(|denial| denial.id() == id(n)).unwrap();
        assert_eq!((found.reason, found.at), (wanted.reason, wanted.at), "{n}");
    }
}

#[test]
fn what_the_ledger_has_is_not_missing_and_what_it_has_not_is() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    known.note(&many(100), mark(100)).unwrap();
    let (_, mut told) = disk.open();
    assert!((0..60).all(|n| told.found(&id(n))));
    assert!(!told.found(&id(1000)), "it was not known");
    let mut missing: Vec<_> = told.missing().map(|denial| denial.serial).collect();
    missing.sort();
    let mut wanted: Vec<_> = (60..100).map(|n| revocation(n).serial).collect();
    wanted.sort();
    assert_eq!(missing, wanted);
}

#[test]
fn a_write_that_tore_takes_nothing_with_it_but_itself() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    known.note(&many(5), mark(5)).unwrap();
    let whole = disk.length();
    known.note(&[revocation(5)], mark(6)).unwrap();
    for cut in 1..disk.length() - whole {
        let bytes = std::fs::read(disk.path()).unwrap();
        let torn = &bytes[..usize::try_from(whole + cut).unwrap()];
        let contents = Contents::read(torn).unwrap();
        assert!(contents.revocations() >= 5, "{cut}");
    }
    OpenOptions::new().append(true).open(disk.path()).unwrap().write_all(&[60, 2, 0, 0]).unwrap();
    let (mut known, told) = disk.open();
    assert_eq!((told.len(), told.damaged()), (6, 4));
    known.note(&[revocation(6)], mark(7)).unwrap();
    let (_, told) = disk.open();
    assert_eq!((told.len(), told.damaged()), (7, 0), "what was damaged is written anew");
}

#[test]
fn a_byte_that_rots_costs_one_statement_and_none_behind_it() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    known.note(&many(50), mark(50)).unwrap();
    let whole = std::fs::read(disk.path()).unwrap();
    for at in (super::line::MAGIC.len()..whole.len()).step_by(7) {
        let mut rotten = whole.clone();
        rotten[at] ^= 0x10;
        let contents = Contents::read(&rotten).unwrap();
        // The name of an issuer, which a third of them go by, is the most that one byte can cost.
        assert!(contents.revocations() >= 33 && contents.damaged() > 0, "{at}: {}", contents.revocations());
    }
}

#[test]
fn revocations_of_certificates_that_ended_long_ago_leave_the_file() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    let old = KnownRevocation { not_after: Some(NOW - Duration::days(101)), ..revocation(1) };
    let ended = KnownRevocation { not_after: Some(NOW - Duration::days(99)), ..revocation(2) };
    let open_ended = KnownRevocation { not_after: None, at: NOW - Duration::days(9999), ..revocation(3) };
    known.note(&[old, ended, open_ended], mark(3)).unwrap();
    let (_, told) = disk.open();
    assert_eq!(told.len(), 2);
}

#[test]
fn the_file_is_its_owners_alone_and_does_not_grow_by_what_is_said_twice() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    for round in 0..200 {
        known.note(&many(50), mark(round)).unwrap();
    }
    let before = disk.length();
    let (_, told) = disk.open();
    assert_eq!(told.len(), 50);
    assert!(disk.length() < before / 50, "{before} became {}", disk.length());
    assert_eq!(std::fs::metadata(disk.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn another_file_is_left_as_it_is() {
    let disk = Disk::new();
    OpenOptions::new().create_new(true).write(true).open(disk.path()).unwrap().write_all(b"diary").unwrap();
    let fault = Known::open(&disk.path(), NOW).unwrap_err().to_string();
    assert!(fault.contains("no record of known revocations"), "{fault}");
    assert_eq!(std::fs::read(disk.path()).unwrap(), b"diary");
}

/// A node keeps what it knows of very many revocations: what one of them takes is what it holds, and a few bytes.
#[test]
fn a_revocation_takes_no_more_than_48_bytes() {
    let disk = Disk::new();
    let (mut known, _) = disk.open();
    let empty = disk.length();
    let longest = |n| {
        let mut serial = [0x7f; 20];
        serial[16..].copy_from_slice(&u32::to_be_bytes(n));
        KnownRevocation { serial: Serial::from_bytes(&serial), ..revocation(n) }
    };
    let revocations: Vec<_> = (0..10_000).map(longest).collect();
    known.note(&revocations, mark(1)).unwrap();
    // Three issuers and a mark are in it too, once.
    assert!(disk.length() - empty <= 10_000 * 48, "{} bytes", disk.length() - empty);
    let (_, told) = disk.open();
    assert_eq!(told.len(), 10_000);
}
