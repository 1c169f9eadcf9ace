//! Statements over HTTP, on a real PostgreSQL.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use access::Level;
use database::Limits;
use testkit::patience::{PATIENCE, wait_for};
use wire::sql::Request;

use super::{cause, role, server, spec};
use crate::upstream::{Identifies, NotAsked, SharedIdentity, Upstream, UpstreamSpec};

fn upstream() -> Arc<Upstream> {
    let database = server().database();
    server().sql(&database, "GRANT ALL ON SCHEMA public TO trusted");
    let shared = Identifies::Shared(SharedIdentity::default());
    Arc::new(Upstream::new(UpstreamSpec { database: database.into(), ..spec(server(), shared) }).unwrap())
}

/// The answer's body, or what came instead of it, in short.
async fn ask(upstream: &Arc<Upstream>, level: Level, limits: &Limits, body: &str) -> String {
    let request = Request::parse(body.as_bytes()).unwrap();
    match upstream.ask(Some("ann"), &role("trusted", level), &request, limits).await {
        Ok(body) => String::from_utf8(body).unwrap().trim_end().to_owned(),
        Err(NotAsked::Bad(what)) => format!("bad: {what}"),
        Err(NotAsked::NotPermitted(what)) => format!("not permitted: {what}"),
        Err(NotAsked::ReadOnly) => "read-only".to_owned(),
        Err(NotAsked::Sql(said, index)) => format!("{} at {index:?}: {}", said.sqlstate, said.message),
        Err(NotAsked::TimedOut) => "timed out".to_owned(),
        Err(NotAsked::Unreached(unreached)) => cause(unreached),
    }
}

async fn write(upstream: &Arc<Upstream>, body: &str) -> String {
    ask(upstream, Level::ReadWrite, &Limits::default(), body).await
}

fn rows(answer: &str) -> &str {
    let start = answer.find("\"rows\":").map_or(0, |at| at + 7);
    let end = answer.rfind(",\"rows_affected\"").unwrap_or(answer.len());
    &answer[start..end]
}

