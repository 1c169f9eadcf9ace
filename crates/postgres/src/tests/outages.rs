//! The server goes away, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{Ledger, LedgerError};
use testkit::Postgres;

use super::{NOW, REASON, draft, issued, once_back, spec};
use crate::{PostgresLedger, doubt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_the_server_every_verb_works_again_and_nothing_is_lost() {
    let server = Arc::new(Postgres::start());
    let ledger = PostgresLedger::open(spec(&server, "countersign")).await.unwrap();
    let id = issued(&ledger, 1).await;
    let lock = ledger.lock("rotation").await.unwrap().unwrap();
    let before = ledger.revision().await.unwrap();
    ledger.changed(0).await.unwrap();

    let stopping = Arc::clone(&server);
    let (waiting, ()) = tokio::join!(ledger.changed(before), async {
        tokio::task::spawn_blocking(move || stopping.crash()).await.unwrap();
    });
    assert!(matches!(waiting, Err(LedgerError::Away(_))), "{waiting:?}");
    lock.lost().await;
    assert!(!lock.is_held());
    assert!(matches!(ledger.record(draft(2)).await, Err(LedgerError::Away(_))));
    assert!(matches!(ledger.revision().await, Err(LedgerError::Away(_))));
    assert!(matches!(ledger.lock("rotation").await, Err(LedgerError::Away(_))));

    server.resume();
    let revoked = once_back(|| ledger.revoke(id.clone(), REASON, NOW)).await;
    assert!(!revoked.already);
    assert_eq!(once_back(|| ledger.changed(before)).await, revoked.record.revision);
    assert_eq!(once_back(|| ledger.revocations(before, 0)).await, vec![revoked.record]);
    assert_eq!(once_back(|| ledger.certificate(draft(2).id())).await, None);
    assert!(ledger.lock("rotation").await.unwrap().is_some());
}

/// A crash under load: what was answered is there, and what was not is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_when_the_server_crashed_is_on_record_and_nothing_else_is() {
    let server = Arc::new(Postgres::start());
    let ledger = Arc::new(PostgresLedger::open(spec(&server, "countersign")).await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let mut writing = tokio::task::JoinSet::new();
    for caller in 0..8_u32 {
        let (ledger, over) = (Arc::clone(&ledger), Arc::clone(&over));
        writing.spawn(async move {
            let mut answers = Vec::new();
            // A commit that was cut off and took effect is answered as such, and its caller goes on.
            while !over.load(Ordering::Acquire) && answers.last().is_none_or(Result::is_ok) {
                let n = u32::try_from(answers.len()).unwrap();
                answers.push(ledger.record(draft(caller * 1_000_000 + n)).await);
            }
            (caller, answers)
        });
    }
    let begun = async || match ledger.revision().await {
        Ok(0..40) => Err(LedgerError::Away("it has only begun".into())),
        other => other,
    };
    once_back(begun).await;
    let crashing = Arc::clone(&server);
    tokio::task::spawn_blocking(move || {
        crashing.crash();
        crashing.resume();
    })
    .await
    .unwrap();
    over.store(true, Ordering::Release);
    for (caller, answers) in writing.join_all().await {
        for (n, answer) in (0..).zip(answers) {
            let id = draft(caller * 1_000_000 + n).id();
            let found = once_back(|| ledger.certificate(id.clone())).await.is_some();
            assert_eq!(found, answer.is_ok(), "{caller} {n} {answer:?}");
            assert!(matches!(answer, Ok(()) | Err(LedgerError::Away(_))), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn the_server_is_asked_what_became_of_a_commit_that_was_cut_off() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    let transaction = |end: &str| {
        let said = server.sql(&database, &format!("BEGIN; SELECT pg_current_xact_id(); {end}"));
        said.trim().to_owned()
    };
    let resolved =
        async |transaction: &str| doubt::resolve(&ledger.writing, transaction, "cut off".into()).await;
    assert_eq!(resolved(&transaction("COMMIT;")).await, Ok(()));
    assert_eq!(resolved(&transaction("ROLLBACK;")).await, Err(LedgerError::Away("cut off".into())));
    assert_eq!(resolved("99999999999").await, Err(LedgerError::InDoubt("cut off".into())));
}

#[tokio::test]
async fn a_connection_that_the_administrator_ended_is_opened_again() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    let id = issued(&ledger, 1).await;
    server.sql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
    );
    let revoked = once_back(|| ledger.revoke(id.clone(), REASON, NOW)).await;
    assert_eq!(once_back(|| ledger.changed(revoked.record.revision - 1)).await, revoked.record.revision);
    assert_eq!(once_back(|| ledger.revocations(0, 0)).await.len(), 1);
}
