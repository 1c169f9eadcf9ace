//! A file of which only views are shown.

use countersign_database::{Backend, Database, Reach, RunError, Settings, View};
use serde_json::json;

use crate::support::{Stand, run, sql};

/// A file with two tables and a view, and the database that shows two views of it.
async fn shown() -> (Stand, Database) {
    let stand = Stand::with(&[
        "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, secret TEXT)",
        "CREATE TABLE keys(key TEXT)",
        "CREATE VIEW elders AS SELECT name FROM people WHERE id < 2",
        "INSERT INTO people VALUES (1, 'ada', 'hush'), (2, 'bob', 'hush')",
        "INSERT INTO keys VALUES ('hush')",
    ])
    .await;
    let views = vec![
        View {
            name: "people".into(),
            select: Some("SELECT id, upper(name) AS name FROM main.people".into()),
        },
        View { name: "elders".into(), select: None },
        View { name: "all".into(), select: Some("SELECT id FROM main.people UNION ALL SELECT 0".into()) },
    ];
    let backend = Backend::Views { path: stand.path(), views };
    let settings = Settings { name: "shown".into(), backend, recommended_pragmas: true, readers: 2 };
    (stand, Database::open(settings).unwrap())
}

#[tokio::test]
async fn views_are_read_like_tables_and_see_what_is_written_beside_them() {
    let (stand, db) = shown().await;
    let rows = async |text: &str| match run(&db, Reach::ReadOnly, sql(text)).await {
        Ok(answer) => answer["rows"].clone(),
        Err(error) => panic!("{text}: {error}"),
    };
    assert_eq!(rows("SELECT * FROM people ORDER BY id").await, json!([[1, "ADA"], [2, "BOB"]]));
    assert_eq!(rows("SELECT count(*) FROM elders").await, json!([[1]]));
    crate::support::rw(&stand.db, "INSERT INTO people VALUES (3, 'cy', 'hush')").await;
    assert_eq!(rows("SELECT count(*), max(p.name) FROM people AS p").await, json!([[3, "CY"]]));
    let joined = "WITH old AS (SELECT name FROM elders) SELECT p.id FROM old JOIN people p ON p.name = upper(old.name)";
    assert_eq!(rows(joined).await, json!([[1]]));
    assert_eq!(rows("SELECT count(*) FROM \"all\"").await, json!([[4]]));
    assert_eq!(rows("SELECT value FROM json_each('[7]')").await, json!([[7]]));
}

#[tokio::test]
async fn nothing_but_the_views_can_be_read_in_any_disguise() {
    let (_stand, db) = shown().await;
    for text in [
        "SELECT * FROM main.people",
        "SELECT secret FROM people JOIN main.people AS base USING (id)",
        "SELECT count(*) FROM keys",
        "SELECT * FROM keys",
        "SELECT (SELECT key FROM keys) FROM people",
        "SELECT name FROM people WHERE EXISTS (SELECT 1 FROM keys WHERE key LIKE 'h%')",
        "SELECT id FROM people UNION SELECT key FROM keys",
        "SELECT id FROM people ORDER BY (SELECT secret FROM main.people LIMIT 1)",
        // A name that is a view's does not make one.
        "WITH people AS (SELECT secret FROM main.people) SELECT * FROM people",
        "WITH people AS (SELECT key FROM keys) SELECT * FROM people",
        "WITH elders AS (SELECT secret AS name FROM main.people) SELECT * FROM elders",
        "SELECT * FROM (SELECT secret FROM main.people) AS people",
        "SELECT * FROM sqlite_schema",
        "SELECT sql FROM sqlite_temp_schema",
        "SELECT * FROM pragma_table_info('people')",
        "SELECT * FROM dbstat",
        "EXPLAIN SELECT * FROM keys",
        "PRAGMA table_info(people)",
        "PRAGMA user_version",
        "ATTACH ':memory:' AS other",
    ] {
        let answer = run(&db, Reach::Admin, sql(text)).await;
        let refused = matches!(&answer, Err(RunError::NotPermitted(_) | RunError::Sql(_)));
        assert!(refused, "{text}: {answer:?}");
        assert!(!format!("{answer:?}").contains("hush"), "{text}: {answer:?}");
    }
    let said = run(&db, Reach::ReadOnly, sql("SELECT * FROM keys")).await.unwrap_err().to_string();
    assert!(said.contains("only this database's views can be read"), "{said}");
}

#[tokio::test]
async fn nothing_is_written_whatever_the_caller_may() {
    let (stand, db) = shown().await;
    for text in [
        "INSERT INTO people VALUES (9, 'x')",
        "INSERT INTO main.people VALUES (9, 'x', 'y')",
        "UPDATE main.people SET name = 'x'",
        "DELETE FROM keys",
        "DROP VIEW elders",
        "DROP VIEW temp.people",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE TEMP VIEW mine AS SELECT * FROM main.people",
        "CREATE TEMP TRIGGER mine INSTEAD OF INSERT ON people BEGIN SELECT 1; END",
        "VACUUM",
        "BEGIN",
    ] {
        let answer = run(&db, Reach::Admin, sql(text)).await;
        assert!(answer.is_err(), "{text}: {answer:?}");
    }
    let left =
        crate::support::rw(&stand.db, "SELECT group_concat(name), (SELECT count(*) FROM keys) FROM people")
            .await;
    assert_eq!(left["rows"], json!([["ada,bob", 1]]));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    let backend = Backend::Views { path: path.clone(), views: Vec::new() };
    let settings = Settings { name: "shown".into(), backend, recommended_pragmas: true, readers: 1 };
    assert!(Database::open(settings).unwrap_err().to_string().contains("none.db"));
    assert!(!path.exists());
}
