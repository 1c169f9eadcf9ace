//! The published snapshot with the sinks; runs the listeners and drains them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::Clock;

use crate::accept::{Ends, accept};
use crate::journal::Journal;
use crate::listener::Listener;
use crate::metrics::Metrics;
use crate::rate::Rate;
use crate::room::Room;
use crate::snapshot::Snapshot;

/// What the node lends to its gateway.
pub struct Sinks {
    /// Where access lines and audit events go.
    pub journal: Arc<dyn Journal>,
    /// The gateway's counters.
    pub metrics: Metrics,
    /// Renders every metric of the node in the OpenMetrics text format.
    pub exposition: Arc<dyn Fn() -> String + Send + Sync>,
    /// Describes the node for administrators.
    pub status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
}

/// The door as a whole: one published snapshot, any number of listeners.
pub struct Gateway {
    published: ArcSwap<Snapshot>,
    clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) metrics: Metrics,
    pub(crate) exposition: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    pub(crate) rate: Rate,
    pub(crate) room: Room,
    /// Bounds the log lines about handshakes.
    pub(crate) warnings: Rate,
    /// Bounds the log lines about refused requests, apart from the others: strangers must not drown these.
    pub(crate) refusals: Rate,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every connection ended by itself.
    Fully,
    /// So many connections were still open at the deadline and were cut.
    Cut(usize),
}

impl Gateway {
    /// A gateway that serves by `snapshot` until another one is published.
    #[must_use]
    pub fn new(snapshot: Snapshot, sinks: Sinks) -> Self {
        let Sinks { journal, metrics, exposition, status, clock } = sinks;
        metrics.generation.set(i64::try_from(snapshot.generation).unwrap_or(i64::MAX));
        let rate = Rate::new(snapshot.http_limits.per_principal_rps);
        let room = Room::new(snapshot.statement_limits.max_result_bytes);
        Self {
            published: ArcSwap::from_pointee(snapshot),
            clock,
            journal,
            metrics,
            exposition,
            status,
            rate,
            room,
            warnings: Rate::new(WARNINGS_PER_SECOND),
            refusals: Rate::new(WARNINGS_PER_SECOND),
        }
    }

    /// The snapshot that is served now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// Replaces the snapshot as a whole; live sessions are judged by the new one at their next request.
    pub fn publish(&self, snapshot: Snapshot) {
        self.metrics.generation.set(i64::try_from(snapshot.generation).unwrap_or(i64::MAX));
        self.published.store(Arc::new(snapshot));
    }

    /// Serves the listeners until `stop`, then lets sessions finish for at most `grace`.
    pub async fn serve(
        self: &Arc<Self>,
        listeners: Vec<Arc<Listener>>,
        stop: CancellationToken,
        grace: Duration,
    ) -> Drained {
        let sessions = TaskTracker::new();
        let accepting = TaskTracker::new();
        // Cut when the grace is over, and when nobody waits for it any more.
        let cut = CancellationToken::new();
        let _cut_when_dropped = cut.clone().drop_guard();
        for listener in listeners {
            let ends = Ends { stop: stop.clone(), cut: cut.clone() };
            accepting.spawn(accept(Arc::clone(self), listener, ends, sessions.clone()));
        }
        accepting.close();
        // Dropping the accept loops closes the sockets, so that a client that comes now is told at once.
        accepting.wait().await;
        sessions.close();
        drain(&sessions, &cut, grace).await
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

async fn drain(sessions: &TaskTracker, cut: &CancellationToken, grace: Duration) -> Drained {
    let deadline = Instant::now() + grace;
    match tokio::time::timeout_at(deadline, sessions.wait()).await {
        Ok(()) => Drained::Fully,
        Err(_) => {
            let open = sessions.len();
            cut.cancel();
            // A session that is cut drops its request, and a request that is dropped interrupts its statement.
            sessions.wait().await;
            Drained::Cut(open)
        }
    }
}

/// Failures of one kind in the log: enough to see what happens, too few to fill a disk.
const WARNINGS_PER_SECOND: u32 = 10;
