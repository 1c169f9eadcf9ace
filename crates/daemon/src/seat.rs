//! The node's own place on disk: who it is, and where it keeps what it knows.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use fault::Fault;

/// A place in the state folder, taken by this process alone until it ends.
#[derive(Debug)]
pub(crate) struct Seat {
    folder: PathBuf,
    number: u32,
    id: String,
    /// Holds the lock, which the kernel lets go of with the process.
    _taken: File,
}

impl Seat {
    /// Takes the first place that no other process has. A node that runs alone finds what it left there.
    ///
    /// # Errors
    /// Where the folder cannot be made or written to, or every place is taken.
    pub(crate) fn take(folder: &Path) -> Result<Self, Fault> {
        files::create_folder(folder)?;
        for number in 1..=MOST {
            let path = folder.join(named("node", number, "id"));
            let taken = take(&path).map_err(|error| {
                Fault::theirs("the node's id cannot be kept")
                    .in_file(&path)
                    .because(error)
                    .remedy("see that this user may write to the folder, and that its disk has room")
            })?;
            if let Some((taken, id)) = taken {
                return Ok(Self { folder: folder.to_owned(), number, id, _taken: taken });
            }
        }
        Err(Fault::yours(format!("{MOST} nodes run with one state folder"))
            .in_file(folder)
            .remedy("give each node a folder of its own"))
    }

    /// Who this node is: 16 hexadecimal digits, drawn at its first start.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The file with what the ledger said is revoked.
    pub(crate) fn known(&self) -> PathBuf {
        self.folder.join(named("revocations", self.number, "known"))
    }
}

/// `node.id` for the first, `node.2.id` for the second.
fn named(what: &str, number: u32, ending: &str) -> String {
    if number == 1 { format!("{what}.{ending}") } else { format!("{what}.{number}.{ending}") }
}

/// The file, locked, with the id in it; none where another process has it.
fn take(path: &Path) -> std::io::Result<Option<(File, String)>> {
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut id = String::new();
    (&mut file).take(MOST_BYTES).read_to_string(&mut id)?;
    let id = id.trim().to_owned();
    if id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(Some((file, id)));
    }
    let id = draw()?;
    file.set_len(0)?;
    std::os::unix::fs::FileExt::write_all_at(&file, format!("{id}\n").as_bytes(), 0)?;
    file.flush()?;
    file.sync_all()?;
    Ok(Some((file, id)))
}

fn draw() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| std::io::Error::other("there is no randomness"))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// How many nodes may run with one state folder.
const MOST: u32 = 16;
const MOST_BYTES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::Seat;

    #[test]
    fn a_node_is_the_same_after_a_restart_and_no_two_at_once_are() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = Seat::take(&state).unwrap();
        let second = Seat::take(&state).unwrap();
        assert_ne!(first.id(), second.id());
        assert_ne!(first.known(), second.known());
        let (id, known) = (first.id().to_owned(), first.known());
        drop((first, second));
        let again = Seat::take(&state).unwrap();
        assert_eq!((again.id(), again.known()), (&*id, known));
    }

    #[test]
    fn an_id_that_cannot_be_read_is_drawn_anew() {
        let folder = tempfile::tempdir().unwrap();
        files::create_public(&folder.path().join("node.id"), b"\n").unwrap();
        let seat = Seat::take(folder.path()).unwrap();
        assert_eq!(seat.id().len(), 16);
        let id = seat.id().to_owned();
        drop(seat);
        assert_eq!(Seat::take(folder.path()).unwrap().id(), id);
    }
}
