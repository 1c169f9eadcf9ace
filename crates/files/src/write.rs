//! Whole files, atomically: a temporary file beside the target, synced, renamed, and its folder synced.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fault::Fault;

use crate::read::{quoted, words};

const PUBLIC: u32 = 0o644;
const SECRET: u32 = 0o600;
const FOLDER: u32 = 0o700;

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Replace,
    Keep,
}

/// Writes a file that everyone may read (0644), replacing one that is there.
///
/// # Errors
/// A fault that names the file; the old content is then untouched.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), Fault> {
    write(path, content, PUBLIC, Existing::Replace)
}

/// Writes a file that everyone may read (0644), where there is none yet.
///
/// # Errors
/// A fault that names the file, also where one is there.
pub fn create_public(path: &Path, content: &[u8]) -> Result<(), Fault> {
    write(path, content, PUBLIC, Existing::Keep)
}

/// Writes a file that its owner alone may read (0600), where there is none yet.
///
/// # Errors
/// A fault that names the file, also where one is there: a key that is overwritten is lost.
pub fn create_secret(path: &Path, content: &[u8]) -> Result<(), Fault> {
    write(path, content, SECRET, Existing::Keep)
}

/// Writes a file that its owner alone may read (0600), replacing one that is there.
///
/// # Errors
/// A fault that names the file; the old content is then untouched.
pub fn replace_secret(path: &Path, content: &[u8]) -> Result<(), Fault> {
    write(path, content, SECRET, Existing::Replace)
}

/// Makes a folder that its owner alone may enter (0700), and those above it; one that is there is left as it is.
///
/// # Errors
/// A fault that names the folder.
pub fn create_folder(path: &Path) -> Result<(), Fault> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER).create(path);
    made.map_err(|error| unwritable(format!("cannot make the folder {}", quoted(path)), path, &error))
}

fn write(path: &Path, content: &[u8], mode: u32, existing: Existing) -> Result<(), Fault> {
    let fault = |error: io::Error| unwritable(format!("cannot write {}", quoted(path)), path, &error);
    // A link (a folder of live certificates is often made of them) stays, and what it points at is replaced.
    let target = match (existing, fs::canonicalize(path)) {
        (Existing::Replace, Ok(target)) => target,
        _ => path.to_owned(),
    };
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let temporary = Temporary::make(&folder, mode).map_err(fault)?;
    temporary.fill(content, mode).and_then(|()| temporary.publish(&target, existing)).map_err(fault)?;
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(fault)
}

/// A file beside the target, removed where it was not published.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn make(folder: &Path, mode: u32) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".countersign.{}.{number}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Left behind by a process that had our number and died.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The mode is set, whatever the umask, before the first byte is there.
    fn fill(&self, content: &[u8], mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))?;
        (&self.file).write_all(content)?;
        self.file.sync_all()
    }

    /// A hard link, unlike a rename, fails where the target is there.
    fn publish(&self, target: &Path, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Replace => fs::rename(&self.path, target),
            Existing::Keep => fs::hard_link(&self.path, target),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove, and that is as it should be.
        fs::remove_file(&self.path).ok();
    }
}

fn unwritable(what: String, path: &Path, error: &io::Error) -> Fault {
    let folder = path.parent().unwrap_or(path).display();
    let fault = match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Fault::yours(what).remedy(format!("move the file away first: mv {0} {0}.old", path.display()))
        }
        io::ErrorKind::NotFound => {
            Fault::yours(what).remedy(format!("make the folder first: mkdir -p {folder}"))
        }
        io::ErrorKind::PermissionDenied => Fault::yours(what)
            .remedy(format!("let uid {} write to {folder}", rustix::process::geteuid().as_raw())),
        io::ErrorKind::StorageFull => Fault::theirs(what).remedy(format!("make room: df -h {folder}")),
        _ => Fault::theirs(what),
    };
    fault.in_file(path).because(words(error))
}

#[cfg(test)]
mod tests;
