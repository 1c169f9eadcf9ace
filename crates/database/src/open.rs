//! Opening connections, and saying why one cannot be opened.

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fault::Fault;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::anchor::Anchor;
use crate::outcome::code;
use crate::settings::{Backend, OpenMode, Settings, View};
use crate::shown::Shown;

/// How long a connection waits for a lock of another process, in milliseconds.
const BUSY: u32 = 5_000;

/// Bytes of the largest value.
const LARGEST: i32 = 64 << 20;

/// Statements that a connection keeps compiled.
const KEPT: usize = 256;

/// Where connections to one database come from.
pub(crate) struct Source {
    name: String,
    location: Location,
    recommended: bool,
}

enum Location {
    File { path: PathBuf, mode: OpenMode },
    Memory { uri: String },
    Views { path: PathBuf, views: Vec<View> },
}

impl Source {
    /// Looks at what can be known before SQLite opens it.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Fault> {
        let location = match &settings.backend {
            Backend::File { path, mode } => {
                Location::File { path: found(&settings.name, path, *mode)?, mode: *mode }
            }
            Backend::MemoryShared => Location::Memory { uri: nowhere_else() },
            Backend::Views { path, views } => {
                Location::Views { path: found(&settings.name, path, OpenMode::Ro)?, views: views.clone() }
            }
        };
        Ok(Self { name: settings.name.clone(), location, recommended: settings.recommended_pragmas })
    }

    /// Whether the database lives in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.location, Location::Memory { .. })
    }

    /// The connection that writes; nothing where the database may only be read.
    pub(crate) fn writer(&self) -> Result<Option<Connection>, Fault> {
        let opened = match &self.location {
            Location::File { mode: OpenMode::Ro, .. } | Location::Views { .. } => return Ok(None),
            Location::File { path, .. } => open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, BUSY)
                .and_then(|connection| logged(connection, self.recommended)),
            Location::Memory { uri } => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                    | OpenFlags::SQLITE_OPEN_CREATE
                    | OpenFlags::SQLITE_OPEN_URI;
                open(Path::new(uri), flags, BUSY)
            }
        };
        let connection = opened.map_err(|error| self.refused(&error))?;
        self.tune(&connection).map_err(|error| self.refused(&error))?;
        Ok(Some(connection))
    }

    /// A connection that reads.
    pub(crate) fn reader(&self) -> Result<Connection, Fault> {
        self.reading(BUSY)
    }

    /// A connection that reads and never waits.
    pub(crate) fn express(&self) -> Result<Connection, Fault> {
        self.reading(0)
    }

    /// What keeps reading cheap beside a writer; a database in memory has no log and needs none.
    pub(crate) fn anchor(&self) -> Result<Option<Anchor>, Fault> {
        if self.is_in_memory() {
            Ok(None)
        } else {
            self.reading(0).map(|connection| Some(Anchor::new(connection)))
        }
    }

    /// What may be read, where not everything may.
    pub(crate) fn shown(&self) -> Result<Option<Arc<Shown>>, Fault> {
        let Location::Views { views, .. } = &self.location else { return Ok(None) };
        let mut connection = self.express()?;
        let shown = Shown::of(&mut connection, views).map_err(|error| self.refused(&error))?;
        Ok(Some(Arc::new(shown)))
    }

    fn reading(&self, patience: u32) -> Result<Connection, Fault> {
        let connect = || {
            let connection = match &self.location {
                Location::File { path, .. } => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, patience)?,
                Location::Memory { uri } => {
                    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                    open(Path::new(uri), flags, patience)?
                }
                Location::Views { path, views } => {
                    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, patience)?;
                    Shown::make(&connection, views)?;
                    connection
                }
            };
            connection.pragma_update(None, "query_only", true)?;
            self.tune(&connection)?;
            // The first look at the file: SQLite opens it lazily.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        connect().map_err(|error| self.refused(&error))
    }

    fn tune(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "foreign_keys", self.recommended)?;
        if self.recommended {
            connection.pragma_update(None, "cache_size", -8_192)?;
        }
        Ok(())
    }

    /// Why SQLite would not open the database.
    pub(crate) fn refused(&self, error: &rusqlite::Error) -> Fault {
        let name = &self.name;
        let fault = match code(error) {
            Some(ErrorCode::NotADatabase) => Fault::yours(format!("the file of database {name:?} is not an SQLite database"))
                .remedy("name another file, or move this one away and let a new one be created with mode: rwc"),
            Some(ErrorCode::DatabaseCorrupt) => Fault::theirs(format!("the file of database {name:?} is damaged"))
                .remedy("restore it from a backup, or save what is left with: sqlite3 FILE .recover"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Fault::theirs(format!("database {name:?} is locked by another process"))
                    .remedy("stop the other process, or make it use WAL mode as we do")
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Fault::yours(format!("database {name:?} cannot be opened"))
                    .remedy("make the file and its folder readable and writable for this user, the -wal and -shm files beside it too")
            }
            Some(ErrorCode::DiskFull) => Fault::theirs(format!("no space is left for database {name:?}"))
                .remedy("make room on the disk"),
            _ => Fault::theirs(format!("database {name:?} cannot be opened"))
                .remedy("see the cause; PRAGMA integrity_check tells whether the file is sound"),
        };
        let fault = fault.because(error);
        match &self.location {
            Location::File { path, .. } | Location::Views { path, .. } => fault.in_file(path),
            Location::Memory { .. } => fault,
        }
    }
}

/// The file of a database: absolute, because SQLite would read a relative path that begins with "file:" as a URI.
fn found(name: &str, path: &Path, mode: OpenMode) -> Result<PathBuf, Fault> {
    let path = std::path::absolute(path).map_err(|error| unreadable(name, path, &error))?;
    look(name, &path, mode)?;
    Ok(path)
}

fn open(path: &Path, flags: OpenFlags, patience: u32) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_millis(patience.into()))?;
    // A hostile schema must not call functions, and no statement may rewrite the schema as data.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    connection.set_prepared_statement_cache_capacity(KEPT);
    Ok(connection)
}

/// Makes a writable file keep a log beside it, synced at each commit: with less an answered write could be lost.
fn logged(connection: Connection, recommended: bool) -> rusqlite::Result<Connection> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    if recommended {
        connection.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
    }
    Ok(connection)
}

/// A name in SQLite's memory that no other database of this process has.
fn nowhere_else() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("file:/countersign-{}?vfs=memdb", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Finds what SQLite would only call "unable to open database file", and makes a missing file.
fn look(name: &str, path: &Path, mode: OpenMode) -> Result<(), Fault> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(Fault::yours(format!("database {name:?} needs a file, and this is a folder"))
                .in_file(path)
                .remedy("name a file inside the folder"));
        }
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unreadable(name, path, &error)),
        Err(_) => {}
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        return Err(Fault::yours(format!("the folder of database {name:?} does not exist"))
            .in_file(path)
            .remedy(format!("make it: mkdir -p {}", folder.display())));
    }
    if mode != OpenMode::Rwc {
        return Err(Fault::yours(format!("the file of database {name:?} does not exist"))
            .in_file(path)
            .remedy("correct the path, or let the file be created with mode: rwc"));
    }
    // Ours alone from its first moment; SQLite gives the files beside it the same mode.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unreadable(name, path, &error)),
        _ => Ok(()),
    }
}

fn unreadable(name: &str, path: &Path, error: &Error) -> Fault {
    Fault::yours(format!("the file of database {name:?} cannot be reached"))
        .in_file(path)
        .because(error)
        .remedy("make the folder and the file readable and writable for this user")
}
