//! Many clients at once: they share commits and never see each other's troubles.

use std::sync::Arc;
use std::time::Duration;

use countersign_database::{Limits, Reach, RunError};
use serde_json::json;

use crate::support::{Stand, in_memory, request, run, rw, sql};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_share_commits() {
    let stand = Stand::with(&["CREATE TABLE t (id INTEGER PRIMARY KEY, who, n)"]).await;
    let before = stand.db.commits();
    let writers: Vec<_> = (0..64)
        .map(|who| {
            let db = Arc::clone(&stand.db);
            tokio::spawn(async move {
                for n in 0..20 {
                    let body =
                        json!({"sql": "INSERT INTO t (who, n) VALUES (?, ?)", "args": [who, n]}).to_string();
                    let answer = run(&db, Reach::ReadWrite, request(&body)).await.unwrap();
                    let id = answer["last_insert_id"].as_i64().unwrap();
                    // What has been answered is there, for everybody.
                    let body = json!({"sql": "SELECT who, n FROM t WHERE id = ?", "args": [id]}).to_string();
                    let read = run(&db, Reach::ReadOnly, request(&body)).await.unwrap();
                    assert_eq!(read["rows"], json!([[who, n]]));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(
        rw(&stand.db, "SELECT count(*), count(DISTINCT who * 100 + n) FROM t").await["rows"],
        json!([[1280, 1280]])
    );
    let commits = stand.db.commits() - before;
    assert!(commits < 640, "{commits} commits for 1280 writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_fails_takes_no_other_with_it() {
    let stand = Stand::with(&["CREATE TABLE t (id INTEGER PRIMARY KEY, v CHECK (v >= 0))"]).await;
    let tasks: Vec<_> = (0..200_i64)
        .map(|n| {
            let db = Arc::clone(&stand.db);
            tokio::spawn(async move {
                let text = match n % 5 {
                    0 => format!("INSERT INTO t VALUES ({n}, -1)"),
                    1 => format!("INSERT OR ROLLBACK INTO t VALUES ({n}, -1)"),
                    _ => format!("INSERT INTO t VALUES ({n}, {n})"),
                };
                (n, run(&db, Reach::ReadWrite, sql(&text)).await)
            })
        })
        .collect();
    for task in tasks {
        let (n, outcome) = task.await.unwrap();
        match outcome {
            Ok(answer) => assert_eq!((n % 5 > 1, &answer["last_insert_id"]), (true, &json!(n))),
            Err(RunError::Sql(error)) => assert_eq!((n % 5 < 2, error.code), (true, 19), "{n}: {error}"),
            Err(other) => panic!("{n}: {other}"),
        }
    }
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[120]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deferred_constraint_fails_its_own_request_at_the_commit() {
    let stand = Stand::with(&[
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    ])
    .await;
    let tasks: Vec<_> = (1..=90_i64)
        .map(|n| {
            let db = Arc::clone(&stand.db);
            tokio::spawn(async move {
                let body = match n % 3 {
                    0 => json!({"sql": format!("INSERT INTO child VALUES ({n}, {n})")}),
                    1 => json!({"statements": [
                        {"sql": format!("INSERT INTO child VALUES ({n}, {n})")},
                        {"sql": format!("INSERT INTO parent VALUES ({n})")},
                    ]}),
                    _ => json!({"sql": format!("INSERT INTO parent VALUES ({n})")}),
                };
                (n, run(&db, Reach::ReadWrite, request(&body.to_string())).await)
            })
        })
        .collect();
    for task in tasks {
        let (n, outcome) = task.await.unwrap();
        match outcome {
            Ok(_) => assert_ne!(n % 3, 0, "{n}"),
            Err(RunError::Sql(error)) => assert_eq!((n % 3, error.extended_code), (0, 787), "{n}"),
            Err(other) => panic!("{n}: {other}"),
        }
    }
    assert_eq!(
        rw(&stand.db, "SELECT (SELECT count(*) FROM parent), (SELECT count(*) FROM child)").await["rows"],
        json!([[60, 30]])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_run_beside_a_long_write() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    let db = Arc::clone(&stand.db);
    let long = tokio::spawn(async move {
        let text = "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2000000) SELECT n FROM c";
        run(&db, Reach::ReadWrite, sql(text)).await.unwrap()
    });
    let mut reads = 0;
    while !long.is_finished() {
        // A reader and the express lane see the state before the write, and wait for nobody.
        let count = rw(&stand.db, "SELECT count(*) FROM t").await["rows"][0][0].as_i64().unwrap();
        assert!(count == 1 || count == 2_000_001, "{count}");
        rw(&stand.db, "SELECT a FROM t LIMIT 1").await;
        reads += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(long.await.unwrap()["rows_affected"], 2_000_000);
    assert!(reads > 10, "{reads}");
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[2_000_001]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_write_does_not_keep_quick_ones_from_their_commit() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "CREATE TABLE slow (a)"]).await;
    let endless =
        "INSERT INTO slow WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
    let limits = Limits { statement_timeout: Duration::from_millis(700), ..Limits::default() };
    let mut tasks = Vec::new();
    for n in 0..40 {
        let (db, limits) = (Arc::clone(&stand.db), limits.clone());
        tasks.push(tokio::spawn(async move {
            let text = if n == 20 { endless.to_owned() } else { format!("INSERT INTO t VALUES ({n})") };
            (n, db.run(Reach::ReadWrite, sql(&text), &limits).await)
        }));
    }
    let mut done = 0;
    for task in tasks {
        match task.await.unwrap() {
            (20, outcome) => assert_eq!(outcome, Err(RunError::TimedOut)),
            (_, Ok(_)) => done += 1,
            // Those queued behind it waited as long as it ran.
            (_, Err(error)) => assert_eq!(error, RunError::TimedOut),
        }
    }
    assert_eq!(
        rw(&stand.db, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM slow)").await["rows"],
        json!([[done, 0]])
    );
    assert!(done > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn money_moved_by_many_is_never_lost() {
    let stand =
        Stand::with(&["CREATE TABLE account (id INTEGER PRIMARY KEY, cents CHECK (cents >= 0))"]).await;
    rw(&stand.db, "INSERT INTO account VALUES (0, 1000), (1, 1000), (2, 1000), (3, 1000)").await;
    let tasks: Vec<_> = (0..32_i64)
        .map(|who| {
            let db = Arc::clone(&stand.db);
            tokio::spawn(async move {
                for n in 0..30 {
                    let (from, to, sum) = (who % 4, (who + n) % 4, (who * 7 + n * 13) % 90);
                    let body = json!({"statements": [
                        {"sql": "UPDATE account SET cents = cents + ? WHERE id = ?", "args": [sum, to]},
                        {"sql": "UPDATE account SET cents = cents - ? WHERE id = ?", "args": [sum, from]},
                    ]});
                    // One that would overdraw is taken back, its first half too.
                    drop(run(&db, Reach::ReadWrite, request(&body.to_string())).await);
                    let total =
                        run(&db, Reach::ReadOnly, sql("SELECT sum(cents) FROM account")).await.unwrap();
                    assert_eq!(total["rows"], json!([[4000]]));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_is_moved_into_the_file_while_readers_and_writers_go_on() {
    let stand = Stand::with(&["CREATE TABLE t (id INTEGER PRIMARY KEY, b)"]).await;
    for n in 0..40 {
        // Each write fills more of the log than is left before it is moved.
        let text = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000) INSERT INTO t (b) SELECT randomblob(2000) FROM c";
        rw(&stand.db, text).await;
        let read = format!("SELECT id FROM t WHERE id = {}", n + 1);
        assert_eq!(rw(&stand.db, &read).await["rows"], json!([[n + 1]]));
    }
    let log = std::fs::metadata(stand.folder.path().join("app.db-wal")).unwrap().len();
    assert!(log < 16 << 20, "the log has grown to {log} bytes");
}

#[tokio::test]
async fn another_process_may_write_to_the_file_and_is_seen() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    let other = rusqlite::Connection::open(stand.path()).unwrap();
    for n in 2..20 {
        other.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        assert_eq!(rw(&stand.db, "SELECT a FROM t ORDER BY rowid DESC LIMIT 1").await["rows"], json!([[n]]));
        assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[n]]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory_many_readers_and_writers_take_turns_without_an_error() {
    let db = Arc::new(in_memory());
    rw(&db, "CREATE TABLE t (id INTEGER PRIMARY KEY, n)").await;
    let tasks: Vec<_> = (0..16)
        .map(|who| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                for n in 0..100 {
                    let id = rw(&db, &format!("INSERT INTO t (n) VALUES ({})", who * 100 + n)).await["last_insert_id"].clone();
                    let body = json!({"sql": "SELECT n FROM t WHERE id = ?", "args": [id]}).to_string();
                    let read = run(&db, Reach::ReadOnly, request(&body)).await.unwrap();
                    assert_eq!(read["rows"], json!([[who * 100 + n]]));
                    rw(&db, "SELECT count(*) FROM t").await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(rw(&db, "SELECT count(DISTINCT n) FROM t").await["rows"], json!([[1600]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_answers_every_write_that_was_taken() {
    let stand = Stand::with(&["CREATE TABLE t (n)"]).await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let db = Arc::clone(&stand.db);
            tokio::spawn(async move {
                run(&db, Reach::ReadWrite, sql(&format!("INSERT INTO t VALUES ({n})"))).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(2)).await;
    stand.db.close().await;
    let mut kept = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => assert_eq!(error, RunError::Unavailable),
        }
    }
    let file = rusqlite::Connection::open(stand.path()).unwrap();
    let rows: i64 = file.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, kept);
}
