//! A bounded buffer and the thread that empties it.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Takes lines without blocking, and writes them in order a moment later.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    closing: bool,
}

impl Sink {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("log".into()).spawn(move || theirs.write_until_closed(out))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Appends whole lines. Where the writer has fallen behind by the whole buffer the lines are dropped and
    /// counted: a full pipe must not stop the door.
    pub(crate) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.shared.state.lock();
        if state.lines.len() > MOST_BUFFERED {
            state.dropped += 1;
            return;
        }
        let first = state.lines.is_empty();
        write(&mut state.lines);
        drop(state);
        if first {
            self.shared.work.notify_one();
        }
    }

    /// Writes what is left and ends the thread.
    pub(crate) fn close(&self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn write_until_closed(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.state.lock();
            while state.lines.is_empty() && !state.closing {
                self.work.wait(&mut state);
            }
            let closing = state.closing;
            if !closing {
                // Lines that come within a moment share one write.
                self.work.wait_for(&mut state, GATHER);
            }
            std::mem::swap(&mut batch, &mut state.lines);
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            if dropped > 0 {
                let note = format!(
                    "countersign: {dropped} log lines were dropped because the log was not read fast enough\n"
                );
                batch.extend_from_slice(note.as_bytes());
            }
            let ended = out.write_all(&batch).and_then(|()| out.flush()).is_err() && closing;
            if batch.capacity() > MOST_KEPT {
                batch = Vec::new();
            }
            batch.clear();
            if closing && (ended || self.state.lock().lines.is_empty()) {
                return;
            }
        }
    }
}

/// One event of the `tracing` subscriber on its way into the sink.
pub(crate) struct Writer {
    sink: Arc<Sink>,
    event: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(sink: &Arc<Sink>) -> Self {
        Self { sink: Arc::clone(sink), event: Vec::new() }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.event.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sink.append(|lines| lines.extend_from_slice(&self.event));
    }
}

const MOST_BUFFERED: usize = 8 * 1024 * 1024;
const MOST_KEPT: usize = 256 * 1024;
const GATHER: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::{MOST_BUFFERED, Sink};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_in_order_before_the_sink_is_closed() {
        let paper = Paper::default();
        let sink = Sink::start(paper.clone()).unwrap();
        for n in 0..1000 {
            sink.append(|lines| lines.extend_from_slice(format!("{n}\n").as_bytes()));
        }
        sink.close();
        let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
        assert_eq!(String::from_utf8(paper.0.lock().clone()).unwrap(), expected);
    }

    #[test]
    fn a_log_that_nobody_reads_costs_bounded_memory_and_says_what_was_lost() {
        let paper = Paper::default();
        let stuck = paper.0.lock();
        let sink = Sink::start(paper.clone()).unwrap();
        for _ in 0..3 {
            sink.append(|lines| lines.resize(lines.len() + MOST_BUFFERED + 1, b'x'));
        }
        let held = sink.shared.state.lock().lines.len();
        assert!(held <= 2 * MOST_BUFFERED + 2, "{held}");
        drop(stuck);
        sink.append(|lines| lines.extend_from_slice(b"last\n"));
        sink.close();
        let text = String::from_utf8(paper.0.lock().clone()).unwrap();
        assert!(text.contains("log lines were dropped"));
    }
}
