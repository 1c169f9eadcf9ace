//! What SQLite lets a statement do, decided while it is compiled.
//!
//! SQLite asks an authorizer about every action of every statement, those in triggers, views and common table
//! expressions included. No SQL is read by us, so none can be disguised. The authorizer is one of three locks
//! on a reading connection; the others are its read-only handle and `query_only`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ffi};

use crate::outcome::RunError;
use crate::shown::Shown;

/// Why an action was denied, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Denied {
    /// A write on a connection that reads.
    Write = 1,
    /// `BEGIN`, `COMMIT`, `SAVEPOINT` and the like.
    Transaction,
    /// `CREATE TEMP`.
    Temporary,
    /// A pragma that is on none of the lists below.
    Pragma,
    /// A function that reaches outside the database.
    Function,
    /// `ATTACH`, `DETACH`.
    Attach,
    /// A table of a file of which only views are shown.
    Table,
    /// An action that this version of SQLite knows and we do not.
    Unknown,
}

impl Denied {
    const ALL: [Self; 8] = [
        Self::Write,
        Self::Transaction,
        Self::Temporary,
        Self::Pragma,
        Self::Function,
        Self::Attach,
        Self::Table,
        Self::Unknown,
    ];

    /// What the client hears; nothing for a write, which another connection may run.
    pub(crate) fn error(self) -> Option<RunError> {
        Some(match self {
            Self::Write => return None,
            Self::Transaction => RunError::said(
                "transaction control is not available in a single request; send the statements of a transaction as 'statements'",
                ffi::SQLITE_AUTH,
            ),
            Self::Temporary => RunError::NotPermitted("temporary objects are disabled"),
            Self::Pragma => RunError::NotPermitted("this PRAGMA is disabled"),
            Self::Function => RunError::NotPermitted("this function is disabled"),
            Self::Attach => RunError::NotPermitted("ATTACH/DETACH is disabled"),
            Self::Table => RunError::NotPermitted("only this database's views can be read"),
            Self::Unknown => RunError::NotPermitted("this kind of statement is disabled"),
        })
    }
}

/// Whose statement is being compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// A client's.
    Client = 0,
    /// Ours: transaction control.
    Own,
    /// A client's that is compiled as if it might write, to see whether it would.
    Compile,
    /// A client's `VACUUM`, which attaches a nameless database to copy into.
    Vacuum,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Reads alone.
    Read,
    /// Reads and writes.
    Write,
}

/// The authorizer of one connection, seen from outside.
#[derive(Debug)]
pub(crate) struct Policy(Arc<State>);

#[derive(Debug, Default)]
struct State {
    mode: AtomicU8,
    denied: AtomicU8,
}

impl Policy {
    /// Puts the authorizer of `duty` on the connection.
    ///
    /// With `shown`, nothing can be read but the views that it knows, and no pragma tells anything.
    pub(crate) fn install(
        connection: &mut Connection,
        duty: Duty,
        shown: Option<Arc<Shown>>,
    ) -> rusqlite::Result<Self> {
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        connection.authorizer(Some(move |asked: AuthContext<'_>| {
            let mode = seen.mode.load(Ordering::Relaxed);
            let judged = shown.as_deref().map_or(Ok(()), |shown| judge_shown(&asked, shown, mode));
            match judged.and_then(|()| judge(&asked, duty, mode)) {
                Ok(()) => Authorization::Allow,
                Err(denied) => {
                    seen.denied.fetch_max(denied as u8, Ordering::Relaxed);
                    Authorization::Deny
                }
            }
        }))?;
        Ok(Self(state))
    }

    /// Does `work` in `mode`. What is compiled meanwhile must not be kept for clients to find: a statement out of
    /// the cache is not asked about again.
    pub(crate) fn within<T>(&self, mode: Mode, work: impl FnOnce() -> T) -> T {
        self.0.mode.store(mode as u8, Ordering::Relaxed);
        // Taken back even where the work panics: what follows is a client's again.
        let _back = Back(&self.0.mode);
        work()
    }

    /// Forgets what was denied before.
    pub(crate) fn clear_denied(&self) {
        self.0.denied.store(0, Ordering::Relaxed);
    }

    /// The gravest denial since [`clear_denied`](Self::clear_denied).
    pub(crate) fn denied(&self) -> Option<Denied> {
        let raw = self.0.denied.load(Ordering::Relaxed);
        Denied::ALL.into_iter().find(|denied| *denied as u8 == raw)
    }
}

