//! Links and leftovers in a folder of ours: a link is replaced in one step, and what is removed is gone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fault::Fault;

use crate::read::{quoted, words};

/// Points a link at `target`, replacing one that is there: whoever follows it comes to the old place or to the new one.
///
/// # Errors
/// A fault that names the link; it then points where it did.
pub fn point(link: &Path, target: &Path) -> Result<(), Fault> {
    let fault = |error: io::Error| {
        Fault::theirs(format!("cannot set the link {}", quoted(link))).in_file(link).because(words(&error))
    };
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = parent(link);
    let temporary = folder.join(format!(".countersign.{}.{number}.link.tmp", std::process::id()));
    // Left behind by a process that had our number and died.
    fs::remove_file(&temporary).or_else(missing_is_fine).map_err(fault)?;
    symlink(target, &temporary).map_err(fault)?;
    let done = fs::rename(&temporary, link).and_then(|()| File::open(&folder)?.sync_all());
    done.inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(fault)
}

/// Removes a file, a link (and not what it points at), or a folder with all that is in it; nothing there is as good.
///
/// # Errors
/// A fault that names it.
pub fn clear(path: &Path) -> Result<(), Fault> {
    let fault = |error: io::Error| {
        Fault::theirs(format!("cannot remove {}", quoted(path))).in_file(path).because(words(&error))
    };
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.or_else(missing_is_fine).map_err(fault)?;
    File::open(parent(path)).and_then(|folder| folder.sync_all()).or_else(missing_is_fine).map_err(fault)
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{clear, point};

    #[test]
    fn a_link_is_replaced_in_one_step_and_removed_without_what_it_points_at() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        for name in ["one", "two"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            crate::write_public(&folder.path().join(name).join("file"), name.as_bytes()).unwrap();
            point(&link, Path::new(name)).unwrap();
            assert_eq!(fs::read_to_string(link.join("file")).unwrap(), name);
        }
        clear(&link).unwrap();
        clear(&link).unwrap();
        assert!(!link.exists() && folder.path().join("two/file").exists());
        clear(&folder.path().join("two")).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["one"]);
    }
}
