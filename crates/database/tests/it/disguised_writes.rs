//! Three hundred ways to write without being seen to: SQLite itself refuses each to a caller who may only read.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_database::{Reach, RunError};
use serde_json::json;

use crate::support::{Stand, request, run, rw, sql};

/// What the database holds: something of every kind that can be written to.
const SCHEMA: &[&str] = &[
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)",
    "CREATE TABLE u (k TEXT PRIMARY KEY, n INT) WITHOUT ROWID",
    "CREATE TABLE log (what)",
    "CREATE INDEX tv ON t (v)",
    "CREATE VIEW w AS SELECT id, v FROM t",
    "CREATE TRIGGER wi INSTEAD OF INSERT ON w BEGIN INSERT INTO t VALUES (new.id, new.v); END",
    "CREATE TRIGGER wu INSTEAD OF UPDATE ON w BEGIN UPDATE t SET v = new.v WHERE id = old.id; END",
    "CREATE TRIGGER wd INSTEAD OF DELETE ON w BEGIN DELETE FROM t WHERE id = old.id; END",
    "CREATE TRIGGER ti AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.v); END",
    "CREATE VIRTUAL TABLE f USING fts5(x)",
    "CREATE VIRTUAL TABLE f4 USING fts4(x)",
    "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
    "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
    "INSERT INTO u VALUES ('a', 1)",
    "INSERT INTO f VALUES ('words')",
    "INSERT INTO f4 VALUES ('words')",
    "INSERT INTO r VALUES (1, 0, 1)",
    "PRAGMA user_version = 3",
];

/// Writes to rows: each may stand behind a common table expression, and be explained.
const ROWS: &[&str] = &[
    "INSERT INTO t VALUES (9, 'nine')",
    "INSERT INTO t DEFAULT VALUES",
    "INSERT INTO t SELECT id + 100, v || 'x' FROM t",
    "INSERT INTO t (v) VALUES ('r') RETURNING id, v",
    "INSERT OR REPLACE INTO t VALUES (1, 'x')",
    "INSERT OR IGNORE INTO t VALUES (9, 'x')",
    "INSERT OR ROLLBACK INTO t VALUES (9, 'x')",
    "INSERT OR ABORT INTO t VALUES (9, 'x')",
    "INSERT OR FAIL INTO t VALUES (9, 'x')",
    "INSERT INTO t VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = excluded.v",
    "INSERT INTO t VALUES (1, 'x') ON CONFLICT DO NOTHING",
    "INSERT INTO main.t VALUES (9, 'x')",
    "INSERT INTO \"t\" VALUES (9, 'x')",
    "INSERT INTO [t] VALUES (9, 'x')",
    "INSERT INTO `t` VALUES (9, 'x')",
    "REPLACE INTO t VALUES (1, 'x')",
    "INSERT INTO u VALUES ('b', 2)",
    "INSERT INTO w VALUES (9, 'through a view')",
    "INSERT INTO f VALUES ('more words')",
    "INSERT INTO f(f) VALUES ('optimize')",
    "INSERT INTO f(f) VALUES ('rebuild')",
    "INSERT INTO f(f, rank) VALUES ('pgsz', 64)",
    "INSERT INTO f4(f4) VALUES ('optimize')",
    "INSERT INTO r VALUES (2, 0, 1)",
    "UPDATE t SET v = 'x'",
    "UPDATE t SET v = 'x' WHERE id = 1 RETURNING *",
    "UPDATE OR REPLACE t SET id = 1",
    "UPDATE t SET v = s.k FROM u AS s",
    "UPDATE w SET v = 'x'",
    "UPDATE u SET n = n + 1",
    "UPDATE f SET x = 'y'",
    "UPDATE r SET x1 = 5",
    "UPDATE t SET v = v WHERE 0",
    "DELETE FROM t",
    "DELETE FROM t WHERE 0",
    "DELETE FROM t WHERE id IN (SELECT id FROM w) RETURNING id",
    "DELETE FROM w",
    "DELETE FROM u",
    "DELETE FROM f",
    "DELETE FROM r",
    "DELETE FROM main.t WHERE v LIKE '%'",
];

