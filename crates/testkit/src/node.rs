//! The binary under test, serving.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::patience::wait_for;
use crate::{Ran, World, binary};

/// A running node; killed when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    line: String,
    log: Log,
    errors: Log,
    address: SocketAddr,
}

impl Node {
    /// `countersign serve --config FILE` in the world's folder, ready to answer.
    ///
    /// # Panics
    /// When it ends before it listens; the message holds its log.
    #[must_use]
    pub fn serve(world: &World, file: &str) -> Self {
        Self::start(world, &["serve", "--config", file], &[])
    }

    /// `countersign up --listen 127.0.0.1:0` in the world's folder, ready to answer.
    ///
    /// # Panics
    /// As [`serve`](Self::serve) does.
    #[must_use]
    pub fn up(world: &World) -> Self {
        Self::start(world, &["up", "--listen", "127.0.0.1:0"], &[])
    }

    /// Our binary with any arguments that make it serve, and with these environment variables.
    ///
    /// # Panics
    /// As [`serve`](Self::serve) does.
    #[must_use]
    pub fn start(world: &World, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = binary::command(args);
        command.current_dir(world.folder()).envs(env.iter().copied());
        Self::from(command)
    }

    fn from(mut command: Command) -> Self {
        let line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: cannot be started: {error}"));
        let (log, errors) = (Log::default(), Log::default());
        log.follow(child.stdout.take().expect("stdout was piped"), None);
        log.follow(child.stderr.take().expect("stderr was piped"), Some(&errors));
        // The guard exists before the wait, so that a node that never gets ready is killed as well.
        let mut node = Self { child, line, log, errors, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        node.address = wait_for(
            "a listening node",
            || node.log.text(),
            || {
                if let Some(status) = node.child.try_wait().expect("a child can be waited for") {
                    panic!("{}: ended with {status} instead of listening:\n{}", node.line, node.log.text());
                }
                node.log.lines().iter().find_map(|line| listening(line))
            },
        );
        node
    }

    /// Where the node listens, as it says itself; wildcard addresses become loopback.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The port of another listener, the second being 1, once it is there.
    ///
    /// # Panics
    /// When it does not come.
    #[must_use]
    pub fn port_of(&self, listener: usize) -> u16 {
        let addresses = || self.log.lines().iter().filter_map(|line| listening(line)).nth(listener);
        wait_for(&format!("listener {listener}"), || self.log(), addresses).port()
    }

    /// The node's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything the node has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// What the node has said on standard error: its log, without the announcement on standard output.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.errors.text()
    }

    /// Waits for a log line that holds all of `parts`, and returns it.
    ///
    /// # Panics
    /// When none comes.
    pub fn logged(&self, parts: &[&str]) -> String {
        let holds = |line: &&String| parts.iter().all(|part| line.contains(part));
        wait_for(
            &format!("a log line with {parts:?}"),
            || self.log(),
            || self.log.lines().iter().find(holds).cloned(),
        )
    }

    /// Whether any log line so far holds all of `parts`.
    #[must_use]
    pub fn has_logged(&self, parts: &[&str]) -> bool {
        self.log.lines().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// Sends a signal by name, e.g. `INT`.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("bash");
        kill.arg("-c").arg(format!("kill -{name} {}", self.pid()));
        Ran::from(&mut kill, b"").succeeded();
    }

    /// Whether the process still runs.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for the process to end by itself, and returns exit code and log.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ended(mut self) -> Ran {
        let log = self.log.clone();
        let status = wait_for(
            "the node's end",
            || log.text(),
            || self.child.try_wait().expect("a child can be waited for"),
        );
        Ran { line: self.line.clone(), code: status.code(), stdout: String::new(), stderr: self.log.text() }
    }

    /// Ctrl-C, then [`ended`](Self::ended).
    pub fn interrupted(self) -> Ran {
        self.signal("INT");
        self.ended()
    }

    /// The greatest amount of memory that the process has held so far, in KiB.
    ///
    /// # Panics
    /// When the system does not say.
    #[must_use]
    pub fn peak_memory_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process has a status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a process has a peak");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("the peak is a number")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("── log of {} ──\n{}", self.line, self.log.text());
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log.text())
    }
}

/// What a process says, line by line, while it says it.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Adds each line of a pipe to this log, and to the other.
    fn follow(&self, pipe: impl Read + Send + 'static, other: Option<&Self>) {
        let logs: Vec<Self> = std::iter::once(self).chain(other).cloned().collect();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                for log in &logs {
                    log.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                }
            }
        });
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }
}

/// The address in a `countersign HTTPS listening on 127.0.0.1:7777 (…)` line; `:7777` and wildcards mean loopback here.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(" listening on ")?;
    let address = rest.split_whitespace().next()?.trim_end_matches([',', ';', '"']);
    let port: u16 = address.rsplit_once(':')?.1.parse().ok()?;
    assert_ne!(port, 0, "the listening line must hold the real port: {line}");
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}
