//! A program that ran to its end.

use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::patience::wait_at_most;

/// How long any program of a test may run.
const LIMIT: Duration = Duration::from_secs(120);

/// What a program left behind: exit code and everything it said.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The command line, for failure messages.
    pub line: String,
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end with `input` on standard input.
    ///
    /// # Panics
    /// When it cannot be started or does not end within two minutes.
    pub fn from(command: &mut Command, input: &[u8]) -> Self {
        let line = format!("{command:?}");
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: cannot be started: {error}"));
        let mut child = Ending(child);
        let out = drain(child.0.stdout.take().expect("stdout was piped"));
        let err = drain(child.0.stderr.take().expect("stderr was piped"));
        if let Some(mut stdin) = child.0.stdin.take() {
            // A program that does not read its input has closed the pipe: that is its right.
            let _ = stdin.write_all(input);
        }
        let status = wait_at_most(
            LIMIT,
            "the end of the program",
            || line.clone(),
            || child.0.try_wait().expect("a child can be waited for"),
        );
        let text = |thread: std::thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().expect("a reader does not panic")).into_owned()
        };
        Self { line, code: status.code(), stdout: text(out), stderr: text(err) }
    }

    /// Exit code 0, or the whole story.
    ///
    /// # Panics
    /// On any other exit code.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.exited(0)
    }

    /// This exit code, or the whole story.
    ///
    /// # Panics
    /// On any other exit code.
    #[track_caller]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Both outputs together.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// That the program said this, on either output.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.said().contains(text), "expected to read: {text}\n{self}");
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ran   {}", self.line)?;
        writeln!(f, "exit  {:?}", self.code)?;
        writeln!(f, "── stdout ──\n{}── stderr ──\n{}", self.stdout, self.stderr)
    }
}

/// A program that does not outlive its test, however the test ends.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a pipe to its end beside the test, so that a talkative program never blocks.
fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
