//! Word from the kernel that something happened in a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;

use super::named::Named;

/// The folders that are followed. To a reader the kernel's word comes as through a pipe.
pub(super) struct Folders(Receiver);

impl Folders {
    /// Follows every folder through which the paths lead.
    ///
    /// # Errors
    /// Where the kernel does not tell, or has no room for one more who asks.
    pub(super) fn follow(named: &BTreeSet<Named>) -> io::Result<Self> {
        let kernel = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        for folder in folders(named) {
            match inotify::add_watch(&kernel, &folder, happenings()) {
                // A folder that is not there, or closed to us, is compared from time to time.
                Ok(_) | Err(Errno::NOENT | Errno::ACCESS | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(Receiver::from_owned_fd_unchecked(kernel)?))
    }

    /// Returns when something has happened; what exactly is for those who look.
    pub(super) async fn told(&self) {
        let mut buffer = [0; ROOM];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut buffer) {
                Ok(1..) => {
                    while self.0.try_read(&mut buffer).is_ok_and(|more| more > 0) {}
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => break,
            }
        }
        // Nobody tells any more; the comparison goes on.
        std::future::pending::<()>().await;
    }
}

/// The folder of each path, and of each symbolic link on the way.
fn folders(named: &BTreeSet<Named>) -> BTreeSet<PathBuf> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for Named(path) in named {
        if path.is_dir() {
            found.insert(path.clone());
        }
        walk(&std::path::absolute(path).unwrap_or_else(|_| path.clone()), &mut found, &mut seen);
    }
    found
}

fn walk(path: &Path, found: &mut BTreeSet<PathBuf>, seen: &mut BTreeSet<PathBuf>) {
    // Links may lead in a circle.
    if seen.len() > MOST_STEPS || !seen.insert(path.to_owned()) {
        return;
    }
    found.extend(path.parent().map(Path::to_owned));
    for part in path.ancestors() {
        let (Ok(target), Some(folder)) = (fs::read_link(part), part.parent()) else { continue };
        found.insert(folder.to_owned());
        let Ok(rest) = path.strip_prefix(part) else { continue };
        // Joined to an absolute path, it is that path.
        let beyond = folder.join(target);
        let beyond = if rest.as_os_str().is_empty() { beyond } else { beyond.join(rest) };
        walk(&beyond, found, seen);
    }
}

/// A file that was written is told when it is closed; one that was moved in place at once.
fn happenings() -> WatchFlags {
    WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

const ROOM: usize = 4096;
/// More than any sane tree of links; each path on the way counts.
const MOST_STEPS: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;

    use super::{Named, folders};

    #[test]
    fn the_folder_of_each_link_on_the_way_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("mount/..2026")).unwrap();
        files::write_public(&at("mount/..2026/tls.crt"), b"x").unwrap();
        symlink("..2026", at("mount/..data")).unwrap();
        symlink("..data/tls.crt", at("mount/tls.crt")).unwrap();
        symlink("mount", at("tls")).unwrap();
        let found = folders(&BTreeSet::from([Named(at("tls/tls.crt"))]));
        for name in ["", "tls", "mount", "mount/..data", "mount/..2026"] {
            let wanted = if name.is_empty() { folder.path().to_owned() } else { at(name) };
            assert!(found.contains(&wanted), "{name:?} is missing in {found:?}");
        }
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        symlink(&two, &one).unwrap();
        symlink(&one, &two).unwrap();
        assert!(folders(&BTreeSet::from([Named(one)])).contains(folder.path()));
    }
}
