use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fault::Fault;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Takes the lock on the folder that the realm will stand in, so that two processes do not make it at once. The lock
/// is the kernel's: it leaves no file, and goes with the process.
pub(super) fn take(realm: &Path) -> Result<File, Fault> {
    let parent = parent(realm);
    let folder = File::open(&parent).map_err(|error| {
        Fault::yours("the realm has no folder to stand in")
            .in_file(&parent)
            .because(error)
            .remedy(format!("make it first: mkdir -p {}", parent.display()))
    })?;
    for _ in 0..TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
            Err(error) => {
                return Err(Fault::theirs("the folder cannot be locked").in_file(&parent).because(error));
            }
        }
    }
    Err(Fault::theirs("another process is making a realm here")
        .in_file(&parent)
        .remedy("wait for it, and try again"))
}

/// The folder that holds the realm.
pub(super) fn parent(realm: &Path) -> PathBuf {
    match realm.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

const PAUSE: Duration = Duration::from_millis(50);
/// Ten seconds; a realm is made in less than one.
const TRIES: u32 = 200;
