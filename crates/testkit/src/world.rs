//! A folder for one test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Ran, binary};

/// A folder of the test's own; gone when the test ends.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty folder.
    ///
    /// # Panics
    /// When the system gives none.
    #[must_use]
    pub fn new() -> Self {
        Self {
            folder: tempfile::Builder::new().prefix("countersign-").tempdir().expect("a temporary folder"),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path inside the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it, and returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder inside the world");
        }
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_secret(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, content);
        self.set_mode(&path, 0o600);
        path
    }

    /// A file's content as text.
    ///
    /// # Panics
    /// When it cannot be read or is no text.
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A file's permission bits.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn mode(&self, name: impl AsRef<Path>) -> u32 {
        let path = self.path(name);
        fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
            & 0o7777
    }

    /// Sets a file's permission bits.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn set_mode(&self, name: impl AsRef<Path>, mode: u32) {
        let path = self.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Copies a folder's files (not its folders) into this world.
    ///
    /// # Panics
    /// When something cannot be copied.
    pub fn take(&self, from: &Path) {
        for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
            let entry = entry.expect("a folder can be listed");
            if entry.file_type().expect("an entry has a type").is_file() {
                fs::copy(entry.path(), self.path(entry.file_name())).expect("a file can be copied");
            }
        }
    }

    /// Runs a bash script inside the folder and expects success.
    ///
    /// # Panics
    /// When the script fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> Ran {
        self.try_sh(script).succeeded()
    }

    /// Runs a bash script inside the folder. `countersign` in it is the binary under test.
    pub fn try_sh(&self, script: &str) -> Ran {
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).current_dir(self.folder());
        let mut path = binary_folder().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
        Ran::from(&mut command, b"")
    }

    /// Runs our binary inside the folder with these arguments.
    pub fn countersign(&self, args: &[&str]) -> Ran {
        Ran::from(binary::command(args).current_dir(self.folder()), b"")
    }

    /// [`countersign`](Self::countersign) with text on its standard input.
    pub fn countersign_reading(&self, args: &[&str], input: &str) -> Ran {
        Ran::from(binary::command(args).current_dir(self.folder()), input.as_bytes())
    }

    /// [`countersign`](Self::countersign) with environment variables.
    pub fn countersign_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        Ran::from(binary::command(args).current_dir(self.folder()).envs(env.iter().copied()), b"")
    }
}

fn binary_folder() -> PathBuf {
    binary::path().parent().expect("a binary lies in a folder").to_owned()
}
