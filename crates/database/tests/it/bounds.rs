//! Limits: rows, bytes, time, places.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_database::{Database, Limits, Reach, RunError};
use serde_json::{Value as Json, json};

use crate::support::{Stand, run, rw, sql};

const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";

fn quick() -> Limits {
    Limits { statement_timeout: Duration::from_millis(200), ..Limits::default() }
}

async fn limited(db: &Database, text: &str, limits: &Limits) -> Json {
    serde_json::from_slice(&db.run(Reach::ReadWrite, sql(text), limits).await.unwrap()).unwrap()
}

#[tokio::test]
async fn too_many_rows_are_cut_off_and_the_answer_says_so() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2), (3)"]).await;
    let limits = Limits { max_rows: 2, ..Limits::default() };
    for _ in 0..3 {
        let answer = limited(&stand.db, "SELECT a FROM t", &limits).await;
        assert_eq!((&answer["rows"], &answer["truncated"]), (&json!([[1], [2]]), &json!(true)));
    }
    let whole = limited(&stand.db, "SELECT a FROM t WHERE a < 3", &limits).await;
    assert_eq!((&whole["rows"], whole.get("truncated")), (&json!([[1], [2]]), None));
}

#[tokio::test]
async fn too_many_bytes_are_cut_off_by_whole_rows() {
    let stand = Stand::with(&[
        "CREATE TABLE t (a, b)",
        "INSERT INTO t VALUES (1, randomblob(300)), (2, randomblob(300)), (3, 1)",
    ])
    .await;
    let limits = Limits { max_result_bytes: 600, ..Limits::default() };
    for _ in 0..3 {
        let answer = limited(&stand.db, "SELECT a, b FROM t", &limits).await;
        assert_eq!((answer["rows"].as_array().unwrap().len(), &answer["truncated"]), (1, &json!(true)));
    }
}

#[tokio::test]
async fn a_write_whose_rows_are_cut_off_is_still_whole() {
    let stand = Stand::with(&["CREATE TABLE t (a)"]).await;
    let limits = Limits { max_rows: 2, ..Limits::default() };
    let answer = limited(&stand.db, "INSERT INTO t VALUES (1), (2), (3), (4) RETURNING a", &limits).await;
    assert_eq!(
        (&answer["rows"], &answer["truncated"], &answer["rows_affected"]),
        (&json!([[1], [2]]), &json!(true), &json!(4))
    );
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[4]]));
}

#[tokio::test]
async fn an_endless_read_is_interrupted_and_the_runtime_stays_responsive() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    let started = Instant::now();
    let db = Arc::clone(&stand.db);
    let endless = tokio::spawn(async move { db.run(Reach::ReadOnly, sql(ENDLESS), &quick()).await });
    let mut ticks = 0;
    while !endless.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        rw(&stand.db, "SELECT a FROM t").await;
        ticks += 1;
    }
    assert_eq!(endless.await.unwrap(), Err(RunError::TimedOut));
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
    assert!(ticks > 10, "{ticks}");
}

#[tokio::test]
async fn a_long_scan_leaves_the_express_lane_and_still_answers() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 20000) INSERT INTO t SELECT n FROM c"]).await;
    for _ in 0..3 {
        assert_eq!(rw(&stand.db, "SELECT a FROM t WHERE a = 20000").await["rows"], json!([[20000]]));
    }
    rw(&stand.db, "CREATE TABLE big (id INTEGER PRIMARY KEY, b)").await;
    rw(&stand.db, "INSERT INTO big VALUES (1, 1), (2, zeroblob(200000))").await;
    for id in [1, 1, 2, 2, 1] {
        let answer = rw(&stand.db, &format!("SELECT b FROM big WHERE id = {id} -- same")).await;
        assert_eq!(answer["rows"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_write_is_interrupted_and_leaves_nothing() {
    let stand = Stand::with(&["CREATE TABLE t (a)"]).await;
    let text =
        "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
    assert_eq!(stand.db.run(Reach::ReadWrite, sql(text), &quick()).await, Err(RunError::TimedOut));
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[0]]));
    assert_eq!(rw(&stand.db, "INSERT INTO t VALUES (1)").await["rows_affected"], 1);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_reader() {
    let stand = Stand::new();
    for _ in 0..8 {
        let limits = Limits::default();
        let abandoned = stand.db.run(Reach::ReadOnly, sql(ENDLESS), &limits);
        assert!(tokio::time::timeout(Duration::from_millis(20), abandoned).await.is_err());
    }
    // Two readers served eight endless statements: they are free again.
    let limits = quick();
    let answer = stand.db.run(Reach::ReadOnly, sql("SELECT count(*) FROM sqlite_schema"), &limits).await;
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn more_requests_than_places_are_told_that_it_is_busy() {
    let stand = Stand::new();
    let limits = Limits { max_concurrent: 1, ..quick() };
    let (db, first) = (Arc::clone(&stand.db), limits.clone());
    let endless = tokio::spawn(async move { db.run(Reach::ReadOnly, sql(ENDLESS), &first).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stand.db.run(Reach::ReadOnly, sql("SELECT 1"), &limits).await, Err(RunError::Busy));
    assert_eq!(endless.await.unwrap(), Err(RunError::TimedOut));
    assert!(stand.db.run(Reach::ReadOnly, sql("SELECT 1"), &limits).await.is_ok());
}

#[tokio::test]
async fn a_value_too_large_is_an_error_and_not_a_crash() {
    let stand = Stand::new();
    let error = run(&stand.db, Reach::ReadOnly, sql("SELECT zeroblob(900000000)")).await.unwrap_err();
    assert!(matches!(&error, RunError::Sql(error) if error.code == 18), "{error:?}");
}
