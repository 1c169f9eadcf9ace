//! The ledger of a node, and what runs beside it: the audit writer and its pruning.

use std::sync::Arc;
use std::time::Duration;

use config::{LedgerPlan, Plan};
use fault::Fault;
use ledger::Ledger;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use transport::Clock;

use crate::auditor::{Auditor, LOST};
use crate::following::Memory;
use crate::inquirers::Inquirers;
use crate::ledgers;
use crate::seat::Seat;

/// An open ledger.
pub(crate) struct Records {
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Where this node keeps what it knows, and who it is.
    seat: Seat,
    writing: Mutex<Option<JoinHandle<()>>>,
    pruning: JoinHandle<()>,
    retention: Arc<Mutex<Duration>>,
}

/// Opens the ledger that the Plan names, if it names one.
///
/// # Errors
/// When the ledger cannot be opened.
pub(crate) async fn open(
    plan: &Plan,
    inquirers: &Inquirers,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Records>, Fault> {
    let Some(written) = &plan.ledger else { return Ok(None) };
    let ledger = ledgers::open(written, &plan.replication, inquirers, Arc::clone(clock)).await?;
    let seat = match written {
        LedgerPlan::Sqlite { path } => Seat::take(path.parent().unwrap_or(&plan.base))?,
        LedgerPlan::Postgres(_) => Seat::take(&plan.base.join("state"))?,
    };
    let retention = Arc::new(Mutex::new(plan.audit.retention));
    let pruning = tokio::spawn(prune(Arc::clone(&ledger), Arc::clone(&retention), Arc::clone(clock)));
    Ok(Some(Records { ledger, seat, writing: Mutex::new(None), pruning, retention }))
}

impl Records {
    /// Starts writing audit events; [`close`](Self::close) waits for what was on its way.
    pub(crate) fn auditor(&self, registry: &mut Registry) -> Arc<Auditor> {
        let lost = Counter::default();
        LOST.register(registry, lost.clone());
        let (auditor, writing) = Auditor::start(Arc::clone(&self.ledger), lost);
        *self.writing.lock() = Some(writing);
        Arc::new(auditor)
    }

    /// What this node was told of the ledger before.
    ///
    /// # Errors
    /// Where it cannot be kept on disk.
    pub(crate) fn memory(&self, now: OffsetDateTime) -> Result<Memory, Fault> {
        Memory::open(&self.seat.known(), now)
    }

    /// Who this node is.
    pub(crate) fn node(&self) -> &str {
        self.seat.id()
    }

    /// How long events are kept, to be changed while the node runs.
    pub(crate) fn retention(&self) -> Arc<Mutex<Duration>> {
        Arc::clone(&self.retention)
    }

    /// Writes what is pending and closes the ledger.
    pub(crate) async fn close(self) {
        self.pruning.abort();
        let writing = self.writing.lock().take();
        if let Some(writing) = writing
            && tokio::time::timeout(LAST_EVENTS, writing).await.is_err()
        {
            tracing::error!("audit events were still being written at the deadline");
        }
        if let Err(error) = self.ledger.close().await {
            tracing::error!(%error, "the ledger did not close cleanly");
        }
    }
}

/// Removes audit events past their retention, once a day.
async fn prune(ledger: Arc<dyn Ledger>, retention: Arc<Mutex<Duration>>, clock: Arc<dyn Clock>) {
    loop {
        let kept = *retention.lock();
        match ledger.prune_audit(clock.now() - kept).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "audit events past their retention were removed"),
            Err(error) => tracing::error!(%error, "audit events past their retention were not removed"),
        }
        tokio::time::sleep(DAY).await;
    }
}

const DAY: Duration = Duration::from_secs(86_400);
/// What is on its way when the node stops has this long to arrive.
const LAST_EVENTS: Duration = Duration::from_secs(10);
