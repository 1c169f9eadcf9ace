//! Audit events on their way into the ledger.

use std::sync::Arc;
use std::time::Duration;

use gateway::{AuditKind, Described};
use identity::Certificate;
use ledger::{Ledger, LedgerError};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Takes events without blocking, and writes them to the ledger in batches. While the ledger is away they wait, as many
/// as the queue holds.
pub(crate) struct Auditor {
    events: mpsc::Sender<ledger::AuditEvent>,
    lost: Counter,
}

impl Auditor {
    /// Starts the writing task; it ends when the auditor is dropped and everything is written. What does not get into the
    /// ledger is counted.
    pub(crate) fn start(ledger: Arc<dyn Ledger>, lost: Counter) -> (Self, JoinHandle<()>) {
        let (events, queue) = mpsc::channel(MOST_QUEUED);
        let writing = Writing { ledger, queue, lost: lost.clone(), waiting: Vec::new(), failures: 0 };
        (Self { events, lost }, tokio::spawn(writing.run()))
    }

    /// Puts an event on its way. Where the ledger has fallen behind by the whole queue, the event goes to the log
    /// instead, so that it is never only lost.
    pub(crate) fn record(&self, event: &gateway::AuditEvent<'_>) {
        if self.events.try_send(owned(event)).is_err() {
            self.count_lost();
            log(event);
        }
    }

    /// As [`record`](Self::record), for what the node itself did.
    pub(crate) fn note(&self, event: ledger::AuditEvent) {
        if let Err(unsent) = self.events.try_send(event) {
            self.count_lost();
            let event = unsent.into_inner();
            tracing::error!(?event, "audit");
        }
    }

    fn count_lost(&self) {
        let lost = self.lost.inc() + 1;
        tracing::error!(lost, "the ledger does not keep up; the audit event follows");
    }
}

/// Writes an event to the log: where there is no ledger, the log is the audit record.
pub(crate) fn log(event: &gateway::AuditEvent<'_>) {
    let certificate = event.certificate;
    let (code, cause, id) = match &event.refusal {
        Some((code, cause, id)) => (Some(code.as_str()), Some(*cause), Some(id.to_string())),
        None => (None, None, None),
    };
    tracing::info!(
        kind = word(event.kind),
        listener = event.listener,
        peer = %event.peer,
        principal = event.principal,
        method = event.method,
        serial = certificate.map(|leaf| leaf.identity().serial().to_string()),
        sha256 = certificate.map(|leaf| leaf.fingerprint().to_string()),
        issuer = certificate.map(|leaf| leaf.identity().issuer().to_string()),
        sni = event.server_name,
        handshake = event.handshake.filter(|_| event.refusal.is_some()).map(tracing::field::display),
        target = event.target,
        code,
        cause,
        detail = event.detail,
        refusal = id,
        "audit"
    );
}

/// Events on their last way.
struct Writing {
    ledger: Arc<dyn Ledger>,
    queue: mpsc::Receiver<ledger::AuditEvent>,
    lost: Counter,
    /// What the ledger has not taken yet.
    waiting: Vec<ledger::AuditEvent>,
    /// How often in a row it has not.
    failures: u32,
}

impl Writing {
    async fn run(mut self) {
        while !self.waiting.is_empty() || self.queue.recv_many(&mut self.waiting, BATCH).await > 0 {
            match self.ledger.audit(self.waiting.clone()).await {
                Ok(()) => self.written(),
                Err(error) => self.failed(&error).await,
            }
        }
    }

    fn written(&mut self) {
        if self.failures > 0 {
            tracing::info!(
                failures = self.failures,
                "the ledger takes audit events again; those that waited are in it"
            );
        }
        self.failures = 0;
        self.waiting.clear();
    }

    /// Waits and tries again, unless it would never end: the node goes down, or the ledger is there and will not have them.
    async fn failed(&mut self, error: &LedgerError) {
        if self.failures == 0 {
            tracing::error!(%error, count = self.waiting.len(), "the ledger does not take audit events; they wait");
        }
        self.failures = self.failures.saturating_add(1);
        if self.is_going_down() {
            self.give_up(error);
            while self.queue.recv_many(&mut self.waiting, BATCH).await > 0 {
                self.give_up(error);
            }
        } else if self.failures.is_multiple_of(MOST_TRIES) && self.is_refused(error).await {
            self.give_up(error);
        } else {
            tokio::time::sleep((FIRST_PAUSE * self.failures).min(LONGEST_PAUSE)).await;
        }
    }

    /// Nobody sends any more: what is left is the last there is.
    fn is_going_down(&self) -> bool {
        self.queue.is_closed() || self.queue.sender_strong_count() == 0
    }

    /// Whether the ledger is there, and takes other things.
    async fn is_refused(&self, error: &LedgerError) -> bool {
        let away = matches!(error, LedgerError::Replaced(_));
        !away
            && tokio::time::timeout(LONGEST_PAUSE, self.ledger.revision())
                .await
                .is_ok_and(|said| said.is_ok())
    }

