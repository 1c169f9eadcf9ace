//! What a session carries to and from a server behind the door.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use access::{Level, Role};
use tokio::time::Instant;

use super::{Session, Stale};
use crate::journal::AuditKind;
use crate::judged::{On, Use};
use crate::metrics::OfCarried;
use crate::pace::Verdict;
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// A session's place on a server behind the door, and how much has passed.
pub(crate) struct Carried {
    pub(crate) database: Box<str>,
    pub(crate) role: Box<str>,
    pub(crate) level: Level,
    pub(crate) upstream: Arc<Upstream>,
    received: AtomicU64,
    sent: AtomicU64,
    metrics: OnceLock<OfCarried>,
}

impl Session {
    /// Notes that the session is connected to what is behind a database, in this role, as admitted by `snapshot`: from now
    /// on it ends where it could not be connected so any more.
    ///
    /// # Errors
    /// As [`uses`](Self::uses).
    pub(crate) fn uses_upstream(
        &self,
        database: &str,
        role: &Role,
        upstream: &Arc<Upstream>,
        snapshot: &Snapshot,
    ) -> Result<(), Stale> {
        let (level, upstream) = (role.level(), Arc::clone(upstream));
        let on = On { upstream: Arc::clone(&upstream), role: role.name().into() };
        self.note(Use { database: Some(database.into()), level, upstream: Some(on) }, snapshot)?;
        let (received, sent, metrics) = Default::default();
        let (database, role) = (database.into(), role.name().into());
        self.carried
            .get_or_init(|| Box::new(Carried { database, role, level, upstream, received, sent, metrics }));
        Ok(())
    }

    /// The next moment to look at it: `at`, and no later than its certificate's end, with which it ends.
    pub(crate) fn next_look(&self, at: Instant) -> Instant {
        match self.no_later_than_the_certificate(Verdict::Wait(at)) {
            Verdict::Wait(at) => at,
            Verdict::Rest | Verdict::Idle | Verdict::Slow => at,
        }
    }

    /// The server has let it in. It goes on record, and is counted until its end.
    pub(crate) fn begins(&self) {
        let Some(carried) = self.carried() else { return };
        carried.metrics.get_or_init(|| self.gateway.metrics.carries(&carried.database, carried.level));
        let detail = format!("as role {:?} of service {:?}", carried.role, carried.upstream.spec.service);
        self.record_carried(AuditKind::SessionStart, &carried.database, &detail);
    }

    /// It is over on the server. An end that was decided goes on record by itself.
    pub(crate) fn is_over(&self) {
        let Some(carried) = self.carried().filter(|_| self.end.ended().is_none()) else { return };
        self.record_carried(AuditKind::SessionOver, &carried.database, &carried.to_string());
    }

    /// Its place on a server behind the door, where it has one.
    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.carried.get().map(Box::as_ref)
    }
}

impl Carried {
    /// So many bytes came from the client, and so many went to it. Only the session's own task counts, so nothing is lost
    /// between reading and writing.
    pub(crate) fn count(&self, received: u64, sent: u64) {
        let add = |counter: &AtomicU64, more| {
            counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        };
        add(&self.received, received);
        add(&self.sent, sent);
        if let Some(metrics) = self.metrics.get() {
            metrics.count(received, sent);
        }
    }

    /// Bytes from the client and to it, so far.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }
}

/// How much was carried, for the record.
impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (received, sent) = self.bytes();
        write!(f, "as role {:?}, {received} bytes received, {sent} sent", self.role)
    }
}
