//! The published snapshot with the sinks; runs the listeners and drains them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use access::Directory;
use arc_swap::ArcSwap;
use identity::Pin;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::Clock;

use crate::administration::Administration;
use crate::ending::{EndReason, Ended};
use crate::journal::Journal;
use crate::listener::Listener;
use crate::listening::Listening;
use crate::metrics::Metrics;
use crate::observed::{Difference, Observed};
use crate::postgres::keys::Keys;
use crate::rate::Rate;
use crate::refusals::Refusals;
use crate::registrar::Registrar;
use crate::retiring::Passages;
use crate::room::Room;
use crate::session::Session;
use crate::sessions::{Revoked, Selected, Sessions};
use crate::shown::SessionShown;
use crate::snapshot::{Entrance, Snapshot};
use crate::sweep::{self, Sweep};
use crate::upstream;

/// What the node lends to its gateway.
pub struct Sinks {
    /// Where access lines and audit events go.
    pub journal: Arc<dyn Journal>,
    /// The gateway's counters.
    pub metrics: Metrics,
    /// Renders every metric of the node in the OpenMetrics text format.
    pub exposition: Arc<dyn Fn() -> String + Send + Sync>,
    /// What administrators may ask of the node.
    pub administration: Arc<dyn Administration>,
    /// What our own authority answers; none where there is nothing to ask.
    pub registrar: Option<Arc<dyn Registrar>>,
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
    pub(crate) administration: Arc<dyn Administration>,
    pub(crate) registrar: Option<Arc<dyn Registrar>>,
    pub(crate) sessions: Sessions,
    pub(crate) sweep: Sweep,
    listening: Listening,
    /// Held while a snapshot is made of the one before it.
    publishing: Mutex<()>,
    pub(crate) rate: Rate,
    pub(crate) room: Room,
    /// Bounds the log lines about handshakes.
    warnings: Rate,
    /// Bounds the log lines about refused requests, apart from the others: strangers must not drown these.
    refusals: Rate,
    /// Bounds the questions of strangers.
    questions: Rate,
    pub(crate) refused: Refusals,
    pub(crate) observed: Observed,
    pub(crate) passages: Passages,
    /// By what PostgreSQL clients cancel.
    pub(crate) cancel_keys: Keys,
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
        let Sinks { journal, metrics, exposition, administration, registrar, clock } = sinks;
        metrics.generation.set(i64::try_from(snapshot.generation).unwrap_or(i64::MAX));
        let room = Room::new(snapshot.statement_limits.max_result_bytes);
        Self {
            published: ArcSwap::from_pointee(snapshot),
            clock,
            journal,
            metrics,
            exposition,
            administration,
            registrar,
            sessions: Sessions::default(),
            sweep: Sweep::default(),
            listening: Listening::default(),
            publishing: Mutex::default(),
            rate: Rate::default(),
            room,
            warnings: Rate::default(),
            refusals: Rate::default(),
            questions: Rate::default(),
            refused: Refusals::default(),
            observed: Observed::default(),
            passages: Passages::default(),
            cancel_keys: Keys::default(),
        }
    }

    /// The snapshot that is served now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// The chains that came lately and would be judged otherwise by these entrances and this directory.
    #[must_use]
    pub fn differences(
        &self,
        entrances: &HashMap<Arc<str>, Entrance>,
        directory: &Directory,
    ) -> Vec<Difference> {
        self.observed.differences(&self.snapshot(), entrances, directory, self.now())
    }

    /// Replaces the snapshot as a whole, and counts its generation on, whatever it says. Returns the generation.
    ///
    /// Every live session is judged by it, soon; whoever may not go on is ended. It must be called within a tokio runtime.
    pub fn publish(self: &Arc<Self>, snapshot: Snapshot) -> u64 {
        self.amend(&[], Instant::now(), |_| snapshot)
    }

    /// Judges every live session again, because what some source says has changed since `decided_at` and the snapshot
    /// has not. Returns the new generation.
    pub fn judge_all(self: &Arc<Self>, decided_at: Instant) -> u64 {
        self.amend(&[], decided_at, Snapshot::clone)
    }

    /// Judges every live session once more by the snapshot that is served, because time has passed. It is done every now
    /// and then from the first listener on.
    pub fn look_again(self: &Arc<Self>) {
        sweep::look_again(self);
    }

    /// Publishes a snapshot made of the one that is served; nobody else publishes meanwhile. Returns its generation.
    ///
    /// Every live session is judged by it, as [`publish`](Self::publish) does, those with one of the `revoked` certificates
    /// before all others. How long their ends took is counted from `decided_at`.
    pub fn amend(
        self: &Arc<Self>,
        revoked: &[Revoked],
        decided_at: Instant,
        change: impl FnOnce(&Snapshot) -> Snapshot,
    ) -> u64 {
        let generation = self.replace(change);
        sweep::start(self, revoked, decided_at);
        generation
    }

    fn replace(&self, change: impl FnOnce(&Snapshot) -> Snapshot) -> u64 {
        let _alone = self.publishing.lock();
        let before = self.published.load_full();
        // Two snapshots of one generation would be taken for the same.
        let snapshot = Snapshot { generation: before.generation + 1, ..change(&before) };
        let generation = snapshot.generation;
        self.metrics.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.room.grow(snapshot.statement_limits.max_result_bytes);
        self.listening.limit(snapshot.slot_limits);
        let snapshot = Arc::new(snapshot);
        self.published.store(Arc::clone(&snapshot));
        upstream::close_what_nobody_may_have(&before, &snapshot);
        generation
    }

    /// Ends the sessions that are meant, for a cause that names who asked. Returns those that it ended.
    pub fn kill(&self, selected: &Selected, cause: &str) -> Vec<SessionShown> {
        let decided_at = Instant::now();
        let end = |session: &Arc<Session>| {
            session.end.tell(Ended::new(EndReason::Killed, cause, decided_at)).then(|| session.show())
        };
        self.sessions.selected(selected).iter().filter_map(end).collect()
    }

    /// Ends the sessions that are still carried by a server behind the door, as the node goes down; returns how many.
    fn end_for_good(&self) -> usize {
        let (decided_at, sessions) = (Instant::now(), self.sessions.all());
        let carried = sessions.iter().filter(|session| session.carried().is_some());
        let end = |session: &&Arc<Session>| {
            let cause = "the node goes down, and could wait no longer";
            session.end.tell(Ended::new(EndReason::Shutdown, cause, decided_at))
        };
        carried.filter(end).count()
    }

    /// Every live session.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionShown> {
        self.sessions.all().iter().map(|session| session.show()).collect()
    }

    /// Of the certificates that live sessions presented and one of these keys signed: the subject of the one that ends
    /// first, and its end.
    #[must_use]
    pub fn first_to_end(&self, issuers: &[Pin]) -> Option<(String, OffsetDateTime)> {
        let sessions = self.sessions.all();
        let ends = sessions.iter().filter_map(|session| {
            let [leaf, above, ..] = session.verified()?.chain() else { return None };
            let issuer = above.identity().spki_sha256();
            issuers.contains(&issuer).then(|| leaf.identity())
        });
        let first = ends.min_by_key(|identity| identity.not_after())?;
        Some((first.subject().to_string(), first.not_after()))
    }

    /// How many connections are open, those that still shake hands included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// Runs what a connection leaves to be done, and is bounded; the node does not go down before that is over.
    pub(crate) fn finish(&self, last: impl Future<Output = ()> + Send + 'static) {
        self.listening.finish(last);
    }

    /// Starts accepting on a listener. What is spoken there is the snapshot's, by the listener's name: publish first.
    pub fn open(self: &Arc<Self>, listener: Arc<Listener>) {
        self.listening.open(self, listener, self.snapshot().slot_limits);
    }

    /// Stops accepting at an address; returns when its socket is closed. False where no listener is open there.
    /// Connections that came in by it stay until a snapshot that does not have the listener ends them.
    pub async fn close(&self, address: SocketAddr) -> bool {
        self.listening.close(address).await
    }

    /// Serves what is [opened](Self::open) until `stop`, then lets sessions finish for at most `grace`.
    pub async fn serve(&self, stop: CancellationToken, grace: Duration) -> Drained {
        self.listening.until(stop, grace, || self.end_for_good()).await
    }

    /// The generation that is served now.
    pub(crate) fn generation(&self) -> u64 {
        self.published.load().generation
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Whether there may be one more log line about a handshake.
    pub(crate) fn may_warn(&self) -> bool {
        self.warnings.allows(WARNINGS_PER_SECOND, None)
    }

    /// Whether there may be one more log line about a refused request.
    pub(crate) fn may_warn_of_refusal(&self) -> bool {
        self.refusals.allows(WARNINGS_PER_SECOND, None)
    }

    /// Whether somebody at this address may ask once more what a refusal was for.
    pub(crate) fn may_ask_why(&self, address: IpAddr) -> bool {
        self.questions.allows(QUESTIONS_PER_SECOND, Some(&address.to_canonical().to_string()))
    }
}

/// Failures of one kind in the log: enough to see what happens, too few to fill a disk.
const WARNINGS_PER_SECOND: u32 = 10;
/// What people need, and far from what guessing an id would take.
const QUESTIONS_PER_SECOND: u32 = 10;
