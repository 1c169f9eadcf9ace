//! What is promised of locks.

use std::time::Duration;

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::lock::Lock;

/// While somebody holds a lock nobody else gets it; another lock has nothing to do with it; a closed ledger gives none.
pub async fn a_lock_is_held_by_one_at_a_time(ledger: &dyn Ledger) {
    let held = ledger.lock("rotation").await.expect("asked").expect("free");
    assert!(held.is_held());
    assert!(ledger.lock("rotation").await.expect("asked").is_none());
    let other = ledger.lock("rotation-2").await.expect("asked").expect("free");
    assert!(held.is_held() && other.is_held());
    ledger.close().await.expect("closed");
    assert_eq!(ledger.lock("rotation-3").await.err(), Some(LedgerError::Closed));
}

/// Who lets go of a lock lets the next one have it.
pub async fn a_lock_that_was_let_go_can_be_taken_again(ledger: &dyn Ledger) {
    for _ in 0..3 {
        drop(taken(ledger).await);
    }
}

/// A server may take a moment to notice that the lock was let go.
async fn taken(ledger: &dyn Ledger) -> Lock {
    for _ in 0..1000 {
        if let Some(lock) = ledger.lock("rotation").await.expect("asked") {
            return lock;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let last = ledger.lock("rotation").await.expect("asked");
    last.expect("the lock was let go, and nobody can take it")
}
