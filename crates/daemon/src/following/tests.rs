use std::path::Path;
use std::sync::Arc;

use identity::{Pin, RecordedRevocation, RevocationReason, Serial};
use ledger::{AuditFilter, AuditKind, CertificateId, DraftRecord, IssuerName, Ledger, SqliteLedger, State};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use transport::TestClock;

use super::{Following, Memory, Pulse};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);

/// A ledger that is followed, and what has been told of it.
struct Followed {
    folder: TempDir,
    clock: TestClock,
    at_first: Vec<u8>,
    told: UnboundedReceiver<(Vec<RecordedRevocation>, Instant)>,
    pulse: Pulse,
    ledger: Arc<dyn Ledger>,
    task: tokio::task::JoinHandle<()>,
}

impl Followed {
    async fn new(folder: TempDir) -> Self {
        let clock = TestClock::at(NOW);
        let ledger: Arc<dyn Ledger> = Arc::new(open(folder.path()));
        let mut at_first = Vec::new();
        let learn = |new: Vec<RecordedRevocation>| at_first.extend(serials(&new));
        let following =
            Following::begin(Arc::clone(&ledger), Arc::new(clock.clone()), memory(folder.path()), learn);
        let following = following.await.unwrap();
        let (sender, told) = unbounded_channel();
        let pulse = following.pulse();
        let tell = move |new, decided_at| drop(sender.send((new, decided_at)));
        let task = tokio::spawn(following.follow(tell));
        Self { folder, clock, at_first, told, pulse, ledger, task }
    }

    /// As a node goes down.
    async fn stop(self) -> TempDir {
        self.ledger.close().await.unwrap();
        self.task.await.unwrap();
        self.folder
    }

    /// As another process sees the ledger.
    fn elsewhere(&self) -> SqliteLedger {
        open(self.folder.path())
    }

    async fn next(&mut self) -> (Vec<u8>, Instant) {
        let (new, decided_at) = self.told.recv().await.unwrap();
        (serials(&new), decided_at)
    }
}

fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(&folder.join("ledger.db")).unwrap()
}

fn memory(folder: &Path) -> Memory {
    Memory::open(&folder.join("revocations.known"), NOW).unwrap()
}

fn serials(revocations: &[RecordedRevocation]) -> Vec<u8> {
    revocations.iter().map(|revocation| revocation.serial.bytes()[0]).collect()
}

/// Issues the certificate with this serial and revokes it.
async fn revoke(ledger: &dyn Ledger, n: u8, at: OffsetDateTime) {
    let id = issue(ledger, n).await;
    ledger.revoke(id, RevocationReason::Superseded, at).await.unwrap();
}

async fn issue(ledger: &dyn Ledger, n: u8) -> CertificateId {
    let draft = DraftRecord {
        serial: Serial::from_bytes(&[n]),
        issuer: IssuerName { name: "CN=issuer".into(), key: Pin::of_spki(b"issuer") },
        profile: "client".into(),
        subject: format!("CN=name-{n}"),
        common_name: None,
        sans: Vec::new(),
        spki: Pin::of_spki(b"key"),
        not_before: NOW,
        not_after: NOW,
        drafted_at: NOW,
    };
    let id = draft.id();
    ledger.record(draft).await.unwrap();
    ledger.complete(id.clone(), vec![n], NOW).await.unwrap();
    id
}

#[tokio::test]
async fn what_is_on_record_is_told_first_and_what_others_record_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    for n in [1, 2] {
        revoke(&open(folder.path()), n, NOW).await;
    }
    let mut followed = Followed::new(folder).await;
    assert_eq!(followed.at_first, [1, 2]);
    let other = followed.elsewhere();
    issue(&other, 3).await;
    revoke(&other, 4, NOW).await;
    assert_eq!(followed.next().await.0, [4]);
    revoke(&other, 5, NOW).await;
    assert_eq!(followed.next().await.0, [5]);
    assert_eq!(followed.pulse.failing_since(), None);
}

#[tokio::test]
async fn the_decision_was_when_it_was_recorded_and_never_in_the_future() {
    let mut followed = Followed::new(tempfile::tempdir().unwrap()).await;
    let other = followed.elsewhere();
    followed.clock.set(NOW + time::Duration::seconds(2));
    let before = Instant::now();
    revoke(&other, 1, NOW).await;
    let (_, decided_at) = followed.next().await;
    assert!(decided_at + std::time::Duration::from_secs(2) >= before);
    assert!(decided_at + std::time::Duration::from_secs(2) <= Instant::now());
    revoke(&other, 2, NOW + time::Duration::HOUR).await;
    let (_, decided_at) = followed.next().await;
    assert!(before <= decided_at && decided_at <= Instant::now());
}

