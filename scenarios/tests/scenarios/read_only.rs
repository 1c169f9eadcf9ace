//! Read-only is enforced by the engine: a write in any disguise is refused (Z2).

use crate::production::Production;

/// A write that a reader might smuggle in; none may change the database, and each must be refused, not merely undone.
const DISGUISED: &[&str] = &[
    "INSERT INTO notes VALUES (9,'nine')",
    "insert or replace into notes values (1,'x')",
    "/* harmless */ DELETE FROM notes",
    "-- SELECT\nDELETE FROM notes",
    "WITH gone AS (SELECT id FROM notes) DELETE FROM notes WHERE id IN gone",
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<3) INSERT INTO notes SELECT i+10, i FROM n",
    "DELETE FROM notes RETURNING *",
    "INSERT INTO notes VALUES (9,'nine') RETURNING id",
    "UPDATE notes SET body = body || '!'",
    "UPDATE notes SET body = 'x' FROM (SELECT 1 AS one) WHERE id = one",
    "REPLACE INTO notes VALUES (1,'x')",
    "INSERT INTO notes VALUES (1,'x') ON CONFLICT(id) DO UPDATE SET body = excluded.body",
    "CREATE TABLE t(a)",
    "CREATE TABLE t AS SELECT * FROM notes",
    "CREATE VIEW v AS SELECT 1",
    "CREATE INDEX i ON notes(body)",
    "CREATE TRIGGER r AFTER INSERT ON notes BEGIN DELETE FROM notes; END",
    "CREATE VIRTUAL TABLE f USING fts5(a)",
    "DROP TABLE notes",
    "ALTER TABLE notes RENAME TO gone",
    "ALTER TABLE notes ADD COLUMN extra",
    "REINDEX",
    "ANALYZE",
    "VACUUM",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 7",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = 0",
    "PRAGMA query_only(0)",
    "PRAGMA writable_schema = 1",
    "PRAGMA auto_vacuum = 1",
    "PRAGMA schema_version = 99",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA main.user_version = 7",
    "INSERT INTO main.notes VALUES (9,'nine')",
    "DELETE FROM \"notes\" WHERE 1",
    "DELETE FROM [notes]",
    "DeLeTe\tFrOm\nnotes",
];

/// What SQLite refuses to compile before anybody is asked; the answer is its own fault.
const NOT_COMPILED: &[&str] =
    &["UPDATE sqlite_schema SET sql = 'x'", "DELETE FROM sqlite_master", "SELECT 1; DELETE FROM notes"];

/// Z2: every disguised write of a reader is refused with 403, and the database stays as it was.
#[test]
fn every_disguised_write_of_a_reader_is_refused() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let reporting = production.curl(&node, "reporting");
    let analyst = production.curl(&node, "analyst");
    let state = || {
        analyst
            .query(
                "app",
                r#"{"statements":[{"sql":"SELECT * FROM notes"},{"sql":"SELECT * FROM sqlite_schema"},
                    {"sql":"PRAGMA user_version"},{"sql":"PRAGMA application_id"},{"sql":"PRAGMA journal_mode"}]}"#,
            )
            .with_status(200)
            .json()
    };
    let before = state();
    let mut let_in = Vec::new();
    for sql in DISGUISED {
        let answer = reporting.sql("app", sql);
        if answer.status != 403 {
            let_in.push(format!("{sql:?}: {} {}", answer.status, answer.body));
        }
    }
    for sql in NOT_COMPILED {
        let answer = reporting.sql("app", sql).with_status(200);
        assert!(answer.json().get("error").is_some(), "{sql}: {answer:#?}");
    }
    assert!(let_in.is_empty(), "these were not refused with 403:\n{}", let_in.join("\n"));
    assert_eq!(state(), before);
}

/// Z2: a write within a batch of a reader is refused, and so is the whole batch.
#[test]
fn a_write_within_a_readers_batch_is_refused() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    production
        .curl(&node, "reporting")
        .query("app", r#"{"statements":[{"sql":"SELECT 1"},{"sql":"DELETE FROM notes"}]}"#)
        .is_refused(403, "forbidden: read-only (write not permitted)", "read-only");
}

/// Z2: a trigger written by a writer does not let a reader write.
#[test]
fn a_trigger_does_not_let_a_reader_write() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let made = production.curl(&node, "analyst").query(
        "app",
        r#"{"statements":[{"sql":"CREATE VIEW door AS SELECT 1 AS a"},
            {"sql":"CREATE TRIGGER through INSTEAD OF INSERT ON door BEGIN DELETE FROM notes; END"}]}"#,
    );
    assert!(made.json().get("error").is_none(), "{made:#?}");
    production.curl(&node, "reporting").sql("app", "INSERT INTO door VALUES (1)").with_status(403);
    let rows = production.curl(&node, "reporting").sql("app", "SELECT count(*) FROM notes").json();
    assert_eq!(rows["rows"][0][0], 3);
}

/// Z2: what only reads is let through, however it looks.
#[test]
fn what_only_reads_is_let_through() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let reporting = production.curl(&node, "reporting");
    for sql in [
        "SELECT 'DELETE FROM notes'",
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<3) SELECT * FROM n",
        "EXPLAIN QUERY PLAN SELECT * FROM notes",
        "PRAGMA table_info(notes)",
        "PRAGMA user_version",
        "SELECT * FROM pragma_table_info('notes')",
        "VALUES (1),(2)",
        "SELECT json_extract('{\"a\":1}', '$.a')",
    ] {
        let answer = reporting.sql("app", sql).with_status(200);
        assert!(answer.json().get("error").is_none(), "{sql}: {answer:#?}");
    }
}