#[tokio::test]
async fn values_come_back_as_json_has_words_for_them() {
    let upstream = upstream();
    let answer = write(
        &upstream,
        r#"{"sql":"SELECT 1::int2 a, 9223372036854775807 b, 1.5::float8 c, 'NaN'::float8 d, true e, NULL f, 'é' g,
            1.10::numeric h, '\\x00ff'::bytea i, '{\"k\":[1,2]}'::jsonb j, '2026-11-26 12:00:00+00'::timestamptz AT TIME ZONE 'UTC' k,
            ARRAY[1,2] l, '1 day'::interval m"}"#.replace('\n', " ").as_str(),
    )
    .await;
    assert!(
        answer.starts_with(r#"{"columns":["a","b","c","d","e","f","g","h","i","j","k","l","m"],"#),
        "{answer}"
    );
    let expected = r#"[[1,9223372036854775807,1.5,null,true,null,"é","1.10",{"base64":"AP8="},{"k": [1, 2]},"2026-11-26 12:00:00","{1,2}","1 day"]]"#;
    assert_eq!(rows(&answer), expected);
}

#[tokio::test]
async fn arguments_take_the_types_of_what_they_stand_for() {
    let upstream = upstream();
    write(
        &upstream,
        r#"{"sql":"CREATE TABLE t (i int, f float8, b bool, x bytea, s text, j jsonb, n numeric, d date)"}"#,
    )
    .await;
    let insert = r#"{"sql":"INSERT INTO t VALUES ($1,$2,$3,$4,$5,$6,$7,$8)","args":[7,1e300,true,{"base64":"AP8="},"it's; --","{\"a\":1}","1.10","2026-11-26"]}"#;
    assert_eq!(
        write(&upstream, insert).await,
        r#"{"columns":[],"rows":[],"rows_affected":1,"last_insert_id":0}"#
    );
    let answer =
        write(&upstream, r#"{"sql":"SELECT * FROM t WHERE i = $1 AND s IS NOT NULL","args":[7]}"#).await;
    assert_eq!(
        rows(&answer),
        r#"[[7,1e+300,true,{"base64":"AP8="},"it's; --",{"a": 1},"1.10","2026-11-26"]]"#
    );
    let null = write(&upstream, r#"{"sql":"SELECT $1::int, $2::text","args":[null,"a\u0000b"]}"#).await;
    assert!(null.starts_with("22021"), "{null}");
    let named = write(&upstream, r#"{"sql":"SELECT :a","args":{":a":1}}"#).await;
    assert!(named.starts_with("bad: PostgreSQL knows parameters by number"), "{named}");
}

#[tokio::test]
async fn a_batch_is_one_transaction_and_names_the_statement_that_failed() {
    let upstream = upstream();
    let made = write(
        &upstream,
        r#"{"statements":[{"sql":"CREATE TABLE t (i int PRIMARY KEY)"},{"sql":"INSERT INTO t VALUES (1),(2)"},{"sql":"SELECT i FROM t"}]}"#,
    )
    .await;
    assert!(made.contains(r#""rows_affected":2"#) && made.contains("[[1],[2]]"), "{made}");
    let failed = r#"{"statements":[{"sql":"INSERT INTO t VALUES (3)"},{"sql":"INSERT INTO t VALUES (1)"}]}"#;
    let failed = write(&upstream, failed).await;
    assert!(failed.starts_with("23505 at Some(1): duplicate key"), "{failed}");
    assert_eq!(rows(&write(&upstream, r#"{"sql":"SELECT count(*) FROM t"}"#).await), "[[2]]");
    // A constraint that is looked at in the end is nobody's in particular.
    write(&upstream, r#"{"sql":"CREATE TABLE u (i int REFERENCES t DEFERRABLE INITIALLY DEFERRED)"}"#).await;
    let late = write(&upstream, r#"{"statements":[{"sql":"INSERT INTO u VALUES (9)"}]}"#).await;
    assert!(late.starts_with("23503 at None"), "{late}");
    for sql in ["COMMIT", "/* */ begin", "SAVEPOINT a"] {
        let control = write(&upstream, &format!(r#"{{"statements":[{{"sql":"{sql}"}}]}}"#)).await;
        assert!(control.starts_with("not permitted: transaction control"), "{control}");
    }
    let two = write(&upstream, r#"{"sql":"SELECT 1; COMMIT"}"#).await;
    assert!(two.starts_with("42601"), "{two}");
}

#[tokio::test]
async fn what_may_only_read_does_not_write_whatever_it_sets_before() {
    let upstream = upstream();
    write(&upstream, r#"{"sql":"CREATE TABLE t (i int)"}"#).await;
    let limits = Limits::default();
    let read = |body| ask(&upstream, Level::ReadOnly, &limits, body);
    assert_eq!(rows(&read(r#"{"sql":"SELECT count(*) FROM t"}"#).await), "[[0]]");
    assert_eq!(read(r#"{"sql":"INSERT INTO t VALUES (1)"}"#).await, "read-only");
    let set = r#"{"statements":[{"sql":"SET TRANSACTION READ WRITE"},{"sql":"INSERT INTO t VALUES (1)"}]}"#;
    let set = read(set).await;
    assert!(set.starts_with("25001 at Some(0)") || set == "read-only", "{set}");
    let session = r#"{"statements":[{"sql":"SET SESSION default_transaction_read_only = off"},{"sql":"INSERT INTO t VALUES (1)"}]}"#;
    assert_eq!(read(session).await, "read-only");
    assert_eq!(
        read(r#"{"sql":"SET default_transaction_read_only = off"}"#).await,
        r#"{"columns":[],"rows":[],"rows_affected":0,"last_insert_id":0}"#
    );
    assert_eq!(read(r#"{"sql":"INSERT INTO t VALUES (1)"}"#).await, "read-only");
}

#[tokio::test]
async fn rows_beyond_the_limits_are_cut_off_and_writes_are_not() {
    let upstream = upstream();
    let few = Limits { max_rows: 2, ..Limits::default() };
    let two = ask(&upstream, Level::ReadOnly, &few, r#"{"sql":"SELECT generate_series(1, 2)"}"#).await;
    assert!(rows(&two) == "[[1],[2]]" && !two.contains("truncated"), "{two}");
    let three = ask(&upstream, Level::ReadOnly, &few, r#"{"sql":"SELECT generate_series(1, 3)"}"#).await;
    assert!(rows(&three) == "[[1],[2]]" && three.ends_with(r#""truncated":true}"#), "{three}");
    let small = Limits { max_result_bytes: 1000, ..Limits::default() };
    let large = r#"{"statements":[{"sql":"SELECT repeat('x', 400) FROM generate_series(1, 9)"},{"sql":"SELECT repeat('x', 200000)"}]}"#;
    let large = ask(&upstream, Level::ReadOnly, &small, large).await;
    assert!(large.len() < 1400 && large.matches("\"truncated\":true").count() == 2, "{large}");
    write(&upstream, r#"{"sql":"CREATE TABLE t (i int)"}"#).await;
    ask(
        &upstream,
        Level::ReadWrite,
        &few,
        r#"{"sql":"INSERT INTO t SELECT generate_series(1, 9) RETURNING i"}"#,
    )
    .await;
    assert_eq!(rows(&write(&upstream, r#"{"sql":"SELECT count(*) FROM t"}"#).await), "[[9]]");
}

#[tokio::test]
async fn a_batch_larger_than_what_the_sockets_hold_does_not_stand_still() {
    let upstream = upstream();
    let statement = format!(r#"{{"sql":"SELECT repeat($1, 20)","args":["{}"]}}"#, "x".repeat(2000));
    let body = format!(r#"{{"statements":[{}]}}"#, vec![statement; 500].join(","));
    let answer = ask(&upstream, Level::ReadWrite, &Limits::default(), &body).await;
    assert!(answer.len() > 500 * 40_000, "{}", answer.len());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_or_is_dropped_is_cancelled_on_the_server() {
    let upstream = upstream();
    let short = Limits { statement_timeout: Duration::from_millis(500), ..Limits::default() };
    let slow = r#"{"sql":"SELECT pg_sleep(600), 'too long'"}"#;
    assert_eq!(ask(&upstream, Level::ReadOnly, &short, slow).await, "timed out");
    let dropped = r#"{"sql":"SELECT pg_sleep(600), 'is dropped'"}"#;
    let limits = Limits::default();
    let runs = |what: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%{what}%'"
        );
        server().sql("postgres", &sql)
    };
    tokio::select! {
        answer = ask(&upstream, Level::ReadOnly, &limits, dropped) => unreachable!("{answer}"),
        () = async { while runs("is dropped") == "0" { tokio::time::sleep(Duration::from_millis(20)).await } } => {}
    }
    let end = move || {
        wait_for(
            "the end of both statements",
            || server().log(),
            || (runs("is dropped") == "0" && runs("too long") == "0").then_some(()),
        );
    };
    tokio::task::spawn_blocking(end).await.unwrap();
}

#[tokio::test]
async fn requests_share_a_link_and_no_state() {
    let upstream = upstream();
    let pid = r#"{"sql":"SELECT pg_backend_pid()"}"#;
    let mut seen = HashSet::from([write(&upstream, pid).await]);
    write(&upstream, r#"{"sql":"SET work_mem = '5MB'"}"#).await;
    write(&upstream, r#"{"sql":"SELECT 1 / 0"}"#).await;
    // A link comes back when it is reset, and the next request does not wait for that: it may have opened another.
    let shared = async {
        while seen.insert(write(&upstream, pid).await) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shared).await.expect("a link that is used again");
    assert_eq!(rows(&write(&upstream, r#"{"sql":"SHOW work_mem"}"#).await), r#"[["4MB"]]"#);
}

#[tokio::test]
async fn copy_is_not_served_over_http_and_an_empty_statement_is_nothing() {
    let upstream = upstream();
    for sql in ["COPY (SELECT 1) TO STDOUT", "CREATE TABLE c (i int)", "COPY c FROM STDIN"] {
        let answer = write(&upstream, &format!(r#"{{"sql":"{sql}"}}"#)).await;
        assert!(sql.starts_with("CREATE") || answer.starts_with("not permitted: COPY"), "{answer}");
    }
    let nothing = write(&upstream, r#"{"sql":"-- nothing"}"#).await;
    assert_eq!(nothing, r#"{"columns":[],"rows":[],"rows_affected":0,"last_insert_id":0}"#);
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_said_to_be_gone() {
    let upstream = upstream();
    let ends = r#"{"sql":"SELECT pg_terminate_backend(pg_backend_pid())"}"#;
    let answer = write(&upstream, ends).await;
    assert!(answer.starts_with("upstream-unreachable: ") && answer.contains("57P01"), "{answer}");
}
