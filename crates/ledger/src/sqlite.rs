//! The ledger in one SQLite file: WAL, synced before every answer, one writer whose commits are shared by all who
//! wait.

mod lock;
mod notes;
mod place;
mod read;
mod schema;
pub(crate) mod views;
mod watch;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fault::Fault;
use identity::{Fingerprint, Pin, RevocationReason};
use rusqlite::{Connection, OpenFlags};
use time::OffsetDateTime;

use crate::audit::{AuditEvent, AuditFilter};
use crate::error::LedgerError;
use crate::id::LedgerId;
use crate::ledger::{Answer, Ledger};
use crate::lock::Lock;
use crate::note::{NewNote, Note, Shelf};
use crate::page::Page;
use crate::record::{CertificateFilter, CertificateId, CertificateRecord, DraftRecord};
use crate::revocation::{Denial, RevocationRecord, Revoked};
use place::Place;
use watch::Watch;
use write::{Change, Outcome};
use writer::Writer;

/// The ledger in one SQLite file, readable by its owner alone.
///
/// Every change is in the file, synced, before its verb answers; callers who wait at the same time share one sync.
/// Other processes may read and write the same file.
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    writer: Writer,
    reader: Arc<Mutex<Option<Connection>>>,
    /// Lists are long, and whoever looks one thing up does not wait behind them.
    lister: Arc<Mutex<Option<Connection>>>,
    watch: Watch,
}

impl SqliteLedger {
    /// Opens the ledger, creating the file (mode 0600) where there is none and bringing an older one up to date.
    ///
    /// # Errors
    /// Where the file cannot be opened or created, is not a ledger, or was made by a newer countersign.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let place = owner_only(path).map_err(|error| unusable(path, error))?;
        let mut connection = connect(path).map_err(|error| unusable(path, error))?;
        schema::bring_up_to_date(&mut connection, path)?;
        let reader = connect(path).map_err(|error| unusable(path, error))?;
        let lister = connect(path).map_err(|error| unusable(path, error))?;
        let eye = connect(path).map_err(|error| unusable(path, error))?;
        // All have opened one and the same file, or there is no ledger.
        place.check()?;
        let watch = Watch::new(eye, place.clone());
        let writer =
            Writer::start(connection, place, watch.announced()).map_err(|error| unusable(path, error))?;
        let shared = |connection| Arc::new(Mutex::new(Some(connection)));
        Ok(Self { path: path.to_owned(), writer, reader: shared(reader), lister: shared(lister), watch })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers a question on the reading connection.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(answered(Arc::clone(&self.reader), question))
    }

    /// Answers a question whose answer is a list.
    fn list<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(answered(Arc::clone(&self.lister), question))
    }

    fn number(&self, change: Change) -> Answer<'_, u64> {
        Box::pin(async move {
            match self.writer.apply(change).await? {
                Outcome::Number(number) => Ok(number),
                Outcome::Done | Outcome::Revoked(_) => Err(mistaken()),
            }
        })
    }

    fn taken_back(&self, change: Change) -> Answer<'_, Revoked> {
        Box::pin(async move {
            match self.writer.apply(change).await? {
                Outcome::Revoked(revoked) => Ok(*revoked),
                Outcome::Done | Outcome::Number(_) => Err(mistaken()),
            }
        })
    }

    fn change(&self, change: Change) -> Answer<'_, ()> {
        Box::pin(async move { self.writer.apply(change).await.map(|_done| ()) })
    }
}

/// Answers a question on a connection, off the caller's thread because it may touch the disk.
async fn answered<T: Send + 'static>(
    connection: Arc<Mutex<Option<Connection>>>,
    question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, LedgerError> {
    let answer = tokio::task::spawn_blocking(move || {
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        question(connection.as_ref().ok_or(LedgerError::Closed)?).map_err(storage)
    });
    answer.await.map_err(|error| LedgerError::Storage(error.to_string()))?
}

/// The writer answered another question than the one that was asked.
fn mistaken() -> LedgerError {
    LedgerError::Storage("the writer gave another answer than the change has".into())
}

