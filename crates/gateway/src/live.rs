//! A session among the living: known to all while its connection lasts, and on record when it was ended.

use std::sync::Arc;

use access::Peer;
use prometheus_client::metrics::gauge::Gauge;

use crate::ending::Ended;
use crate::journal::{AuditEvent, AuditKind};
use crate::metrics::ListenerLabel;
use crate::session::Session;

/// A session that lives, as long as this does.
pub(crate) struct Live {
    session: Arc<Session>,
    count: Gauge,
}

impl Live {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        let label = ListenerLabel { listener: session.listener.name.to_string() };
        let count = session.gateway.metrics.sessions.get_or_create_owned(&label);
        count.inc();
        session.gateway.sessions.add(&session);
        Self { session, count }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.count.dec();
        self.session.gateway.sessions.remove(self.session.id);
        match self.session.end.ended() {
            // A late refusal is on record as the refusal of a handshake.
            Some(ended) if self.session.late().is_none() => record(&self.session, ended),
            _ => {}
        }
    }
}

/// Puts on record that a session was ended, now that its connection is gone.
fn record(session: &Session, ended: &Ended) {
    let Ended { reason, cause, decided_at } = ended;
    let took = decided_at.elapsed();
    session.gateway.metrics.ended(*reason, took);
    let judged = session.judged();
    let peer = judged.peer().ok();
    let principal = peer.and_then(Peer::principal);
    let milliseconds = took.as_millis();
    let carried = session.carried();
    let so_far = carried.map(|carried| format!("; {carried}")).unwrap_or_default();
    let detail = format!("{reason}: {cause}; {milliseconds} ms after the decision{so_far}");
    session.gateway.journal.audit(&AuditEvent {
        kind: AuditKind::SessionEnd,
        principal,
        method: peer.map(Peer::method),
        target: carried.map(|carried| &*carried.database),
        detail: Some(&detail),
        ..session.event()
    });
    let serial = session.verified().map(|verified| verified.leaf().identity().serial().to_string());
    let (session, listener, peer) = (session.id, &*session.listener.name, session.address);
    tracing::info!(%session, listener, %peer, principal, serial, %reason, cause, milliseconds, "session ended");
}