/// Everything else that changes the file, a setting, or another file.
const OTHERS: &[&str] = &[
    "CREATE TABLE x (a)",
    "CREATE TABLE IF NOT EXISTS x (a)",
    "CREATE TABLE x AS SELECT * FROM t",
    "CREATE TABLE main.x (a)",
    "CREATE TEMP TABLE x (a)",
    "CREATE TEMPORARY TABLE x AS SELECT 1",
    "CREATE TABLE temp.x (a)",
    "CREATE TEMP VIEW x AS SELECT 1",
    "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
    "CREATE VIEW x AS SELECT 1",
    "CREATE INDEX x ON t (v)",
    "CREATE UNIQUE INDEX x ON t (v, id)",
    "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
    "CREATE VIRTUAL TABLE x USING fts5(a)",
    "CREATE VIRTUAL TABLE x USING rtree(a, b, c)",
    "CREATE VIRTUAL TABLE temp.x USING fts5vocab(main, f, row)",
    "DROP TABLE t",
    "DROP TABLE IF EXISTS t",
    "DROP VIEW w",
    "DROP INDEX tv",
    "DROP TRIGGER ti",
    "DROP TABLE f",
    "ALTER TABLE t RENAME TO x",
    "ALTER TABLE t RENAME COLUMN v TO x",
    "ALTER TABLE t ADD COLUMN x",
    "ALTER TABLE log DROP COLUMN what",
    "REINDEX",
    "REINDEX t",
    "ANALYZE",
    "ANALYZE t",
    "VACUUM",
    "VACUUM main",
    "VACUUM INTO 'stolen.db'",
    "VACUUM main INTO 'file:stolen.db'",
    "VACUUM INTO ('sto' || 'len.db')",
    "ATTACH 'other.db' AS o",
    "ATTACH DATABASE '' AS o",
    "ATTACH ':memory:' AS o",
    "ATTACH 'file:other.db?mode=rwc' AS o",
    "DETACH main",
    "DETACH DATABASE temp",
    "BEGIN",
    "BEGIN EXCLUSIVE",
    "BEGIN IMMEDIATE TRANSACTION",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE s",
    "ROLLBACK TO s",
    "PRAGMA user_version = 9",
    "PRAGMA main.user_version(9)",
    "PRAGMA application_id = 9",
    "PRAGMA schema_version = 9",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA journal_mode(OFF)",
    "PRAGMA main.journal_mode = MEMORY",
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema = RESET",
    "PRAGMA query_only = OFF",
    "PRAGMA query_only(0)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA wal_checkpoint",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA auto_vacuum = FULL",
    "PRAGMA incremental_vacuum",
    "PRAGMA incremental_vacuum(1)",
    "PRAGMA optimize",
    "PRAGMA page_size = 512",
    "PRAGMA encoding = 'UTF-16'",
    "PRAGMA temp_store_directory = '/'",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA data_store_directory = '/'",
    "PRAGMA mmap_size = 1",
    "PRAGMA cache_size = 1",
    "PRAGMA cache_spill = OFF",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA hard_heap_limit = 1",
    "PRAGMA soft_heap_limit = 1",
    "PRAGMA max_page_count = 1",
    "PRAGMA journal_size_limit = 0",
    "PRAGMA shrink_memory",
    "PRAGMA threads = 9",
    "PRAGMA busy_timeout = 0",
    "PRAGMA case_sensitive_like = ON",
    "PRAGMA legacy_alter_table = ON",
    "PRAGMA no_such_pragma",
    "SELECT load_extension('evil')",
    "SELECT load_extension('evil', 'init') FROM t",
    "SELECT (SELECT load_extension('evil'))",
    "WITH c AS (SELECT load_extension('evil') AS x) SELECT x FROM c",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('simple', x'0000000000000000')",
    "SELECT writefile('stolen', 'x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT edit('x')",
    "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x (a)')",
    "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x (a)')",
    "UPDATE sqlite_schema SET sql = 'x'",
    "UPDATE sqlite_schema SET rootpage = 2 WHERE name = 't'",
    "DELETE FROM sqlite_schema",
    "DELETE FROM sqlite_temp_schema",
    "INSERT INTO sqlite_sequence VALUES ('t', 99)",
    "DELETE FROM f_data",
    "UPDATE f_config SET v = 0",
    "INSERT INTO pragma_user_version VALUES (9)",
    "UPDATE json_each('[1]') SET value = 2",
    "DELETE FROM pragma_table_list",
];

/// The same statement, dressed.
fn dressed(plain: &str) -> Vec<String> {
    let mixed = |text: &str| -> String {
        text.char_indices()
            .map(|(n, c)| if n % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
            .collect()
    };
    vec![
        plain.to_owned(),
        format!("-- SELECT 1\n{plain}"),
        format!(" \t\r\n/* SELECT /* 1 */ {plain} -- SELECT"),
        format!(";;{plain};"),
        format!("SELECT 1; {plain}"),
        if plain.contains(['\'', '"']) { plain.to_lowercase() } else { mixed(plain) },
    ]
}

fn all() -> BTreeSet<String> {
    let hidden = ROWS.iter().flat_map(|plain| {
        [
            format!("WITH c AS (SELECT 1) {plain}"),
            format!("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3) {plain}"),
        ]
    });
    ROWS.iter().chain(OTHERS).flat_map(|plain| dressed(plain)).chain(hidden).collect()
}

/// The database file, its log, and the names of all files beside them.
fn bytes(folder: &Path) -> (Vec<u8>, Vec<u8>, BTreeSet<std::ffi::OsString>) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    (read("app.db"), read("app.db-wal"), names)
}

