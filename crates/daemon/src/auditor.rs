//! Audit events on their way into the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway::AuditKind;
use identity::Certificate;
use ledger::Ledger;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Takes events without blocking, and writes them to the ledger in batches.
pub(crate) struct Auditor {
    events: mpsc::Sender<ledger::AuditEvent>,
    lost: AtomicU64,
}

impl Auditor {
    /// Starts the writing task; it ends when the auditor is dropped and everything is written.
    pub(crate) fn start(ledger: Arc<dyn Ledger>) -> (Self, JoinHandle<()>) {
        let (events, queue) = mpsc::channel(MOST_QUEUED);
        (Self { events, lost: AtomicU64::new(0) }, tokio::spawn(write(ledger, queue)))
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
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
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

async fn write(ledger: Arc<dyn Ledger>, mut queue: mpsc::Receiver<ledger::AuditEvent>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let kept = batch.clone();
        if let Err(error) = ledger.audit(std::mem::take(&mut batch)).await {
            tracing::error!(%error, count = kept.len(), "the ledger did not take audit events; they follow");
            for event in kept {
                tracing::error!(?event, "audit");
            }
        }
    }
}

fn owned(event: &gateway::AuditEvent<'_>) -> ledger::AuditEvent {
    let kind = match event.kind {
        AuditKind::SignIn => ledger::AuditKind::SignIn,
        AuditKind::Refusal => ledger::AuditKind::Refusal,
        AuditKind::SessionEnd => ledger::AuditKind::SessionEnd,
        AuditKind::Admin => ledger::AuditKind::Admin,
    };
    let leaf = event.certificate;
    ledger::AuditEvent {
        principal: event.principal.map(str::to_owned),
        method: event.method.map(str::to_owned),
        certificate: leaf.map(Certificate::fingerprint),
        serial: leaf.map(|leaf| leaf.identity().serial().clone()),
        issuer: leaf.map(|leaf| leaf.identity().issuer().to_string()),
        sni: event.server_name.map(str::to_owned),
        remote: Some(event.peer),
        code: event.refusal.map(|(code, ..)| code.as_str().to_owned()),
        cause: event.refusal.map(|(_, cause, _)| cause).or(event.detail).map(|cause| match event.target {
            Some(target) => format!("{target}: {cause}"),
            None => cause.to_owned(),
        }),
        refusal: event.refusal.map(|(.., id)| id.to_string()),
        handshake: event.handshake.filter(|_| event.refusal.is_some()).map(|hello| hello.to_string()),
        ..ledger::AuditEvent::new(kind, event.at)
    }
}

fn word(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::SignIn => "sign-in",
        AuditKind::Refusal => "refusal",
        AuditKind::SessionEnd => "session-end",
        AuditKind::Admin => "admin",
    }
}

/// Enough for a minute of handshakes at full speed while the disk stalls.
const MOST_QUEUED: usize = 65_536;
const BATCH: usize = 1_024;
