//! Several nodes, one ledger.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::{CertificateFilter, Ledger};
use testkit::Postgres;

use super::{NOW, REASON, draft, issued, spec};
use crate::PostgresLedger;

/// The same database, opened twice.
async fn two(server: &Postgres) -> (PostgresLedger, PostgresLedger) {
    let database = server.database();
    let (one, other) = tokio::join!(
        PostgresLedger::open(spec(server, &database)),
        PostgresLedger::open(spec(server, &database))
    );
    (one.unwrap(), other.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_on_an_empty_database_all_start() {
    let server = Postgres::shared();
    let database = server.database();
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..6 {
        starting.spawn(PostgresLedger::open(spec(server, &database)));
    }
    let started = starting.join_all().await;
    assert!(started.iter().all(Result::is_ok), "{started:?}");
    assert_eq!(server.sql(&database, "SELECT count(*) FROM countersign.revision"), "1");
}

#[tokio::test]
async fn what_another_node_revokes_is_heard_and_found() {
    let (one, other) = two(Postgres::shared()).await;
    let id = issued(&one, 1).await;
    let before = one.revision().await.unwrap();
    let (heard, revoked) = tokio::join!(one.changed(before), other.revoke(id.clone(), REASON, NOW));
    let record = revoked.unwrap().record;
    assert_eq!(heard, Ok(record.revision));
    assert_eq!(one.revocations(before, 0).await, Ok(vec![record]));
    assert_eq!(one.next_crl_number(id.issuer).await, Ok(1));
    assert_eq!(other.next_crl_number(id.issuer).await, Ok(2));
}

/// A notification may be lost (somebody else's listening connection is not ours to trust), and a false one may come.
#[tokio::test]
async fn a_notification_is_a_reason_to_look_and_never_believed() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    let id = issued(&ledger, 1).await;
    let before = ledger.revision().await.unwrap();
    server.sql(&database, "NOTIFY countersign, '999999'");
    // As another node would have written it, had its notification been lost.
    server.sql(&database, "UPDATE countersign.revision SET revision = revision + 1");
    assert_eq!(ledger.changed(before).await, Ok(before + 1));
    assert_eq!(ledger.revoke(id, REASON, NOW).await.unwrap().record.revision, before + 2);
}

/// Whoever follows by "what is behind the last that I saw" must miss nothing, whoever commits when.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sees_every_revocation_once_and_in_order_while_two_nodes_write() {
    const EACH: u32 = 60;
    let server = Postgres::shared();
    let (one, other) = two(server).await;
    let (one, other) = (Arc::new(one), Arc::new(other));
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..2 * EACH {
        let ledger = Arc::clone(if n % 2 == 0 { &one } else { &other });
        writing.spawn(async move {
            let id = issued(&ledger, n).await;
            ledger.revoke(id, REASON, NOW).await.unwrap();
        });
    }
    let (mut seen, mut told) = (BTreeSet::new(), 0);
    while seen.len() < 2 * EACH as usize {
        let heard = one.changed(told).await.unwrap();
        let page = one.revocations(told, 7).await.unwrap();
        for record in &page {
            assert!(record.revision > told, "{} after {told}", record.revision);
            told = record.revision;
            assert!(seen.insert(record.serial.to_string()));
        }
        if page.is_empty() {
            one.changed(heard).await.unwrap();
        }
    }
    writing.join_all().await;
    assert_eq!(
        one.certificates(CertificateFilter { limit: 1000, ..Default::default() })
            .await
            .unwrap()
            .entries
            .len(),
        120
    );
    assert_eq!(one.revision().await.unwrap(), u64::from(6 * EACH));
}

#[tokio::test]
async fn a_lock_is_held_by_one_node_at_a_time() {
    let (one, other) = two(Postgres::shared()).await;
    let held = one.lock("rotation").await.unwrap().unwrap();
    assert!(other.lock("rotation").await.unwrap().is_none());
    drop(held);
    for _ in 0..1000 {
        if let Some(lock) = other.lock("rotation").await.unwrap() {
            assert!(lock.is_held() && one.lock("rotation").await.unwrap().is_none());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the lock was let go, and the other node cannot take it");
}

#[tokio::test]
async fn a_serial_that_two_nodes_draw_is_recorded_for_one_of_them() {
    let (one, other) = two(Postgres::shared()).await;
    let (first, second) = tokio::join!(one.record(draft(1)), other.record(draft(1)));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}
