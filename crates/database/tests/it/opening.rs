//! Opening and closing.

use std::os::unix::fs::PermissionsExt;

use countersign_database::{Database, OpenMode, Reach, RunError};
use serde_json::json;

use crate::support::{Stand, run, rw, settings, sql};

fn fault(path: &std::path::Path, mode: OpenMode) -> String {
    Database::open(settings(path, mode)).unwrap_err().to_string()
}

#[test]
fn each_way_not_to_open_has_its_own_words_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let garbage = at("garbage.db");
    std::fs::File::create(&garbage)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[b'x'; 4096]))
        .unwrap();
    let cases = [
        (fault(&at("no/app.db"), OpenMode::Rwc), "the folder of database \"app\" does not exist", "mkdir -p"),
        (fault(&at("app.db"), OpenMode::Rw), "the file of database \"app\" does not exist", "mode: rwc"),
        (fault(&at("app.db"), OpenMode::Ro), "the file of database \"app\" does not exist", "mode: rwc"),
        (fault(folder.path(), OpenMode::Rwc), "needs a file, and this is a folder", "name a file"),
        (fault(&garbage, OpenMode::Rwc), "is not an SQLite database", "move this one away"),
        (fault(&garbage, OpenMode::Ro), "is not an SQLite database", "move this one away"),
    ];
    for (text, what, remedy) in cases {
        assert!(text.contains(what) && text.contains(remedy), "{text}");
        assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    }
    assert_eq!(std::fs::read(&garbage).unwrap(), [b'x'; 4096], "a file that is no database is left as it is");
}

#[tokio::test]
async fn a_new_file_belongs_to_its_owner_alone() {
    let stand = Stand::with(&["CREATE TABLE t (a)"]).await;
    for entry in std::fs::read_dir(stand.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn closing_leaves_one_file_that_holds_everything() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    assert!(std::fs::metadata(stand.folder.path().join("app.db-wal")).unwrap().len() > 0);
    stand.db.close().await;
    let names: Vec<_> =
        std::fs::read_dir(stand.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["app.db"]);
    assert_eq!(run(&stand.db, Reach::ReadWrite, sql("SELECT a FROM t")).await, Err(RunError::Unavailable));
    stand.db.close().await;
    let again = Database::open(settings(&stand.path(), OpenMode::Rw)).unwrap();
    assert_eq!(rw(&again, "SELECT a FROM t").await["rows"], json!([[1]]));
}

#[tokio::test]
async fn a_database_opened_read_only_serves_reads_and_refuses_writes_in_sqlites_words() {
    let stand = Stand::with(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]).await;
    stand.db.close().await;
    let db = Database::open(settings(&stand.path(), OpenMode::Ro)).unwrap();
    for _ in 0..3 {
        assert_eq!(rw(&db, "SELECT a FROM t").await["rows"], json!([[1]]));
    }
    match run(&db, Reach::Admin, sql("INSERT INTO t VALUES (2)")).await {
        Err(RunError::Sql(error)) => {
            assert_eq!((error.code, error.message.as_str()), (8, "attempt to write a readonly database"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run(&db, Reach::ReadOnly, sql("INSERT INTO t VALUES (2)")).await, Err(RunError::ReadOnly));
    db.close().await;
}
