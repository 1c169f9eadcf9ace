use std::fmt;

use rusqlite::ErrorCode;
use rusqlite::ffi;
use wire::sql::SqlError;

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// SQLite refused the statement: an answer like any other.
    Sql(SqlError),
    /// The caller may only read, and a statement writes.
    ReadOnly,
    /// No caller may do this; the text says what.
    NotPermitted(&'static str),
    /// The request took longer than its limit and was interrupted.
    TimedOut,
    /// Too many requests are in the database already.
    Busy,
    /// The database is closing, or a thread of it has died.
    Unavailable,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => error.fmt(f),
            Self::ReadOnly => f.write_str("read-only (write not permitted)"),
            Self::NotPermitted(what) => write!(f, "statement not permitted by server policy: {what}"),
            Self::TimedOut => f.write_str("statement timed out"),
            Self::Busy => f.write_str("database busy: too many concurrent requests"),
            Self::Unavailable => f.write_str("database temporarily unavailable"),
        }
    }
}

impl std::error::Error for RunError {}

impl RunError {
    /// An error that SQLite would have given, had it looked.
    pub(crate) fn said(message: impl Into<String>, code: i32) -> Self {
        Self::Sql(SqlError { message: message.into(), code, extended_code: code, failed_index: None })
    }

    /// Names the statement of the batch that failed.
    pub(crate) fn at(self, index: Option<usize>) -> Self {
        match self {
            Self::Sql(error) => Self::Sql(SqlError { failed_index: index, ..error }),
            other => other,
        }
    }
}

/// What SQLite said, for the client.
pub(crate) fn sql_error(error: &rusqlite::Error) -> RunError {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => RunError::Sql(SqlError {
            message: message.clone().unwrap_or_else(|| ffi::code_to_str(failure.extended_code).to_owned()),
            code: failure.extended_code & 0xff,
            extended_code: failure.extended_code,
            failed_index: None,
        }),
        rusqlite::Error::SqlInputError { error, msg, .. } => RunError::Sql(SqlError {
            message: msg.clone(),
            code: error.extended_code & 0xff,
            extended_code: error.extended_code,
            failed_index: None,
        }),
        rusqlite::Error::MultipleStatement => RunError::said(
            "only one statement may be sent as 'sql'; send several as 'statements'",
            ffi::SQLITE_ERROR,
        ),
        other => RunError::said(other.to_string(), ffi::SQLITE_ERROR),
    }
}

/// SQLite's primary code, where it was SQLite that failed.
pub(crate) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    }
}