    /// Nothing is only lost: it is in the log, and counted.
    fn give_up(&mut self, error: &LedgerError) {
        let count = self.waiting.len();
        self.lost.inc_by(count as u64);
        tracing::error!(%error, count, "the ledger did not take audit events; they follow");
        for event in self.waiting.drain(..) {
            tracing::error!(?event, "audit");
        }
    }
}

fn owned(event: &gateway::AuditEvent<'_>) -> ledger::AuditEvent {
    let kind = match event.kind {
        AuditKind::SignIn | AuditKind::SessionStart => ledger::AuditKind::SignIn,
        AuditKind::Refusal => ledger::AuditKind::Refusal,
        AuditKind::SessionEnd | AuditKind::SessionOver => ledger::AuditKind::SessionEnd,
        AuditKind::Admin => ledger::AuditKind::Admin,
    };
    let leaf = event.certificate;
    ledger::AuditEvent {
        principal: event.principal.map(str::to_owned),
        method: event.method.map(str::to_owned),
        certificate: leaf.map(Certificate::fingerprint),
        serial: leaf.map(|leaf| leaf.identity().serial().clone()),
        issuer: leaf.map(|leaf| leaf.identity().issuer().to_string()),
        name: leaf.and_then(|leaf| leaf.identity().common_name().one()).map(bounded),
        sni: event.server_name.map(str::to_owned),
        listener: Some(event.listener.to_owned()),
        target: event.target.map(str::to_owned),
        remote: Some(event.peer),
        code: event.refusal.map(|(code, ..)| code.as_str().to_owned()),
        cause: event.refusal.map(|(_, cause, _)| cause).or(event.detail).map(|cause| match event.target {
            Some(target) => format!("{target}: {cause}"),
            None => cause.to_owned(),
        }),
        refusal: event.refusal.map(|(.., id)| id.to_string()),
        handshake: event
            .handshake
            .filter(|_| event.kind == AuditKind::Refusal)
            .map(|hello| hello.to_string()),
        ..ledger::AuditEvent::new(kind, event.at)
    }
}

/// What a stranger calls itself must not fill the ledger.
fn bounded(name: &str) -> String {
    name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or(name).to_owned()
}

fn word(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::SignIn | AuditKind::SessionStart => "sign-in",
        AuditKind::Refusal => "refusal",
        AuditKind::SessionEnd | AuditKind::SessionOver => "session-end",
        AuditKind::Admin => "admin",
    }
}

/// Enough for a minute of handshakes at full speed while the disk stalls.
const MOST_QUEUED: usize = 65_536;
const BATCH: usize = 1_024;
/// Bytes of a common name that go on record; RFC 5280 allows 64 characters.
const LONGEST_NAME: usize = 256;
/// After a failure the ledger is asked again so soon, each time so much later,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// but never later than this, so that a node that goes down does not wait for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A ledger that answers otherwise and has not taken the events so often will not take them.
const MOST_TRIES: u32 = 5;

/// The events that are in the log and not in the ledger.
pub(crate) const LOST: Described = Described {
    name: "countersign_audit_events_lost_total",
    kind: "counter",
    labels: "",
    help: "Audit events that the ledger did not take; each is in the log instead",
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ledger::{AuditEvent, AuditFilter, AuditKind, Ledger, SqliteLedger};
    use prometheus_client::metrics::counter::Counter;
    use time::OffsetDateTime;

    use super::Auditor;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 19:00:00 UTC);

    fn ledger(folder: &tempfile::TempDir) -> Arc<dyn Ledger> {
        Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap())
    }

    async fn on_record(ledger: &dyn Ledger) -> usize {
        ledger.audit_events(AuditFilter::default()).await.unwrap().entries.len()
    }

    #[tokio::test]
    async fn events_wait_while_the_ledger_is_away_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, lost) = (ledger(&folder), Counter::default());
        let (file, away) = (folder.path().join("ledger.db"), folder.path().join("away.db"));
        std::fs::rename(&file, &away).unwrap();
        let (auditor, writing) = Auditor::start(Arc::clone(&ledger), lost.clone());
        for _ in 0..3000 {
            auditor.note(AuditEvent::new(AuditKind::SignIn, NOW));
        }
        // Tried, and not taken.
        assert!(ledger.audit(vec![AuditEvent::new(AuditKind::Admin, NOW)]).await.is_err());
        std::fs::rename(&away, &file).unwrap();
        while on_record(ledger.as_ref()).await < 100 {
            tokio::task::yield_now().await;
        }
        drop(auditor);
        writing.await.unwrap();
        let filter = AuditFilter { limit: 10_000, ..AuditFilter::default() };
        assert_eq!(ledger.audit_events(filter).await.unwrap().entries.len(), 3000);
        assert_eq!(lost.get(), 0);
    }

    #[tokio::test]
    async fn a_node_that_goes_down_without_its_ledger_counts_what_only_the_log_has() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, lost) = (ledger(&folder), Counter::default());
        std::fs::rename(folder.path().join("ledger.db"), folder.path().join("away.db")).unwrap();
        let (auditor, writing) = Auditor::start(ledger, lost.clone());
        for _ in 0..3000 {
            auditor.note(AuditEvent::new(AuditKind::SignIn, NOW));
        }
        drop(auditor);
        writing.await.unwrap();
        assert_eq!(lost.get(), 3000);
    }
}