impl Ledger for SqliteLedger {
    fn record(&self, draft: DraftRecord) -> Answer<'_, ()> {
        self.change(Change::Record(Box::new(draft)))
    }

    fn complete(&self, id: CertificateId, der: Vec<u8>, at: OffsetDateTime) -> Answer<'_, ()> {
        self.change(Change::Complete { id, der, at })
    }

    fn abandon(&self, id: CertificateId, why: String, at: OffsetDateTime) -> Answer<'_, ()> {
        self.change(Change::Abandon { id, why, at })
    }

    fn revoke(&self, id: CertificateId, reason: RevocationReason, at: OffsetDateTime) -> Answer<'_, Revoked> {
        self.taken_back(Change::Revoke { id, reason, at })
    }

    fn deny(&self, denial: Denial) -> Answer<'_, Revoked> {
        self.taken_back(Change::Deny(denial))
    }

    fn revocations(&self, since: u64, limit: usize) -> Answer<'_, Vec<RevocationRecord>> {
        self.ask(move |connection| read::revocations(connection, since, limit))
    }

    fn next_crl_number(&self, issuer: Pin) -> Answer<'_, u64> {
        self.number(Change::NumberCrl { issuer })
    }

    fn crl_numbers(&self) -> Answer<'_, Vec<(Pin, u64)>> {
        self.ask(read::crl_numbers)
    }

    fn raise_crl_number(&self, issuer: Pin, at_least: u64) -> Answer<'_, u64> {
        self.number(Change::RaiseCrlNumber { issuer, at_least })
    }

    fn certificate(&self, id: CertificateId) -> Answer<'_, Option<CertificateRecord>> {
        self.ask(move |connection| read::certificate(connection, &id))
    }

    fn certificate_by_fingerprint(&self, fingerprint: Fingerprint) -> Answer<'_, Option<CertificateRecord>> {
        self.ask(move |connection| read::certificate_by_fingerprint(connection, fingerprint))
    }

    fn certificates(&self, filter: CertificateFilter) -> Answer<'_, Page<CertificateRecord>> {
        self.list(move |connection| read::certificates(connection, &filter))
    }

    fn note(&self, shelf: Shelf, key: String) -> Answer<'_, Option<Note>> {
        self.ask(move |connection| notes::one(connection, shelf, &key))
    }

    fn notes(&self, shelf: Shelf, after: Option<String>, limit: usize) -> Answer<'_, Vec<Note>> {
        self.ask(move |connection| notes::some(connection, shelf, after.as_deref(), limit))
    }

    fn write_note(&self, shelf: Shelf, note: NewNote) -> Answer<'_, u64> {
        self.number(Change::WriteNote { shelf, note })
    }

    fn remove_note(&self, shelf: Shelf, key: String, seen: u64) -> Answer<'_, ()> {
        self.change(Change::RemoveNote { shelf, key, seen })
    }

    fn prune_notes(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        self.number(Change::PruneNotes { before })
    }

    fn audit(&self, events: Vec<AuditEvent>) -> Answer<'_, ()> {
        self.change(Change::Audit(events))
    }

    fn audit_events(&self, filter: AuditFilter) -> Answer<'_, Page<AuditEvent>> {
        self.list(move |connection| read::audit_events(connection, &filter))
    }

    fn prune_audit(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        self.number(Change::PruneAudit { before })
    }

    fn prune_minted(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                let more = self.number(Change::PruneMinted { before }).await?;
                removed += more;
                if more < write::PRUNED_AT_ONCE {
                    return Ok(removed);
                }
            }
        })
    }

    fn id(&self) -> Answer<'_, LedgerId> {
        self.ask(read::id)
    }

    fn revision(&self) -> Answer<'_, u64> {
        self.ask(read::revision)
    }

    fn changed(&self, since: u64) -> Answer<'_, u64> {
        Box::pin(self.watch.past(since))
    }

    fn lock(&self, what: &str) -> Answer<'_, Option<Lock>> {
        let taken = lock::take(&self.path, what);
        let closed = self.reader.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        Box::pin(std::future::ready(if closed { Err(LedgerError::Closed) } else { taken }))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // Those who read go first: the writer's last checkpoint can then empty the WAL.
            self.watch.close();
            for reading in [&self.reader, &self.lister] {
                drop(reading.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            self.writer.close().await
        })
    }
}

/// Makes sure of the file and its mode before SQLite sees it; the WAL beside it inherits the mode.
fn owner_only(path: &Path) -> std::io::Result<Place> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Place::of(path, &file)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> Fault {
    Fault::theirs("the ledger cannot be opened")
        .in_file(path)
        .because(error)
        .remedy("see that the folder exists, that this user may write to it, and that its disk has room")
}

fn storage(error: rusqlite::Error) -> LedgerError {
    LedgerError::Storage(error.to_string())
}

/// Up to 32 MiB of pages stay in memory (a negative size counts KiB): serials and fingerprints are random, so every
/// new one lands on another page of its index.
const CACHE: i64 = -32 * 1024;
/// Pages of WAL before they are written home, 32 MiB: a page that changes often is then written home once.
const CHECKPOINT: i64 = 8192;
/// How long to wait for another process that is writing.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);
