//! Clients under way, a few at a time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::cell::At;
use crate::rules::Row;
use crate::seen::Seen;
use crate::visit::{Arrived, Visit, Visitor};

/// What a client has from before a stage: the session that it was given, and its open connection.
pub(super) struct Before {
    pub(super) visitor: Visitor,
    pub(super) arrived: Arrived,
    pub(super) first: Visit,
}

impl Before {
    /// Asks again on the open connection: once, or, where it must have ended, until it has or for as long as it may take.
    pub(super) async fn ask(mut self, row: Arc<Row>, must_end: bool) -> Visit {
        if !self.first.is_let_in() {
            let seen = Seen::Other(format!("not let in before: {}", self.first.seen));
            return Visit { seen, ..self.first };
        }
        let until = Instant::now() + PROMISED;
        loop {
            let visit = self.arrived.ask(&row).await;
            if !must_end || visit.seen == Seen::Closed || Instant::now() >= until {
                return visit;
            }
            sleep(PAUSE).await;
        }
    }
}

/// Knocks; until nobody is let in, or for as long as somebody may still be.
pub(super) async fn visit(
    visitor: Visitor,
    to: SocketAddr,
    row: Arc<Row>,
    presents: Option<Arc<CertifiedKey>>,
    patience: Duration,
) -> Visit {
    let until = Instant::now() + patience;
    loop {
        let visit = visitor.visit(to, &row, presents.clone()).await;
        if !visit.is_let_in() || Instant::now() >= until {
            return visit;
        }
        sleep(PAUSE).await;
    }
}

/// Everybody who was sent.
pub(super) struct Errands<T> {
    under_way: JoinSet<(At, T)>,
    turns: Arc<Semaphore>,
}

impl<T> Default for Errands<T> {
    fn default() -> Self {
        Self { under_way: JoinSet::new(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl<T: Send + 'static> Errands<T> {
    /// Sends somebody, once it is its turn.
    pub(super) fn send(&mut self, at: At, errand: impl Future<Output = T> + Send + 'static) {
        let turns = Arc::clone(&self.turns);
        self.under_way.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (at, errand.await)
        });
    }

    /// Waits for all.
    pub(super) async fn all(self) -> HashMap<At, T> {
        self.under_way.join_all().await.into_iter().collect()
    }
}

/// Enough to be quick on two cores, and fewer than any bound on handshakes of one address.
const AT_ONCE: usize = 8;
const PAUSE: Duration = Duration::from_millis(20);
/// What is decided has reached every connection within a second.
pub(super) const PROMISED: Duration = Duration::from_secs(1);
