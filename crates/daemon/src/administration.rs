//! What administrators may ask of this node.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway::{Administration, Metrics, Named, Pending, Reload, Reloaded};
use ledger::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;
use transport::Clock;

use crate::status::Announcement;

/// The node as its administrators see it.
pub(crate) struct NodeAdministration {
    shown: Arc<ArcSwap<Announcement>>,
    metrics: Metrics,
    started: OffsetDateTime,
    clock: Arc<dyn Clock>,
    ledger: Option<Arc<dyn Ledger>>,
}

impl NodeAdministration {
    pub(crate) fn new(
        shown: Arc<ArcSwap<Announcement>>,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        ledger: Option<Arc<dyn Ledger>>,
    ) -> Self {
        Self { shown, metrics, started: clock.now(), clock, ledger }
    }
}

impl Administration for NodeAdministration {
    fn status(&self) -> Value {
        self.shown.load().status(self.metrics.generation(), self.started, self.clock.now())
    }

    fn recorded(&self, named: Named) -> Pending<'_, Option<Value>> {
        Box::pin(async move {
            let recorded = crate::recorded(self.ledger.as_deref()?, named).await;
            recorded.inspect_err(|fault| tracing::error!(%fault, "the audit record cannot be read")).ok()?
        })
    }

    fn reload(&self, _asked: Reload) -> Pending<'_, Reloaded> {
        let said = "there is no reload in this version; restart the node to apply changes";
        Box::pin(async move { Err(json!({ "message": said })) })
    }
}
