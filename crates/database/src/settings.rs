use std::path::PathBuf;
use std::time::Duration;

/// How far a caller may reach into a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Statements that write are refused, by SQLite itself.
    ReadOnly,
    /// Statements may read and write.
    ReadWrite,
    /// As read-write; what else an administrator may do is not said in SQL.
    Admin,
}

/// Where a database lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file on this machine's disk.
    File {
        /// The file; its folder must exist.
        path: PathBuf,
        /// What may be done with it.
        mode: OpenMode,
    },
    /// Memory; it lives as long as the [`Database`](crate::Database).
    MemoryShared,
    /// A file of which nothing is shown but some views, and to which nothing is ever written.
    Views {
        /// The file; it must exist.
        path: PathBuf,
        /// What is shown of it.
        views: Vec<View>,
    },
}

/// A view that is shown of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The statement that it stands for, with the file's tables in the schema `main`; none for a view of the file's own.
    pub select: Option<String>,
}

/// What may be done with a database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Read and write; the file must exist.
    Rw,
    /// Read only; the file must exist.
    Ro,
    /// Read and write; the file is created where it is missing.
    Rwc,
}

/// How a database is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name clients know it by.
    pub name: String,
    /// Where it lives.
    pub backend: Backend,
    /// `pragmas_preset: recommended`: foreign keys are enforced, every connection has 8 MiB of page cache, and
    /// the log is cut back to 64 MiB after a checkpoint. Without it SQLite's own defaults hold.
    ///
    /// Either way a writable file is in WAL mode with `synchronous = FULL`: readers never wait for the writer, and
    /// an answered write survives a power cut.
    pub recommended_pragmas: bool,
    /// Threads that run reads which are not known to be cheap; at least one is started.
    pub readers: usize,
}

/// What one request may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one result; more are cut off and the result says `"truncated":true`.
    pub max_rows: usize,
    /// Bytes of one answer; rows beyond are cut off and the result says `"truncated":true`.
    pub max_result_bytes: usize,
    /// How long a request may take, waiting included.
    pub statement_timeout: Duration,
    /// Requests that may be in the database at the same time; 0 sets no limit.
    pub max_concurrent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            max_result_bytes: 64 << 20,
            statement_timeout: Duration::from_secs(30),
            max_concurrent: 0,
        }
    }
}
