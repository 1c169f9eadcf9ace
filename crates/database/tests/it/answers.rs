//! What a statement answers.

use countersign_database::{Limits, Reach, RunError};
use serde_json::json;

use crate::support::{Stand, in_memory, request, run, rw, rw_fails, sql};

#[tokio::test]
async fn the_first_statement_of_the_manual_answers_to_the_letter() {
    let stand = Stand::new();
    let body = stand.db.run(Reach::ReadOnly, sql("SELECT 1"), &Limits::default()).await.unwrap();
    assert_eq!(body, b"{\"columns\":[\"1\"],\"rows\":[[1]],\"rows_affected\":0,\"last_insert_id\":0}\n");
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was_stored() {
    let stand = Stand::with(&["CREATE TABLE t (id INTEGER PRIMARY KEY, v)"]).await;
    let values = r#"[9223372036854775807,-9223372036854775808,100.0,1e300,0.1,"a\u0000b","é\"\\",{"base64":"AP8="},{"base64":""},null,true,false]"#;
    let count = 12;
    let marks = vec!["(?)"; count].join(",");
    let body = format!(r#"{{"sql":"INSERT INTO t (v) VALUES {marks}","args":{values}}}"#);
    let answer = run(&stand.db, Reach::ReadWrite, request(&body)).await.unwrap();
    assert_eq!((&answer["rows_affected"], &answer["last_insert_id"]), (&json!(12), &json!(12)));
    for _ in 0..3 {
        // Once by a reader, then by the express lane.
        let request = sql("SELECT v FROM t ORDER BY id");
        let body = stand.db.run(Reach::ReadOnly, request, &Limits::default()).await.unwrap();
        let text = String::from_utf8(body).unwrap();
        let rows = r#""rows":[[9223372036854775807],[-9223372036854775808],[100.0],[1e300],[0.1],["a\u0000b"],["é\"\\"],[{"base64":"AP8="}],[{"base64":""}],[null],[1],[0]]"#;
        // The exponent's sign is the writer's choice.
        assert!(text.replace("1e+300", "1e300").contains(rows), "{text}");
    }
}

#[tokio::test]
async fn nan_and_the_infinities_are_null_and_text_that_is_not_utf8_stays_json() {
    let stand = Stand::new();
    let answer = rw(&stand.db, "SELECT 9e999, -9e999, 9e999 - 9e999, CAST(x'61ff62' AS TEXT)").await;
    assert_eq!(answer["rows"], json!([[null, null, null, "a\u{fffd}b"]]));
}

#[tokio::test]
async fn arguments_are_bound_by_place_and_by_name() {
    let stand = Stand::new();
    let cases = [
        (r#"{"sql":"SELECT ?, ?2, ?1","args":[1,"b"]}"#, json!([[1, "b", 1]])),
        (r#"{"sql":"SELECT :a, @b, $c, :a","args":{":a":1,"b":2,"$c":3}}"#, json!([[1, 2, 3, 1]])),
        (r#"{"sql":"SELECT :a, :b","args":["x","y"]}"#, json!([["x", "y"]])),
    ];
    for (body, rows) in cases {
        for _ in 0..3 {
            assert_eq!(run(&stand.db, Reach::ReadOnly, request(body)).await.unwrap()["rows"], rows, "{body}");
        }
    }
    let wrong = [
        (r#"{"sql":"SELECT ?, ?","args":[1]}"#, "2 parameters"),
        (r#"{"sql":"SELECT ?","args":[1,2]}"#, "1 parameters"),
        (r#"{"sql":"SELECT :a","args":{"b":1}}"#, "no argument for parameter :a"),
        (r#"{"sql":"SELECT :a","args":{"a":1,"b":1}}"#, "no parameter \"b\""),
        (r#"{"sql":"SELECT ?","args":{"a":1}}"#, "has no name"),
    ];
    for (body, part) in wrong {
        let error = rw_fails(&stand.db, body).await;
        assert!(error.message.contains(part), "{body}: {}", error.message);
        assert_eq!(error.code, 25);
    }
}

#[tokio::test]
async fn an_error_carries_sqlites_words_and_codes() {
    let stand = Stand::with(&["CREATE TABLE t (a UNIQUE)", "INSERT INTO t VALUES (1)"]).await;
    let error = rw_fails(&stand.db, r#"{"sql":"SELEC 1"}"#).await;
    assert_eq!((error.code, error.extended_code, error.failed_index), (1, 1, None));
    assert!(error.message.contains("syntax error"), "{}", error.message);
    let error = rw_fails(&stand.db, r#"{"sql":"INSERT INTO t VALUES (1)"}"#).await;
    assert_eq!((error.code, error.extended_code), (19, 2067));
    assert_eq!(error.message, "UNIQUE constraint failed: t.a");
    let error = rw_fails(&stand.db, r#"{"sql":"SELECT * FROM absent"}"#).await;
    assert_eq!(error.message, "no such table: absent");
}

#[tokio::test]
async fn a_batch_is_one_transaction_and_names_the_statement_that_failed() {
    let stand = Stand::with(&["CREATE TABLE t (a UNIQUE)"]).await;
    let good = r#"{"statements":[{"sql":"INSERT INTO t VALUES (?)","args":[1]},{"sql":"SELECT a FROM t"},{"sql":"INSERT INTO t VALUES (2) RETURNING a"}]}"#;
    let answer = run(&stand.db, Reach::ReadWrite, request(good)).await.unwrap();
    assert_eq!(answer["results"][1]["rows"], json!([[1]]));
    assert_eq!(answer["results"][2]["rows"], json!([[2]]));
    assert_eq!(answer["results"][2]["rows_affected"], 1);
    let bad = r#"{"statements":[{"sql":"INSERT INTO t VALUES (3)"},{"sql":"INSERT INTO t VALUES (1)"},{"sql":"SELECT 1"}]}"#;
    assert_eq!(rw_fails(&stand.db, bad).await.failed_index, Some(1));
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[2]]));
    let reads = r#"{"statements":[{"sql":"SELECT 1"},{"sql":"SELECT * FROM absent"}]}"#;
    assert_eq!(rw_fails(&stand.db, reads).await.failed_index, Some(1));
    // A schema made by the batch is there for its own later statements.
    let ddl = r#"{"statements":[{"sql":"CREATE TABLE u (x)"},{"sql":"INSERT INTO u VALUES (1)"},{"sql":"SELECT x FROM u"}]}"#;
    assert_eq!(
        run(&stand.db, Reach::ReadWrite, request(ddl)).await.unwrap()["results"][2]["rows"],
        json!([[1]])
    );
}

#[tokio::test]
async fn nothing_is_told_that_another_statement_left_behind() {
    let stand =
        Stand::with(&["CREATE TABLE t (id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (77, 0)"]).await;
    for (text, rows, id) in [
        ("UPDATE t SET v = 1", 1, 0),
        ("INSERT INTO t VALUES (77, 2) ON CONFLICT (id) DO NOTHING", 0, 0),
        ("INSERT INTO t VALUES (77, 2) ON CONFLICT (id) DO UPDATE SET v = 3", 1, 0),
        ("INSERT INTO t VALUES (78, 2)", 1, 78),
        ("CREATE TABLE u (x)", 0, 0),
        ("DELETE FROM t WHERE id = 78", 1, 0),
        ("CREATE TABLE w AS SELECT * FROM t", 0, 0),
        ("DELETE FROM t", 1, 0),
    ] {
        let answer = rw(&stand.db, text).await;
        assert_eq!(
            (&answer["rows_affected"], &answer["last_insert_id"]),
            (&json!(rows), &json!(id)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn one_text_is_one_statement_and_comments_are_none() {
    let stand = Stand::with(&["CREATE TABLE t (a)"]).await;
    for text in [
        "SELECT 1; SELECT 2",
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        "SELECT 1; DELETE FROM t",
    ] {
        let error = run(&stand.db, Reach::ReadWrite, sql(text)).await.unwrap_err();
        assert!(
            matches!(&error, RunError::Sql(error) if error.message.contains("only one statement")),
            "{text}: {error}"
        );
    }
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[0]]));
    for text in ["-- nothing", " ", "/* */ ;", "SELECT 1; -- the end", ";;SELECT 1;;"] {
        let answer = rw(&stand.db, text).await;
        assert_eq!(answer["rows_affected"], 0, "{text}");
    }
}

#[tokio::test]
async fn transaction_control_is_refused_with_the_way_to_do_it() {
    let stand = Stand::with(&["CREATE TABLE t (a)"]).await;
    for round in 0..2 {
        for text in [
            "BEGIN",
            "BEGIN IMMEDIATE",
            "COMMIT",
            "END",
            "ROLLBACK",
            "SAVEPOINT request",
            "RELEASE request",
            "ROLLBACK TO request",
        ] {
            for reach in [Reach::ReadOnly, Reach::ReadWrite] {
                let batch = request(
                    &json!({"statements":[{"sql":"INSERT INTO t VALUES (1)"},{"sql":text}]}).to_string(),
                );
                let error = run(&stand.db, reach, sql(text)).await.unwrap_err();
                assert!(
                    matches!(&error, RunError::Sql(error) if error.code == 23 && error.message.contains("'statements'")),
                    "{round} {text}: {error:?}"
                );
                assert!(run(&stand.db, reach, batch).await.is_err(), "{text}");
            }
        }
    }
    assert_eq!(rw(&stand.db, "SELECT count(*) FROM t").await["rows"], json!([[0]]));
}

#[tokio::test]
async fn a_schema_change_is_seen_by_statements_kept_compiled() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    for _ in 0..3 {
        assert_eq!(rw(&stand.db, "SELECT * FROM t").await["columns"], json!(["a"]));
    }
    rw(&stand.db, "ALTER TABLE t ADD COLUMN b DEFAULT 2").await;
    for _ in 0..3 {
        let answer = rw(&stand.db, "SELECT * FROM t").await;
        assert_eq!((&answer["columns"], &answer["rows"]), (&json!(["a", "b"]), &json!([[1, 2]])));
    }
    rw(&stand.db, "DROP TABLE t").await;
    assert_eq!(rw_fails(&stand.db, r#"{"sql":"SELECT * FROM t"}"#).await.message, "no such table: t");
}

#[tokio::test]
async fn a_database_in_memory_answers_as_one_on_disk() {
    let db = in_memory();
    rw(&db, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)").await;
    for n in 1..=50 {
        assert_eq!(rw(&db, "INSERT INTO t (v) VALUES ('x')").await["last_insert_id"], n);
        assert_eq!(rw(&db, "SELECT max(id) FROM t").await["rows"], json!([[n]]));
        assert_eq!(rw(&db, "SELECT id FROM t ORDER BY id DESC LIMIT 1").await["rows"], json!([[n]]));
    }
    assert_eq!(run(&db, Reach::ReadOnly, sql("DELETE FROM t")).await, Err(RunError::ReadOnly));
    rw(&db, "VACUUM").await;
    // Another database in memory is another database.
    assert_eq!(rw_fails(&in_memory(), r#"{"sql":"SELECT * FROM t"}"#).await.message, "no such table: t");
    db.close().await;
}

#[tokio::test]
async fn a_writer_may_define_index_search_and_clean_up() {
    let stand = Stand::new();
    for text in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
        "CREATE TABLE log (n)",
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END",
        "CREATE VIEW w AS SELECT v FROM t",
        "CREATE INDEX i ON t (v)",
        "INSERT INTO t (v) VALUES ('a'), ('b')",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "INSERT INTO f VALUES ('mutual trust'), ('none')",
        "INSERT INTO f(f) VALUES ('optimize')",
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
        "INSERT INTO r VALUES (1, 0, 1)",
        "ALTER TABLE t RENAME COLUMN v TO w",
        "ALTER TABLE log RENAME TO journal",
        "ALTER TABLE t ADD COLUMN z",
        "ALTER TABLE t DROP COLUMN z",
        "REINDEX",
        "ANALYZE",
        "PRAGMA user_version = 7",
        "PRAGMA optimize",
        "VACUUM",
        "vacuum main",
    ] {
        rw(&stand.db, text).await;
    }
    assert_eq!(
        rw(&stand.db, "SELECT x FROM f WHERE f MATCH 'trust'").await["rows"],
        json!([["mutual trust"]])
    );
    assert_eq!(rw(&stand.db, "SELECT n FROM journal").await["rows"], json!([[1], [2]]));
    assert_eq!(rw(&stand.db, "PRAGMA user_version").await["rows"], json!([[7]]));
    assert_eq!(rw(&stand.db, "PRAGMA journal_mode").await["rows"], json!([["wal"]]));
    assert_eq!(rw(&stand.db, "PRAGMA foreign_keys").await["rows"], json!([[1]]));
    assert_eq!(rw(&stand.db, "PRAGMA integrity_check").await["rows"], json!([["ok"]]));
}
