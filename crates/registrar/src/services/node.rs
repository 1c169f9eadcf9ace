//! Which of the nodes that share a ledger this is, and where it keeps its services' files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fault::Fault;

/// A folder for services' files, taken by this process alone until it ends.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// Tells the notes of whoever has this folder from those of others: drawn once, and the same ever after.
    pub(super) name: String,
    /// Holds the lock, which the kernel lets go of with the process.
    _taken: File,
}

impl Place {
    /// Takes the first folder below `state` that no other process has: `services`, `services.2` and so on. A node that
    /// runs alone finds what it left there.
    pub(super) fn take(state: &Path) -> Result<Self, Fault> {
        for number in 1..=MOST {
            let folder = match number {
                1 => state.join(FOLDER),
                number => state.join(format!("{FOLDER}.{number}")),
            };
            files::create_folder(&folder)?;
            let path = folder.join(NAME);
            let taken = taken(&path).map_err(|error| {
                Fault::theirs("the folder of the services' certificates cannot be used")
                    .in_file(&path)
                    .because(error)
                    .remedy("see that this user may write to the folder, and that its disk has room")
            })?;
            if let Some((taken, name)) = taken {
                return Ok(Self { folder, name, _taken: taken });
            }
        }
        Err(Fault::yours(format!("{MOST} nodes run with one state folder"))
            .in_file(state)
            .remedy("give each node a folder of its own"))
    }
}

/// The file, locked, with the name in it; none where another process has it.
fn taken(path: &Path) -> io::Result<Option<(File, String)>> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut name = String::new();
    (&file).take(MOST_BYTES).read_to_string(&mut name)?;
    let name = name.trim().to_owned();
    if name.len() == 16 && name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(Some((file, name)));
    }
    let name = drawn()?;
    file.set_len(0)?;
    file.write_all_at(format!("{name}\n").as_bytes(), 0)?;
    file.sync_all()?;
    Ok(Some((file, name)))
}

fn drawn() -> io::Result<String> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("there is no randomness"))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

const FOLDER: &str = "services";
/// No service is called so.
const NAME: &str = ".node";
/// How many nodes may run with one state folder.
const MOST: u32 = 16;
const MOST_BYTES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_node_finds_its_folder_again_and_no_two_at_once_have_the_same() {
        let state = tempfile::tempdir().unwrap();
        let (first, second) = (Place::take(state.path()).unwrap(), Place::take(state.path()).unwrap());
        assert_eq!(first.folder, state.path().join("services"));
        assert_ne!((&first.folder, &first.name), (&second.folder, &second.name));
        assert_ne!(first.name, second.name);
        let name = first.name.clone();
        drop((first, second));
        assert_eq!(Place::take(state.path()).unwrap().name, name);
    }
}
