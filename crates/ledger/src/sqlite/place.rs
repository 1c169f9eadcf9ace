use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::LedgerError;

/// Where the ledger's file is, and which file it was when it was opened.
///
/// A connection goes on with the file that it has opened when another one is put in its place: it would read what
/// nobody else writes, and write what nobody else reads.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    opened: Inode,
}

/// Device and number.
type Inode = (u64, u64);

impl Place {
    pub(super) fn of(path: &Path, file: &File) -> io::Result<Self> {
        let opened = file.metadata()?;
        Ok(Self { path: path.to_owned(), opened: (opened.dev(), opened.ino()) })
    }

    /// That the file which was opened is still the one at its path.
    ///
    /// # Errors
    /// Another one is there, or none.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.opened => Ok(()),
            Ok(_) => Err(LedgerError::Replaced(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LedgerError::Replaced(self.path.clone()))
            }
            Err(error) => Err(LedgerError::Storage(format!("{}: {error}", self.path.display()))),
        }
    }
}
