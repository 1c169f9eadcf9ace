//! Locks beside a SQLite ledger: an empty file for each, which the system locks for one opener at a time.

use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::LedgerError;
use crate::lock::Lock;

/// Takes the lock of this name, unless somebody has it. The file stays: removing it would let two hold it.
pub(super) fn take(ledger: &Path, what: &str) -> Result<Option<Lock>, LedgerError> {
    if what.is_empty()
        || !what.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Err(LedgerError::Storage(format!("\"{what}\" is no name of a lock")));
    }
    let mut path = ledger.as_os_str().to_owned();
    path.push(format!("-{what}.lock"));
    let unusable =
        |error: io::Error| LedgerError::Storage(format!("{}: {error}", Path::new(&path).display()));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock::on(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}