#[tokio::test]
async fn no_disguise_lets_a_reader_write() {
    let stand = Stand::with(SCHEMA).await;
    let before = bytes(stand.folder.path());
    let statements = all();
    assert!(statements.len() >= 300, "{}", statements.len());
    for text in &statements {
        // Twice, because the second time finds what the first has left in the caches.
        for _ in 0..2 {
            let outcome = run(&stand.db, Reach::ReadOnly, sql(text)).await;
            assert!(outcome.is_err(), "{text}: {outcome:?}");
        }
        let batch = json!({"statements": [{"sql": "SELECT * FROM t"}, {"sql": text}]}).to_string();
        assert!(run(&stand.db, Reach::ReadOnly, request(&batch)).await.is_err(), "{text}");
        assert!(bytes(stand.folder.path()) == before, "{text} has written");
    }
    let left =
        rw(&stand.db, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM log), (SELECT n FROM u)").await;
    assert_eq!(left["rows"], json!([[2, 2, 1]]));
    assert_eq!(rw(&stand.db, "PRAGMA user_version").await["rows"], json!([[3]]));
    for stray in ["stolen.db", "other.db", "file:stolen.db", "stolen"] {
        assert!(!Path::new(stray).exists(), "{stray}");
    }
}

#[tokio::test]
async fn a_write_is_refused_as_a_write_and_a_reach_outside_as_what_it_is() {
    let stand = Stand::with(SCHEMA).await;
    for text in ROWS {
        assert_eq!(run(&stand.db, Reach::ReadOnly, sql(text)).await, Err(RunError::ReadOnly), "{text}");
    }
    for text in [
        "VACUUM",
        "VACUUM INTO 'x'",
        "REINDEX",
        "ANALYZE",
        "CREATE TABLE x (a)",
        "DROP TABLE t",
        "PRAGMA user_version = 4",
        "ALTER TABLE t ADD COLUMN x",
    ] {
        assert_eq!(run(&stand.db, Reach::ReadOnly, sql(text)).await, Err(RunError::ReadOnly), "{text}");
    }
    // Whoever asks, a statement stays within its database.
    for reach in [Reach::ReadOnly, Reach::ReadWrite, Reach::Admin] {
        for _ in 0..2 {
            for (text, what) in [
                ("ATTACH 'other.db' AS o", "ATTACH/DETACH is disabled"),
                ("ATTACH '' AS o", "ATTACH/DETACH is disabled"),
                ("DETACH main", "ATTACH/DETACH is disabled"),
                ("PRAGMA writable_schema = ON", "this PRAGMA is disabled"),
                ("PRAGMA journal_mode = OFF", "this PRAGMA is disabled"),
                ("PRAGMA temp_store_directory = '/'", "this PRAGMA is disabled"),
                ("PRAGMA database_list", "this PRAGMA is disabled"),
                ("SELECT load_extension('evil')", "this function is disabled"),
            ] {
                assert_eq!(
                    run(&stand.db, reach, sql(text)).await,
                    Err(RunError::NotPermitted(what)),
                    "{text}"
                );
            }
        }
    }
    for text in ["VACUUM INTO 'stolen.db'", "VACUUM main INTO 'stolen.db'"] {
        for _ in 0..2 {
            let refused = Err(RunError::NotPermitted("VACUUM INTO is disabled"));
            assert_eq!(run(&stand.db, Reach::ReadWrite, sql(text)).await, refused);
        }
    }
    let refused = Err(RunError::NotPermitted("temporary objects are disabled"));
    assert_eq!(run(&stand.db, Reach::ReadWrite, sql("CREATE TEMP TABLE x (a)")).await, refused);
    assert!(!Path::new("stolen.db").exists());
}

#[tokio::test]
async fn reads_that_look_like_writes_are_reads() {
    let stand = Stand::with(SCHEMA).await;
    let before = bytes(stand.folder.path());
    let plain = [
        "SELECT 'DELETE FROM t'",
        "SELECT 1 AS \"insert\"",
        "-- DROP TABLE t\nSELECT 1",
        "WITH d AS (SELECT * FROM t) SELECT count(*) FROM d",
        "VALUES (1), (2)",
        "SELECT * FROM w",
        "SELECT x FROM f WHERE f MATCH 'words'",
        "SELECT snippet(f4) FROM f4 WHERE f4 MATCH 'words'",
        "SELECT id FROM r WHERE x0 <= 1",
        "SELECT value FROM json_each('[1,2]')",
        "SELECT replace('a', 'a', 'b')",
        "SELECT name FROM pragma_table_info('t')",
        "SELECT user_version FROM pragma_user_version",
        "PRAGMA user_version",
        "PRAGMA table_info(t)",
        "PRAGMA integrity_check",
        "SELECT sql FROM sqlite_schema",
    ];
    let explained = ROWS.iter().chain(&["VACUUM", "CREATE TABLE x (a)", "DROP TABLE t"]);
    let explained =
        explained.flat_map(|text| [format!("EXPLAIN {text}"), format!("explain query plan {text}")]);
    for text in plain.into_iter().map(str::to_owned).chain(explained) {
        for reach in [Reach::ReadOnly, Reach::ReadWrite] {
            for _ in 0..2 {
                let outcome = run(&stand.db, reach, sql(&text)).await;
                assert!(outcome.is_ok(), "{text}: {outcome:?}");
            }
        }
    }
    assert!(bytes(stand.folder.path()) == before);
}