#[tokio::test]
async fn what_was_recorded_while_the_ledger_failed_is_told_when_it_works_again() {
    let mut followed = Followed::new(tempfile::tempdir().unwrap()).await;
    let other = followed.elsewhere();
    let id = issue(&other, 7).await;
    let hand = rusqlite::Connection::open(followed.folder.path().join("ledger.db")).unwrap();
    hand.execute_batch(
        "ALTER TABLE certificates RENAME TO away; UPDATE revision SET revision = revision + 1",
    )
    .unwrap();
    while followed.pulse.failing_since().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(followed.pulse.failing_since(), Some(NOW));
    hand.execute_batch("ALTER TABLE away RENAME TO certificates").unwrap();
    other.revoke(id, RevocationReason::Superseded, NOW).await.unwrap();
    assert_eq!(followed.next().await.0, [7]);
    while followed.pulse.failing_since().is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_ledger_that_was_replaced_is_not_followed_and_says_so() {
    let followed = Followed::new(tempfile::tempdir().unwrap()).await;
    let copy = tempfile::tempdir().unwrap();
    open(copy.path()).close().await.unwrap();
    std::fs::rename(copy.path().join("ledger.db"), followed.folder.path().join("ledger.db")).unwrap();
    while followed.pulse.failing_since().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(followed.pulse.failing_since(), Some(NOW));
}

#[tokio::test]
async fn following_ends_with_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()));
    let clock = Arc::new(TestClock::at(NOW));
    let following =
        Following::begin(Arc::<SqliteLedger>::clone(&ledger), clock, memory(folder.path()), |_| {})
            .await
            .unwrap();
    let task = tokio::spawn(following.follow(|_, _| {}));
    ledger.close().await.unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_not_begun_with() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()));
    ledger.close().await.unwrap();
    let begun = Following::begin(ledger, Arc::new(TestClock::at(NOW)), memory(folder.path()), |_| {}).await;
    assert!(begun.unwrap_err().to_string().contains("the ledger is closed"));
}

/// A ledger as it was, to be put back later.
async fn backup(folder: &Path) -> std::path::PathBuf {
    let backup = folder.join("backup.db");
    let hand = rusqlite::Connection::open(folder.join("ledger.db")).unwrap();
    hand.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    backup
}

/// Puts a backup in the place of the ledger, as an operator does while the node is stopped.
fn restore(folder: &Path, backup: &Path) {
    for name in ["ledger.db-wal", "ledger.db-shm"] {
        std::fs::remove_file(folder.join(name)).ok();
    }
    std::fs::rename(backup, folder.join("ledger.db")).unwrap();
}

/// The state of a certificate and how many denials there are.
async fn state(ledger: &SqliteLedger, n: u8) -> Option<State> {
    let id = CertificateId { issuer: Pin::of_spki(b"issuer"), serial: Serial::from_bytes(&[n]) };
    ledger.certificate(id).await.unwrap().map(|record| record.state)
}

#[tokio::test]
async fn a_ledger_from_a_backup_is_told_again_what_it_has_lost_and_nothing_is_let_in_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    revoke(&first, 1, NOW).await;
    issue(&first, 2).await;
    let backup = backup(folder.path()).await;
    first.close().await.unwrap();
    let mut followed = Followed::new(folder).await;
    let other = followed.elsewhere();
    let id = CertificateId { issuer: Pin::of_spki(b"issuer"), serial: Serial::from_bytes(&[2]) };
    other.revoke(id.clone(), RevocationReason::KeyCompromise, NOW).await.unwrap();
    assert_eq!(followed.next().await.0, [2]);
    // Issued and revoked after the backup was made.
    revoke(&other, 3, NOW).await;
    assert_eq!(followed.next().await.0, [3]);
    for _ in 0..5 {
        other.next_crl_number(id.issuer).await.unwrap();
    }
    let folder = followed.stop().await;
    other.close().await.unwrap();
    restore(folder.path(), &backup);
    let followed = Followed::new(folder).await;
    assert_eq!(followed.at_first, [1, 2, 3], "what the ledger has lost is refused before it is handed back");
    let other = followed.elsewhere();
    while other.revocations(0, 0).await.unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!((state(&other, 2).await, state(&other, 3).await), (Some(State::Revoked), None));
    let back = other.certificate(id.clone()).await.unwrap().unwrap().revoked.unwrap();
    assert_eq!((back.at, back.reason), (NOW, RevocationReason::KeyCompromise));
    let filter = AuditFilter { kind: Some(AuditKind::Revoke), ..AuditFilter::default() };
    while other.audit_events(filter.clone()).await.unwrap().entries.len() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn numbers_of_lists_go_on_above_those_that_were_published() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Pin::of_spki(b"issuer");
    let first = open(folder.path());
    for _ in 0..7 {
        first.next_crl_number(issuer).await.unwrap();
    }
    let folder = Followed::new(folder).await.stop().await;
    first.close().await.unwrap();
    let hand = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    hand.execute("UPDATE crl_numbers SET number = 2", []).unwrap();
    let followed = Followed::new(folder).await;
    assert!(followed.elsewhere().next_crl_number(issuer).await.unwrap() > 7);
}

#[tokio::test]
async fn another_ledger_is_handed_what_the_one_before_said() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    revoke(&first, 1, NOW).await;
    let folder = Followed::new(folder).await.stop().await;
    first.close().await.unwrap();
    std::fs::remove_file(folder.path().join("ledger.db")).unwrap();
    let followed = Followed::new(folder).await;
    assert_eq!(followed.at_first, [1]);
    let other = followed.elsewhere();
    while other.revocations(0, 0).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_ledger_that_comes_back_from_the_past_under_a_running_node_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    revoke(&first, 1, NOW).await;
    let mut followed = Followed::new(folder).await;
    revoke(&first, 2, NOW).await;
    assert_eq!(followed.next().await.0, [2]);
    // As a server does that is restored behind its clients' backs: the record is older, and goes on from there.
    let hand = rusqlite::Connection::open(followed.folder.path().join("ledger.db")).unwrap();
    hand.execute_batch(
        "UPDATE certificates SET state = 'issued', revoked_at = NULL, revocation_reason = NULL, revision = 5
           WHERE serial = '02';
         UPDATE revision SET revision = 5",
    )
    .unwrap();
    revoke(&first, 9, NOW).await;
    while !followed.next().await.0.contains(&9) {}
    while state(&first, 2).await != Some(State::Revoked) {
        tokio::task::yield_now().await;
    }
}
