//! How one file takes another's place: where it lies until it does, and what it took the place of after.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fault::Fault;
use zeroize::Zeroizing;

use crate::read::words;
use crate::write::create_secret;

/// `client.next.crt` for `client.crt`: what will take its place.
#[must_use]
pub fn next(path: &Path) -> PathBuf {
    marked(path, "next")
}

/// `client.old.crt` for `client.crt`: what it took the place of.
#[must_use]
pub fn old(path: &Path) -> PathBuf {
    marked(path, "old")
}

fn marked(path: &Path, mark: &str) -> PathBuf {
    match (path.file_stem(), path.extension()) {
        (Some(stem), Some(extension)) => {
            let (stem, extension) = (stem.to_string_lossy(), extension.to_string_lossy());
            path.with_file_name(format!("{stem}.{mark}.{extension}"))
        }
        (Some(stem), None) => path.with_file_name(format!("{}.{mark}", stem.to_string_lossy())),
        (None, _) => path.join(mark),
    }
}

/// Copies a file that its owner alone may read, byte for byte: an encrypted key stays encrypted.
///
/// # Errors
/// A fault that names the file, also where one is there.
pub fn copy_secret(from: &Path, to: &Path) -> Result<(), Fault> {
    let content = fs::read(from).map(Zeroizing::new).map_err(|error| unmoved(from, &error))?;
    create_secret(to, &content)
}

/// Puts a file into another place of the same disk, atomically; what was there is gone.
///
/// # Errors
/// A fault that names the file; then both are as they were.
pub fn rename(from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to)
        .and_then(|()| synced(from))
        .and_then(|()| synced(to))
        .map_err(|error| unmoved(from, &error))
}

/// Removes a file, and says whether there was one.
///
/// # Errors
/// A fault that names the file.
pub fn remove(path: &Path) -> Result<bool, Fault> {
    match fs::remove_file(path).and_then(|()| synced(path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unmoved(path, &error)),
    }
}

fn synced(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn unmoved(path: &Path, error: &io::Error) -> Fault {
    Fault::theirs("the file cannot be moved or removed").in_file(path).because(words(error)).remedy(format!(
        "let uid {} write to its folder, and keep it on one disk",
        rustix::process::geteuid().as_raw()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{next, old};

    #[test]
    fn the_mark_stands_before_the_ending() {
        let path = Path::new("/realm/pki/issuers/client.crt");
        assert_eq!(next(path), Path::new("/realm/pki/issuers/client.next.crt"));
        assert_eq!(old(path), Path::new("/realm/pki/issuers/client.old.crt"));
        assert_eq!(next(Path::new("issuer.v2.pem")), Path::new("issuer.v2.next.pem"));
        assert_eq!(old(Path::new("issuer")), Path::new("issuer.old"));
    }
}
