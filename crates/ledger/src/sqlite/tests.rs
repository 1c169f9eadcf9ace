use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use identity::{Pin, RevocationReason, Serial};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::SqliteLedger;
use crate::record::{DraftRecord, IssuerName};
use crate::{CertificateFilter, Ledger, State, conformance};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn draft(n: u32) -> DraftRecord {
    DraftRecord {
        serial: Serial::from_bytes(&n.to_be_bytes()),
        issuer: IssuerName { name: "CN=issuer".into(), key: Pin::of_spki(b"issuer") },
        profile: "client".into(),
        subject: format!("CN=name-{n}"),
        common_name: Some(format!("name-{n}")),
        sans: Vec::new(),
        spki: Pin::of_spki(b"key"),
        not_before: NOW,
        not_after: NOW,
        drafted_at: NOW,
    }
}

const REASON: RevocationReason = RevocationReason::Superseded;

/// A ledger that takes its folder with it.
#[derive(Debug)]
struct Temporary(SqliteLedger, #[expect(dead_code, reason = "removed with the ledger")] TempDir);

macro_rules! forward {
    ($($verb:ident($($name:ident: $type:ty),*) -> $answer:ty;)+) => {
        impl Ledger for Temporary {
            $(fn $verb(&self, $($name: $type),*) -> crate::Answer<'_, $answer> { self.0.$verb($($name),*) })+
        }
    };
}

forward! {
    record(draft: DraftRecord) -> ();
    complete(id: crate::CertificateId, der: Vec<u8>, at: OffsetDateTime) -> ();
    abandon(id: crate::CertificateId, why: String, at: OffsetDateTime) -> ();
    revoke(id: crate::CertificateId, reason: RevocationReason, at: OffsetDateTime) -> crate::Revoked;
    deny(denial: crate::Denial) -> crate::Revoked;
    revocations(since: u64, limit: usize) -> Vec<crate::RevocationRecord>;
    next_crl_number(issuer: Pin) -> u64;
    changed(since: u64) -> u64;
    lock(what: &str) -> Option<crate::Lock>;
    certificate(id: crate::CertificateId) -> Option<crate::CertificateRecord>;
    certificate_by_fingerprint(fingerprint: identity::Fingerprint) -> Option<crate::CertificateRecord>;
    certificates(filter: CertificateFilter) -> crate::Page<crate::CertificateRecord>;
    audit(events: Vec<crate::AuditEvent>) -> ();
    audit_events(filter: crate::AuditFilter) -> crate::Page<crate::AuditEvent>;
    prune_audit(before: OffsetDateTime) -> u64;
    prune_minted(before: OffsetDateTime) -> u64;
    id() -> crate::LedgerId;
    crl_numbers() -> Vec<(Pin, u64)>;
    raise_crl_number(issuer: Pin, at_least: u64) -> u64;
    revision() -> u64;
    note(shelf: crate::Shelf, key: String) -> Option<crate::Note>;
    notes(shelf: crate::Shelf, after: Option<String>, limit: usize) -> Vec<crate::Note>;
    write_note(shelf: crate::Shelf, note: crate::NewNote) -> u64;
    remove_note(shelf: crate::Shelf, key: String, seen: u64) -> ();
    prune_notes(before: OffsetDateTime) -> u64;
    close() -> ();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_ledger_conforms() {
    conformance::run_all(|| async {
        let folder = folder();
        Temporary(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap(), folder)
    })
    .await;
}

#[tokio::test]
async fn the_ledger_and_its_wal_are_readable_by_their_owner_alone() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.record(draft(1)).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
    ledger.close().await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteLedger::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_crash_without_a_close() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.record(draft(1)).await.unwrap();
    ledger.record(draft(2)).await.unwrap();
    ledger.complete(draft(2).id(), vec![1], NOW).await.unwrap();
    // What the disk holds at this moment is what a power cut would leave.
    let after = folder.path().join("after");
    std::fs::create_dir(&after).unwrap();
    for file in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(folder.path().join(file), after.join(file)).unwrap();
    }
    let found = SqliteLedger::open(&after.join("ledger.db")).unwrap();
    let state = async |n| found.certificate(draft(n).id()).await.unwrap().unwrap().state;
    assert_eq!((state(1).await, state(2).await), (State::Drafted, State::Issued));
}

#[tokio::test]
async fn a_second_process_may_use_the_ledger_at_the_same_time() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let (one, other) = (SqliteLedger::open(&path).unwrap(), SqliteLedger::open(&path).unwrap());
    for n in 0..10 {
        let ledger = if n % 2 == 0 { &one } else { &other };
        ledger.record(draft(n)).await.unwrap();
    }
    assert_eq!(one.certificates(CertificateFilter::default()).await.unwrap().entries.len(), 10);
    assert_eq!(one.revision().await.unwrap(), 10);
}

