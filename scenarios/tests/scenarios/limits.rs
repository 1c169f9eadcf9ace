//! What one request may cost (Z18): bodies, rows, bytes, time, and how many at once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::production::Production;

/// A statement that would run for hours.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n";

/// A result cut off at `max_rows` says that it was.
#[test]
fn a_result_of_too_many_rows_is_cut_and_says_so() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_rows: 10 }");
    let rows = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < $N) SELECT i FROM n";
    let analyst = production.curl(&node, "analyst");
    let cut = analyst.sql("app", &rows.replace("$N", "11")).with_status(200).json();
    assert_eq!(cut["rows"].as_array().map(Vec::len), Some(10));
    assert_eq!(cut["truncated"], true);
    let whole = analyst.sql("app", &rows.replace("$N", "10")).with_status(200).json();
    assert_eq!(whole["rows"].as_array().map(Vec::len), Some(10));
    assert_eq!(whole.get("truncated"), None);
}

/// A result cut off at `max_result_bytes` says that it was, and memory stays bounded.
#[test]
fn a_result_of_too_many_bytes_is_cut_and_says_so() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_result_bytes: 1MiB }");
    let analyst = production.curl(&node, "analyst");
    let sql = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 90000) SELECT hex(zeroblob(5000)) FROM n";
    let cut = analyst.sql("app", sql).with_status(200);
    assert_eq!(cut.json()["truncated"], true);
    assert!(cut.body.len() < 2 * 1024 * 1024, "{} bytes", cut.body.len());
    assert!(node.peak_memory_kib() < 300 * 1024, "{} KiB", node.peak_memory_kib());
}

/// The default limit is 100,000 rows.
#[test]
fn the_default_row_limit_is_100_000() {
    let production = Production::new();
    let node = production.serve();
    let sql =
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 100001) SELECT 1 FROM n";
    let cut = production.curl(&node, "analyst").sql("app", sql).with_status(200).json();
    assert_eq!(cut["rows"].as_array().map(Vec::len), Some(100_000));
    assert_eq!(cut["truncated"], true);
}

/// A body beyond `max_request_bytes` is 413 with the exact text, whether its length was declared or not.
#[test]
fn a_body_that_is_too_large_is_413_with_the_exact_text() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_request_bytes: 64KiB }");
    let body = json!({ "sql": "SELECT 1", "args": ["x".repeat(80 * 1024)] }).to_string();
    production.world.write("large.json", &body);
    let words = "request body exceeds the maximum allowed size";
    for version in ["--http1.1", "--http2"] {
        let analyst = production.curl(&node, "analyst").arg(version).header("expect:");
        analyst
            .clone()
            .arg("--data-binary")
            .arg(format!("@{}", production.world.path("large.json").display()))
            .get("/app/query")
            .is_error(413, words);
        if version == "--http1.1" {
            analyst
                .header("transfer-encoding: chunked")
                .arg("--data-binary")
                .arg(format!("@{}", production.world.path("large.json").display()))
                .get("/app/query")
                .is_error(413, words);
        }
        production.curl(&node, "analyst").arg(version).sql("app", "SELECT 1").with_status(200);
    }
}

/// The default body limit is 8 MiB: a little less is answered.
#[test]
fn a_body_below_the_default_limit_is_answered() {
    let production = Production::new();
    let node = production.serve();
    let body = json!({ "sql": "SELECT length(?)", "args": ["x".repeat(8_000_000)] }).to_string();
    production.world.write("large.json", &body);
    let answer = production
        .curl(&node, "analyst")
        .arg("--data-binary")
        .arg(format!("@{}", production.world.path("large.json").display()))
        .get("/app/query")
        .with_status(200);
    assert_eq!(answer.json()["rows"][0][0], 8_000_000);
}

/// A statement beyond its time is really interrupted: 504 with the exact text, and the database serves on.
#[test]
fn a_statement_beyond_its_time_is_interrupted() {
    let production = Production::new();
    let node = production.serve_adding("limits: { statement_timeout: 300ms }");
    let analyst = production.curl(&node, "analyst");
    let began = Instant::now();
    analyst.sql("app", ENDLESS).is_error(504, "statement timed out");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    production.with_notes(&node);
    let writing = "INSERT INTO notes SELECT i+100, i FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT i FROM n)";
    analyst.sql("app", writing).is_error(504, "statement timed out");
    let rows = analyst.sql("app", "SELECT count(*) FROM notes").with_status(200).json();
    assert_eq!(rows["rows"][0][0], 3, "an interrupted write leaves nothing behind");
}

/// A statement that runs long does not stop another client, be it a reader or a writer.
#[test]
fn a_long_statement_of_one_client_does_not_stop_another() {
    let production = Production::new();
    let node = production.serve_adding("limits: { statement_timeout: 60s }");
    production.with_notes(&node);
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let reporting = production.curl(&node, "reporting");
            std::thread::spawn(move || {
                reporting.sql("app", &ENDLESS.replace("FROM n)", "FROM n WHERE i < 20000000)"))
            })
        })
        .collect();
    let began = Instant::now();
    for number in 0..10 {
        let analyst = production.curl(&node, "analyst");
        let written =
            analyst.sql("app", &format!("INSERT INTO notes(body) VALUES ('n{number}')")).with_status(200);
        assert!(written.json().get("error").is_none(), "{written:#?}");
        analyst.get("/_health").with_status(200);
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    for thread in slow {
        thread.join().expect("a client does not panic").with_status(200);
    }
}

/// One principal beyond its rate is 429 with the exact text and a time to come back; another is not held back.
#[test]
fn a_principal_beyond_its_rate_is_429_and_another_is_not_held_back() {
    let production = Production::new();
    let node = production.serve_adding("limits: { rate: { per_principal_rps: 2 } }");
    let analyst = production.curl(&node, "analyst");
    let mut refused = None;
    for _ in 0..40 {
        let answer = analyst.sql("app", "SELECT 1");
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.with_status(200);
    }
    let refused = refused.unwrap_or_else(|| panic!("40 calls in a row were not too many"));
    assert!(refused.header("retry-after").is_some(), "{refused:#?}");
    refused.is_refused(429, "rate limit exceeded", "rate-limited");
    production.curl(&node, "reporting").sql("app", "SELECT 1").with_status(200);
}

/// Requests beyond `max_concurrent_per_db` are 503 with the exact text, and are served again afterwards.
#[test]
fn more_requests_at_once_than_a_database_takes_are_503() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_concurrent_per_db: 1, statement_timeout: 5s }");
    let busy = production.curl(&node, "reporting");
    // The probe below may take the one place for a moment, so the slow client asks until it has it.
    let slow = std::thread::spawn(move || {
        loop {
            let answer = busy.sql("app", ENDLESS);
            if answer.status != 503 {
                return answer;
            }
        }
    });
    let refused = testkit::patience::wait_for(
        "a busy database",
        || node.log(),
        || {
            Some(production.curl(&node, "analyst").sql("app", "SELECT 1"))
                .filter(|answer| answer.status == 503)
        },
    );
    refused.is_error(503, "database busy: too many concurrent requests");
    slow.join().expect("a client does not panic").is_error(504, "statement timed out");
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
}
