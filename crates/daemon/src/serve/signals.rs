//! The signals that end a node, and the one that has it read its configuration again.

use fault::Fault;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens for both, and for SIGHUP, which would end the process otherwise.
    pub(super) fn listen() -> Result<(Self, Signal), Fault> {
        let listen =
            |kind| signal(kind).map_err(|error| Fault::theirs("cannot listen for signals").because(error));
        let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok((Self { interrupt, terminate }, listen(SignalKind::hangup())?))
    }

    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
