use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::Child;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::Value;

/// What a process says, line by line, while it says it; the last lines are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    announced: Arc<Mutex<Vec<SocketAddr>>>,
    reloads: Arc<Mutex<Vec<String>>>,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Log {
    /// Listens to both of a child's pipes, so that neither fills up.
    pub(super) fn of(child: &mut Child) -> Self {
        let log = Self::default();
        if let Some(pipe) = child.stdout.take() {
            log.follow(pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            log.follow(pipe);
        }
        log
    }

    fn follow(&self, pipe: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                log.note(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }

    fn note(&self, line: String) {
        self.announced.lock().extend(listening(&line));
        self.reloads.lock().extend(reload(&line));
        let mut last = self.last.lock();
        if last.len() == MOST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }

    /// The addresses announced so far.
    pub(super) fn announced(&self) -> Vec<SocketAddr> {
        self.announced.lock().clone()
    }

    /// What came of each reload so far.
    pub(super) fn reloads(&self) -> Vec<String> {
        self.reloads.lock().clone()
    }

    /// The last few lines, for whoever has to find out why it ended.
    pub(super) fn last_words(&self) -> String {
        let last = self.last.lock();
        let from = last.len().saturating_sub(SHOWN);
        last.iter().skip(from).cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The address in `countersign HTTPS listening on 127.0.0.1:7777 (…)`.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.strip_prefix("countersign ")?.split_once(" listening on ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The line that says what came of a reload.
fn reload(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line.get("message")?.as_str()?;
    let told = ["reload applied", "reload rejected", "reload: nothing has changed"];
    told.into_iter().any(|word| message.starts_with(word)).then(|| message.to_owned())
}

const MOST_LINES: usize = 1_000;
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::{listening, reload};

    #[test]
    fn the_address_is_read_from_the_announcement_alone() {
        let line = "countersign HTTPS listening on 127.0.0.1:7777 (transport=h2, tls=on)";
        assert_eq!(listening(line), "127.0.0.1:7777".parse().ok());
        assert_eq!(listening("{\"message\":\"x listening on 127.0.0.1:1 y\"}"), None);
    }

    #[test]
    fn what_came_of_a_reload_is_read_from_its_line_alone() {
        let line = r#"{"level":"info","message":"reload applied","by":"SIGHUP","generation":2}"#;
        assert_eq!(reload(line).as_deref(), Some("reload applied"));
        assert_eq!(reload("reload applied"), None);
        assert_eq!(reload(r#"{"message":"the reload applied"}"#), None);
    }
}