#[tokio::test]
async fn what_another_process_revokes_is_heard_and_found() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let (one, other) = (SqliteLedger::open(&path).unwrap(), SqliteLedger::open(&path).unwrap());
    one.record(draft(1)).await.unwrap();
    one.complete(draft(1).id(), vec![1], NOW).await.unwrap();
    let before = one.revision().await.unwrap();
    let (heard, revoked) = tokio::join!(one.changed(before), other.revoke(draft(1).id(), REASON, NOW));
    let record = revoked.unwrap().record;
    assert_eq!(heard, Ok(record.revision));
    assert_eq!(one.revocations(before, 0).await, Ok(vec![record]));
    assert_eq!(one.next_crl_number(draft(1).issuer.key).await, Ok(1));
    assert_eq!(other.next_crl_number(draft(1).issuer.key).await, Ok(2));
}

#[tokio::test]
async fn revocations_denials_and_list_numbers_are_there_after_a_crash_without_a_close() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.record(draft(1)).await.unwrap();
    ledger.complete(draft(1).id(), vec![1], NOW).await.unwrap();
    let revoked = ledger.revoke(draft(1).id(), REASON, NOW).await.unwrap();
    ledger.next_crl_number(draft(1).issuer.key).await.unwrap();
    let denial =
        crate::Denial { issuer: Pin::of_spki(b"foreign"), serial: draft(1).serial, reason: REASON, at: NOW };
    let denied = ledger.deny(denial.clone()).await.unwrap();
    let after = folder.path().join("after");
    std::fs::create_dir(&after).unwrap();
    for file in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(folder.path().join(file), after.join(file)).unwrap();
    }
    let found = SqliteLedger::open(&after.join("ledger.db")).unwrap();
    assert_eq!(found.revocations(0, 0).await, Ok(vec![revoked.record, denied.record]));
    assert!(found.deny(denial).await.unwrap().already);
    assert_eq!(found.next_crl_number(draft(1).issuer.key).await, Ok(2));
}