/// Sets the mode back when it is dropped.
struct Back<'a>(&'a AtomicU8);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.store(Mode::Client as u8, Ordering::Relaxed);
    }
}

/// Pragmas that only tell, whatever their argument.
const TELLING: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that tell where they have no argument, and set where they have one.
const TELLING_ALONE: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "encoding",
    "foreign_keys",
    "journal_mode",
    "page_size",
    "recursive_triggers",
    "schema_version",
    "synchronous",
    "user_version",
];

/// Pragmas that write within the database and its transaction.
const WRITING: &[&str] = &["application_id", "incremental_vacuum", "optimize", "user_version"];

/// Functions that load code.
const OUTSIDE: &[&str] = &["load_extension", "fts3_tokenizer"];

fn judge(asked: &AuthContext<'_>, duty: Duty, mode: u8) -> Result<(), Denied> {
    let own = mode == Mode::Own as u8;
    let vacuum = mode == Mode::Vacuum as u8;
    match asked.action {
        AuthAction::Read { .. } | AuthAction::Select | AuthAction::Recursive => Ok(()),
        AuthAction::Function { function_name } => unless(among(OUTSIDE, function_name), Denied::Function),
        AuthAction::Pragma { pragma_name, pragma_value } if !own && !vacuum => {
            pragma(pragma_name, pragma_value, duty)
        }
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            unless(!own && !vacuum, Denied::Transaction)
        }
        AuthAction::Attach { filename } => unless(!(vacuum && filename.is_empty()), Denied::Attach),
        AuthAction::Detach { .. } => unless(!vacuum, Denied::Attach),
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => write(duty, mode).and(unless(!vacuum, Denied::Temporary)),
        // ATTACH with a placeholder for its file name: there is no name to hand over yet.
        AuthAction::Unknown { code: ffi::SQLITE_ATTACH, .. } => Err(Denied::Attach),
        AuthAction::Unknown { .. } => Err(Denied::Unknown),
        // Whatever is left changes the database or its schema.
        _ => write(duty, mode),
    }
}

/// What holds beside, where only views are shown.
fn judge_shown(asked: &AuthContext<'_>, shown: &Shown, mode: u8) -> Result<(), Denied> {
    match asked.action {
        _ if mode == Mode::Own as u8 => Ok(()),
        AuthAction::Read { table_name, column_name } => {
            let allowed = shown.allows(asked.database_name, table_name, column_name, asked.accessor);
            unless(!allowed, Denied::Table)
        }
        AuthAction::Pragma { .. } => Err(Denied::Pragma),
        _ => Ok(()),
    }
}

fn pragma(name: &str, value: Option<&str>, duty: Duty) -> Result<(), Denied> {
    if among(TELLING, name) || (value.is_none() && among(TELLING_ALONE, name)) {
        return Ok(());
    }
    unless(!among(WRITING, name), Denied::Pragma)?;
    // Never on a reading connection: SQLite calls some of these statements reads.
    unless(duty == Duty::Read, Denied::Write)
}

fn write(duty: Duty, mode: u8) -> Result<(), Denied> {
    unless(duty == Duty::Read && mode != Mode::Compile as u8, Denied::Write)
}

fn unless(forbidden: bool, denied: Denied) -> Result<(), Denied> {
    if forbidden { Err(denied) } else { Ok(()) }
}

fn among(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
