//! Several files that belong together, replaced at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fault::Fault;

use crate::{create_folder, create_secret, write_public};

/// A file of a folder: its name and its content.
#[derive(Clone, Copy)]
pub enum Item<'a> {
    /// One that everyone may read.
    Public(&'a str, &'a [u8]),
    /// One that its owner alone may read.
    Secret(&'a str, &'a [u8]),
}

/// Replaces the files of a folder all at once: `link` becomes a symbolic link to a new folder that holds these and no
/// others. Whoever reads finds all of the old ones or all of the new ones, also across a crash.
///
/// # Errors
/// Where something cannot be written, or `link` is there and is no link; the old files are then untouched.
pub fn swap_folder(link: &Path, items: &[Item<'_>]) -> Result<(), Fault> {
    let (parent, name) = place(link)?;
    if fs::symlink_metadata(link).is_ok_and(|found| !found.is_symlink()) {
        return Err(Fault::yours("the place is taken by something that is no link")
            .in_file(link)
            .remedy("move it away"));
    }
    create_folder(&parent)?;
    let hidden = format!(".{name}.{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = parent.join(&hidden);
    // One of a process that had our number and died.
    let _ = fs::remove_dir_all(&folder);
    create_folder(&folder)?;
    let put = || {
        for item in items {
            match item {
                Item::Public(name, content) => write_public(&folder.join(name), content)?,
                Item::Secret(name, content) => create_secret(&folder.join(name), content)?,
            }
        }
        publish(link, &parent, &hidden)
    };
    match put() {
        Ok(()) => {
            sweep(&parent, &name, Some(&hidden));
            Ok(())
        }
        Err(fault) => {
            let _ = fs::remove_dir_all(&folder);
            Err(fault)
        }
    }
}

/// Removes a folder that [`swap_folder`] made, the link first, so that nobody finds a part of it.
///
/// # Errors
/// Where it is not there or cannot be removed.
pub fn remove_folder(link: &Path) -> Result<(), Fault> {
    let (parent, name) = place(link)?;
    fs::remove_file(link)
        .map_err(|error| Fault::theirs("cannot remove the folder").in_file(link).because(error))?;
    sweep(&parent, &name, None);
    Ok(())
}

fn place(link: &Path) -> Result<(PathBuf, String), Fault> {
    let name = link.file_name().and_then(|name| name.to_str());
    match (link.parent(), name) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), name.to_owned())),
        _ => Err(Fault::ours("a folder without a name").in_file(link)),
    }
}

fn publish(link: &Path, parent: &Path, hidden: &str) -> Result<(), Fault> {
    let fault =
        |error: std::io::Error| Fault::theirs("cannot put the files in place").in_file(link).because(error);
    let new = parent.join(format!("{hidden}.link"));
    let _ = fs::remove_file(&new);
    symlink(hidden, &new).and_then(|()| fs::rename(&new, link)).map_err(fault)?;
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(fault)
}

/// What earlier folders of this name left, beside the one in force.
fn sweep(parent: &Path, name: &str, current: Option<&str>) {
    let ours = |found: &str| {
        let rest = found.strip_prefix(&format!(".{name}.")).unwrap_or_default();
        let mut parts = rest.split('.');
        let numbers = (parts.next(), parts.next());
        let number = |part: Option<&str>| {
            part.is_some_and(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))
        };
        number(numbers.0) && number(numbers.1) && parts.all(|part| part == "link") && Some(found) != current
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(ours) {
            // What is left over takes room and says nothing; the next swap tries again.
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Item, remove_folder, swap_folder};

    #[test]
    fn files_that_belong_together_change_together_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("sub/web");
        for n in ["1", "2", "3"] {
            swap_folder(
                &link,
                &[Item::Public("tls.crt", n.as_bytes()), Item::Secret("tls.key", n.as_bytes())],
            )
            .unwrap();
            assert_eq!(fs::read_to_string(link.join("tls.crt")).unwrap(), n);
            assert_eq!(fs::read_to_string(link.join("tls.key")).unwrap(), n);
            assert_eq!(fs::metadata(link.join("tls.key")).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(
            fs::read_dir(folder.path().join("sub")).unwrap().count(),
            2,
            "the link and what it points at"
        );
        remove_folder(&link).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 0);
        assert!(remove_folder(&link).is_err());
    }

    #[test]
    fn what_is_no_link_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("web");
        fs::create_dir(&link).unwrap();
        assert!(swap_folder(&link, &[]).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_of_a_longer_name_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let (short, long) = (folder.path().join("web"), folder.path().join("web.1"));
        swap_folder(&long, &[Item::Public("a", b"long")]).unwrap();
        swap_folder(&short, &[Item::Public("a", b"short")]).unwrap();
        swap_folder(&short, &[Item::Public("a", b"short")]).unwrap();
        assert_eq!(fs::read_to_string(long.join("a")).unwrap(), "long");
    }
}