#[tokio::test]
async fn a_ledger_of_the_first_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(super::schema::STEPS[0]).unwrap();
    old.execute_batch(
        "INSERT INTO schema_version DEFAULT VALUES;
         UPDATE revision SET revision = 4;
         INSERT INTO certificates (issuer_key, serial, issuer, profile, subject, sans, spki, not_before, not_after,
           state, drafted_at, issued_at, fingerprint, der, revision)
         VALUES (lower(hex(zeroblob(32))), '01', 'CN=issuer', 'client', 'CN=old', '[]', lower(hex(zeroblob(32))), 0, 0,
           'issued', 0, 0, 'f1', x'01', 2),
          (lower(hex(zeroblob(32))), '02', 'CN=issuer', 'client', 'CN=older', '[]', lower(hex(zeroblob(32))), 0, 0,
           'revoked', 0, 0, 'f2', x'02', 4);",
    )
    .unwrap();
    drop(old);
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(ledger.certificates(CertificateFilter::default()).await.unwrap().entries.len(), 2);
    let serials = async || {
        let revocations = ledger.revocations(0, 0).await.unwrap();
        revocations.into_iter().map(|record| record.serial.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(serials().await, ["02"]);
    let id = crate::CertificateId {
        issuer: Pin::parse(&"00".repeat(32)).unwrap(),
        serial: Serial::from_bytes(&[1]),
    };
    assert!(!ledger.revoke(id, REASON, NOW).await.unwrap().already);
    assert_eq!(serials().await, ["02", "01"]);
}

#[test]
fn revocations_are_read_from_their_index_alone() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut explained =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {}", super::read::revocations_sql())).unwrap();
    let steps = explained.query_map([7, 10], |row| row.get::<_, String>("detail")).unwrap();
    let plan = steps.collect::<Result<Vec<_>, _>>().unwrap().join("\n");
    for step in [
        "MERGE (UNION ALL)",
        "USING COVERING INDEX certificates_by_revocation (revision>?)",
        "SEARCH denials USING INTEGER PRIMARY KEY (rowid>?)",
    ] {
        assert!(plan.contains(step), "{plan}");
    }
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

/// Whoever goes on with a file that was replaced hears nothing of what others record, and nobody hears of its own.
#[tokio::test]
async fn a_ledger_that_was_replaced_or_moved_away_is_said_and_takes_nothing_more() {
    let folder = folder();
    let (path, away) = (folder.path().join("ledger.db"), folder.path().join("away"));
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.record(draft(1)).await.unwrap();
    ledger.complete(draft(1).id(), vec![1], NOW).await.unwrap();
    let revision = ledger.revision().await.unwrap();
    let replaced = crate::LedgerError::Replaced(path.clone());
    std::fs::rename(&path, &away).unwrap();
    assert_eq!(ledger.record(draft(2)).await, Err(replaced.clone()));
    put(&path, b"");
    assert_eq!(ledger.changed(revision).await, Err(replaced.clone()));
    assert_eq!(ledger.changed(0).await, Err(replaced.clone()));
    assert_eq!(ledger.revoke(draft(1).id(), REASON, NOW).await, Err(replaced.clone()));
    let said = fault::Fault::from(replaced.clone()).to_string();
    for text in [said, replaced.to_string()] {
        assert!(text.contains("ledger.db") && text.contains("restart the node"), "{text}");
    }
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(ledger.changed(0).await, Ok(revision));
    assert!(!ledger.revoke(draft(1).id(), REASON, NOW).await.unwrap().already);
}

#[test]
fn a_file_that_is_no_ledger_is_left_as_it_is() {
    let folder = folder();
    let text = folder.path().join("notes.txt");
    put(&text, b"these are my notes, and not a database at all");
    let fault = SqliteLedger::open(&text).unwrap_err().to_string();
    assert!(fault.contains("notes.txt") && fault.contains("file is not a database"), "{fault}");
    assert_eq!(std::fs::read(&text).unwrap(), b"these are my notes, and not a database at all");

    let foreign = folder.path().join("app.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE orders (id)").unwrap();
    let fault = SqliteLedger::open(&foreign).unwrap_err().to_string();
    assert!(fault.contains("not a ledger"), "{fault}");
}

#[test]
fn a_ledger_of_a_newer_program_is_refused_by_name() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_version VALUES (99)", []).unwrap();
    let fault = SqliteLedger::open(&path).unwrap_err().to_string();
    assert!(fault.contains("newer countersign") && fault.contains("version 99"), "{fault}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let fault = SqliteLedger::open(Path::new("/nonexistent/ledger.db")).unwrap_err().to_string();
    assert!(fault.contains("/nonexistent/ledger.db"), "{fault}");
}

fn put(path: &Path, content: &[u8]) {
    use std::io::Write as _;
    std::fs::File::create(path).unwrap().write_all(content).unwrap();
}
