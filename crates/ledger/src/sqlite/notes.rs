//! Notes in SQLite.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use time::OffsetDateTime;

use super::read::{millis, moment};
use super::write::Failure;
use crate::error::LedgerError;
use crate::note::{NewNote, Note, Shelf};
use crate::page::Page;

pub(super) fn one(connection: &Connection, shelf: Shelf, key: &str) -> rusqlite::Result<Option<Note>> {
    connection
        .prepare_cached("SELECT key, text, version, expires_at FROM notes WHERE shelf = ?1 AND key = ?2")?
        .query_row(params![shelf.as_str(), key], note)
        .optional()
}

pub(super) fn some(
    connection: &Connection,
    shelf: Shelf,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Note>> {
    let limit = if limit == 0 { Page::MAX_LIMIT } else { limit.min(Page::MAX_LIMIT) };
    connection
        .prepare_cached(
            "SELECT key, text, version, expires_at FROM notes WHERE shelf = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        )?
        .query_map(params![shelf.as_str(), after.unwrap_or_default(), i64::try_from(limit).unwrap_or(i64::MAX)], note)?
        .collect()
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    let expires_at = row.get::<_, Option<i64>>(3)?.map(moment).transpose()?;
    Ok(Note {
        key: row.get(0)?,
        text: row.get(1)?,
        version: row.get::<_, i64>(2)?.cast_unsigned(),
        expires_at,
    })
}

/// The version that was written.
pub(super) fn write(transaction: &Transaction<'_>, shelf: Shelf, note: &NewNote) -> Result<u64, Failure> {
    let NewNote { key, text, expires_at, seen } = note;
    let expires_at = expires_at.map(millis);
    let (written, version) = match seen {
        None => {
            let insert =
                "INSERT INTO notes (shelf, key, text, version, expires_at) VALUES (?1, ?2, ?3, 1, ?4)
                 ON CONFLICT DO NOTHING";
            (
                transaction.prepare_cached(insert)?.execute(params![
                    shelf.as_str(),
                    key,
                    text,
                    expires_at
                ])?,
                1,
            )
        }
        Some(seen) => {
            let update = "UPDATE notes SET text = ?3, expires_at = ?4, version = version + 1
                 WHERE shelf = ?1 AND key = ?2 AND version = ?5";
            let given = params![shelf.as_str(), key, text, expires_at, seen.cast_signed()];
            (transaction.prepare_cached(update)?.execute(given)?, seen + 1)
        }
    };
    if written == 0 { Err(changed(shelf, key)) } else { Ok(version) }
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    shelf: Shelf,
    key: &str,
    seen: u64,
) -> Result<(), Failure> {
    let delete = "DELETE FROM notes WHERE shelf = ?1 AND key = ?2 AND version = ?3";
    let removed =
        transaction.prepare_cached(delete)?.execute(params![shelf.as_str(), key, seen.cast_signed()])?;
    if removed == 0 { Err(changed(shelf, key)) } else { Ok(()) }
}

/// How many were removed.
pub(super) fn prune(transaction: &Transaction<'_>, before: OffsetDateTime) -> Result<u64, Failure> {
    let delete = "DELETE FROM notes WHERE expires_at < ?1";
    Ok(transaction.prepare_cached(delete)?.execute([millis(before)])? as u64)
}

fn changed(shelf: Shelf, key: &str) -> Failure {
    Failure::Refused(LedgerError::Changed { shelf, key: key.to_owned() })
}
