//! What this node says of itself to the others that share its ledger, and what is known of them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use fault::Fault;
use gateway::Metrics;
use ledger::Ledger;
use registrar::Node;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transport::Clock;

use crate::following::Pulse;
use crate::status::Announcement;

/// This node among those that share its ledger.
#[derive(Clone)]
pub(crate) struct Noted {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) id: String,
    pub(crate) shown: Arc<ArcSwap<Announcement>>,
    pub(crate) metrics: Metrics,
    pub(crate) pulse: Pulse,
    pub(crate) started: OffsetDateTime,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Noted {
    /// This node as it is now.
    pub(crate) fn about(&self, now: OffsetDateTime) -> Node {
        let written = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        Node {
            id: self.id.clone(),
            name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: written(self.started),
            seen: written(now),
            generation: self.metrics.generation(),
            revision: self.pulse.revision(),
            trust: self.shown.load().trust.clone(),
            stopped: false,
        }
    }

    /// Every node that wrote a note lately, with how far it is behind the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn all(&self) -> Result<Value, Fault> {
        let now = self.clock.now();
        let revision = self.ledger.revision().await?;
        let mut nodes = registrar::nodes(self.ledger.as_ref(), now).await?;
        // What this one knows of itself is newer than its note.
        nodes.iter_mut().filter(|node| node.id == self.id).for_each(|node| *node = self.about(now));
        let nodes: Vec<Value> = nodes.iter().map(|node| node.shown(now, revision, &self.id)).collect();
        Ok(json!({
            "ledger": { "id": self.pulse.ledger().to_string(), "revision": revision },
            "nodes": nodes,
        }))
    }

    /// Keeps this node's note fresh until `stop`.
    pub(crate) async fn keep(self, stop: tokio_util::sync::CancellationToken) {
        registrar::keep_noted(self.ledger.as_ref(), self.clock.as_ref(), |now| self.about(now), stop).await;
    }
}
