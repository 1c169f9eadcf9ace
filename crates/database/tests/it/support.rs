use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_database::{Backend, Database, Limits, OpenMode, Reach, RunError, Settings};
use serde_json::Value as Json;
use wire::sql::{Request, SqlError};

/// A database and the folder it lives in.
pub(crate) struct Stand {
    pub(crate) db: Arc<Database>,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn settings(path: &Path, mode: OpenMode) -> Settings {
    Settings {
        name: "app".to_owned(),
        backend: Backend::File { path: path.to_owned(), mode },
        recommended_pragmas: true,
        readers: 2,
    }
}

pub(crate) fn in_memory() -> Database {
    let backend = Backend::MemoryShared;
    Database::open(Settings { name: "m".to_owned(), backend, recommended_pragmas: true, readers: 2 }).unwrap()
}

impl Stand {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Arc::new(Database::open(settings(&folder.path().join("app.db"), OpenMode::Rwc)).unwrap());
        Self { db, folder }
    }

    pub(crate) async fn with(statements: &[&str]) -> Self {
        let stand = Self::new();
        for sql in statements {
            rw(&stand.db, sql).await;
        }
        stand
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }
}

pub(crate) fn request(body: &str) -> Request {
    Request::parse(body.as_bytes()).unwrap()
}

pub(crate) fn sql(text: &str) -> Request {
    request(&serde_json::json!({ "sql": text }).to_string())
}

pub(crate) async fn run(db: &Database, reach: Reach, request: Request) -> Result<Json, RunError> {
    db.run(reach, request, &Limits::default()).await.map(|body| serde_json::from_slice(&body).unwrap())
}

/// Runs a statement that must succeed, with read-write reach.
pub(crate) async fn rw(db: &Database, text: &str) -> Json {
    match run(db, Reach::ReadWrite, sql(text)).await {
        Ok(answer) => answer,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Runs a statement that must fail in SQLite.
pub(crate) async fn rw_fails(db: &Database, body: &str) -> SqlError {
    match run(db, Reach::ReadWrite, request(body)).await {
        Err(RunError::Sql(error)) => error,
        other => panic!("{body}: {other:?}"),
    }
}
