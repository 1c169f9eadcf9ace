//! Where certificates of minutes are made.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Threads of their own, begun with the first one that is made. Where a thousand handshakes wait for the node's threads, a
/// certificate would wait behind them all at each of its steps; here it has the processor as soon as the system gives it.
#[derive(Default)]
pub(super) struct Threads(OnceLock<Option<Runtime>>);

impl Threads {
    /// Does this there; on the node's own threads where the system gives no others.
    pub(super) fn spawn(&self, walk: impl Future<Output = ()> + Send + 'static) {
        match self.0.get_or_init(begun) {
            Some(threads) => drop(threads.spawn(walk)),
            None => drop(tokio::spawn(walk)),
        }
    }
}

fn begun() -> Option<Runtime> {
    let mut threads = Builder::new_multi_thread();
    let begun = threads.worker_threads(MOST).thread_name("minting").enable_all().build();
    begun
        .inspect_err(
            |error| tracing::warn!(%error, "certificates of minutes are made on the node's own threads"),
        )
        .ok()
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Whoever drops the last of it may be one of its own threads.
        if let Some(Some(threads)) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

const MOST: usize = 2;
