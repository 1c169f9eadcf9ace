use std::path::Path;
use std::sync::Arc;

use identity::{Pin, RecordedRevocation, RevocationReason, Serial};
use ledger::{CertificateId, DraftRecord, IssuerName, Ledger, SqliteLedger};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use transport::TestClock;

use super::{Following, Pulse};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);

/// A ledger that is followed, and what has been told of it.
struct Followed {
    folder: TempDir,
    clock: TestClock,
    at_first: Vec<u8>,
    told: UnboundedReceiver<(Vec<RecordedRevocation>, Instant)>,
    pulse: Pulse,
}

impl Followed {
    async fn new(folder: TempDir) -> Self {
        let clock = TestClock::at(NOW);
        let ledger: Arc<dyn Ledger> = Arc::new(open(folder.path()));
        let mut at_first = Vec::new();
        let following =
            Following::begin(ledger, Arc::new(clock.clone()), |new| at_first.extend(serials(&new)));
        let following = following.await.unwrap();
        let (sender, told) = unbounded_channel();
        let pulse = following.pulse();
        let tell = move |new, decided_at| drop(sender.send((new, decided_at)));
        tokio::spawn(following.follow(tell));
        Self { folder, clock, at_first, told, pulse }
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
    let following = Following::begin(Arc::<SqliteLedger>::clone(&ledger), clock, |_| {}).await.unwrap();
    let task = tokio::spawn(following.follow(|_, _| {}));
    ledger.close().await.unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_not_begun_with() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()));
    ledger.close().await.unwrap();
    let begun = Following::begin(ledger, Arc::new(TestClock::at(NOW)), |_| {}).await;
    assert!(begun.unwrap_err().to_string().contains("the ledger is closed"));
}
