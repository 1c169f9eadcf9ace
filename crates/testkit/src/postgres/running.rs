//! One run of a server, from its start to its end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};

use super::place::{as_postgres, programs};
use crate::patience::wait_for;

/// A server that runs; it ends when this is dropped, or with the process that holds this.
#[derive(Debug)]
pub(super) struct Running {
    folder: PathBuf,
    supervisor: Child,
    /// The supervisor waits for a word here, or for the end of it.
    word: Option<ChildStdin>,
}

impl Running {
    /// Starts the server and waits until it answers.
    pub(super) fn start(folder: &Path, answers: impl Fn() -> bool) -> Self {
        let mut command = as_postgres("sh");
        command.arg("-c").arg(include_str!("supervise.sh")).arg("sh");
        command.arg(folder).arg(programs().join("postgres")).current_dir(folder);
        let mut supervisor = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: cannot be started: {error}"));
        let word = supervisor.stdin.take();
        let running = Self { folder: folder.to_owned(), supervisor, word };
        wait_for("a PostgreSQL that answers", || log(folder), || answers().then_some(()));
        running
    }

    /// Ends the server in the way of the word, and waits until it has ended.
    pub(super) fn end(mut self, word: &str) {
        if let Some(mut stdin) = self.word.take() {
            writeln!(stdin, "{word}").expect("the supervisor listens");
        }
        let folder = self.folder.clone();
        wait_for(
            "the end of PostgreSQL",
            || log(&folder),
            || self.supervisor.try_wait().expect("a child can be waited for"),
        );
    }
}

/// What the server has logged so far, whichever run it was.
pub(super) fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever is panicking wants to know what the server had to say.
        if std::thread::panicking() {
            eprintln!("── log of PostgreSQL in {} ──\n{}", self.folder.display(), log(&self.folder));
        }
        drop(self.word.take());
        let _ = self.supervisor.wait();
    }
}
