//! The listeners that are open, and the connections that came in by them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Ends, accept};
use crate::gateway::{Drained, Gateway};
use crate::listener::Listener;
use crate::slots::{SlotLimits, Slots};
use crate::sweep;

/// What is open at one time. Listeners come and go while the gateway runs; connections outlive the listener by which
/// they came, unless the snapshot ends them.
#[derive(Default)]
pub(crate) struct Listening {
    open: Mutex<Vec<Open>>,
    /// Whether there was a listener yet.
    opened: AtomicBool,
    ends: Ends,
    loops: TaskTracker,
    connections: TaskTracker,
}

/// An accept loop.
struct Open {
    listener: Arc<Listener>,
    slots: Arc<Slots>,
    stop: CancellationToken,
    /// Done when the loop has ended and its socket is closed.
    closed: CancellationToken,
}

impl Listening {
    /// Looks after the sessions from now on, as time passes.
    fn look_after_sessions(&self, gateway: &Arc<Gateway>) {
        let (gateway, stop) = (Arc::clone(gateway), self.ends.stop.clone());
        self.loops.spawn(async move {
            while timeout(sweep::LOOK, stop.cancelled()).await.is_err() {
                gateway.look_again();
            }
        });
    }

    /// Starts accepting on a listener.
    pub(crate) fn open(&self, gateway: &Arc<Gateway>, listener: Arc<Listener>, limits: SlotLimits) {
        if !self.opened.swap(true, Ordering::Relaxed) {
            self.look_after_sessions(gateway);
        }
        let slots = Arc::new(Slots::new(limits));
        let (stop, closed) = (self.ends.stop.child_token(), CancellationToken::new());
        let accepting = accept(
            Arc::clone(gateway),
            Arc::clone(&listener),
            Arc::clone(&slots),
            stop.clone(),
            self.ends.clone(),
            self.connections.clone(),
        );
        let done = closed.clone().drop_guard();
        self.loops.spawn(async move {
            accepting.await;
            drop(done);
        });
        self.open.lock().push(Open { listener, slots, stop, closed });
    }

    /// Stops accepting at an address; returns when its socket is closed. False where none was open there.
    pub(crate) async fn close(&self, address: SocketAddr) -> bool {
        let closing = {
            let mut open = self.open.lock();
            let place = open.iter().position(|open| open.listener.address == address);
            place.map(|place| open.swap_remove(place))
        };
        let Some(closing) = closing else { return false };
        closing.stop.cancel();
        closing.closed.cancelled().await;
        true
    }

    /// Runs what a connection leaves to be done; the node does not go down before that is over.
    pub(crate) fn finish(&self, last: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.connections.spawn_on(last, &runtime);
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Holds every open listener to other limits.
    pub(crate) fn limit(&self, limits: SlotLimits) {
        for open in self.open.lock().iter() {
            open.slots.limit(limits);
        }
    }

    /// Waits for `stop`, then lets connections finish for at most `grace`. At the deadline `tell`
    /// ends those that can be told, and answers how many they are: they get a moment to hear it before all are cut.
    pub(crate) async fn until(
        &self,
        stop: CancellationToken,
        grace: Duration,
        tell: impl FnOnce() -> usize,
    ) -> Drained {
        // Where nobody waits for the drain any more, nothing is left to run.
        let _at_once = (self.ends.stop.clone().drop_guard(), self.ends.cut.clone().drop_guard());
        stop.cancelled().await;
        self.ends.stop.cancel();
        self.loops.close();
        // Ending the loops closes the sockets, so that a client that comes now is told at once.
        self.loops.wait().await;
        self.connections.close();
        self.drain(grace, tell).await
    }

    async fn drain(&self, grace: Duration, tell: impl FnOnce() -> usize) -> Drained {
        let deadline = Instant::now() + grace;
        match tokio::time::timeout_at(deadline, self.connections.wait()).await {
            Ok(()) => Drained::Fully,
            Err(_) => {
                let open = self.connections.len();
                if tell() > 0 {
                    let _ = timeout(LAST_WORDS, self.connections.wait()).await;
                }
                self.ends.cut.cancel();
                // A session that is cut drops its request, and a request that is dropped interrupts its statement.
                self.connections.wait().await;
                Drained::Cut(open)
            }
        }
    }
}

/// How long last words may take at the deadline.
const LAST_WORDS: Duration = Duration::from_secs(1);
