//! What administrators may ask of this node.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway::{
    Administration, Metrics, Named, NoNodes, NotListed, NotRevoked, Pending, Reload, Reloaded, Revoke,
};
use ledger::Ledger;
use registrar::Registrar;
use registrar::rotation::{Of, Phase, Progress};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use transport::Clock;

use crate::audited;
use crate::following::Pulse;
use crate::inquirers::Inquirers;
use crate::noted::Noted;
use crate::outage::Outage;
use crate::reload::{Asked, Record};
use crate::revoking;
use crate::status::Announcement;

/// The node as its administrators see it.
pub(crate) struct NodeAdministration {
    pub(crate) shown: Arc<ArcSwap<Announcement>>,
    pub(crate) metrics: Metrics,
    pub(crate) record: Arc<Record>,
    pub(crate) inquirers: Arc<Inquirers>,
    /// This node among those that share its ledger; none where there is no ledger.
    pub(crate) noted: Option<Noted>,
    pub(crate) registrar: Arc<Registrar>,
    /// How long the authority may be away.
    pub(crate) outage: Outage,
    /// Whether the ledger says what is revoked; none where there is no ledger.
    pub(crate) pulse: Option<Pulse>,
    /// Where reloads are asked for; one may wait while another is under way.
    pub(crate) reloads: mpsc::Sender<Asked>,
    /// How far the rotation of an issuer or the root is.
    pub(crate) progress: Arc<Progress>,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) started: OffsetDateTime,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Administration for NodeAdministration {
    fn status(&self) -> Value {
        let now = self.clock.now();
        let shown = self.shown.load();
        let mut status = shown.status(self.metrics.generation(), self.started, now);
        if let Some(status) = status.as_object_mut() {
            status.insert("reload".to_owned(), self.record.status(now));
            let files = shown.lists.iter().map(|list| list.status(now));
            let asked = self.inquirers.shown();
            let sources: Vec<Value> = files.chain(asked.iter().map(|source| json!(source))).collect();
            status.insert("revocation".to_owned(), json!(sources));
            status.insert("published".to_owned(), self.registrar.published());
            let rotation = |(of, phase): (Of, Phase)| json!({ "of": of.to_string(), "phase": phase });
            status.extend(self.progress.now().map(|now| ("rotation".to_owned(), rotation(now))));
            status.extend(self.outage.status(now).map(|outage| ("outage".to_owned(), outage)));
            status.extend(self.pulse.as_ref().map(|pulse| ("ledger".to_owned(), followed(pulse, now))));
        }
        status
    }

    fn recorded(&self, named: Named) -> Pending<'_, Option<Value>> {
        Box::pin(async move {
            let recorded = crate::recorded(self.ledger.as_deref()?, named).await;
            recorded.inspect_err(|fault| tracing::error!(%fault, "the audit record cannot be read")).ok()?
        })
    }

    fn nodes(&self) -> Pending<'_, Result<Value, NoNodes>> {
        Box::pin(async move {
            let noted = self.noted.as_ref().ok_or(NoNodes::NoLedger)?;
            noted.all().await.map_err(|fault| {
                tracing::error!(%fault, "the nodes that share the ledger cannot be shown");
                NoNodes::Failed(revoking::told(&fault))
            })
        })
    }

    fn audit<'a>(&'a self, query: &'a str) -> Pending<'a, Result<Value, NotListed>> {
        Box::pin(async move {
            let filter = audited::filter(query).map_err(NotListed::Unclear)?;
            let ledger = self.ledger.as_deref().ok_or_else(|| NotListed::NoLedger(NO_LEDGER.to_owned()))?;
            audited::page(ledger, filter).await.map_err(|fault| {
                tracing::error!(%fault, "the audit record cannot be read");
                NotListed::Failed(fault.what().to_owned())
            })
        })
    }

    fn reload(&self, reload: Reload) -> Pending<'_, Reloaded> {
        let (answer, told) = oneshot::channel();
        let sent = self.reloads.try_send(Asked { reload, answer });
        let refused =
            |why: &str| Err(json!({ "message": format!("reload rejected: {why}"), "result": "rejected" }));
        Box::pin(async move {
            match sent {
                Ok(()) => told.await.unwrap_or_else(|_| refused("the node is going down")),
                Err(TrySendError::Full(_)) => refused("one is under way and another one waits; try again"),
                Err(TrySendError::Closed(_)) => refused("the node is going down"),
            }
        })
    }

    fn revoke(&self, asked: Revoke) -> Pending<'_, Result<Value, NotRevoked>> {
        let revoking = revoking::revoke(self.ledger.clone(), asked, self.clock.now());
        // Not on the administrator's connection: that one may well end by what is revoked.
        let revoking = tokio::spawn(revoking);
        Box::pin(async move {
            let ended = revoking.await;
            ended.unwrap_or_else(|_| Err(NotRevoked::Failed("the node is going down".to_owned())))
        })
    }
}

const NO_LEDGER: &str = "this node keeps its audit record in its log alone: add ledger: { url: \"sqlite:./state/ledger.db\" } and restart it";

/// Which ledger it is, whether it says what is revoked, since when it does not, and how old what is known of it is.
fn followed(pulse: &Pulse, now: OffsetDateTime) -> Value {
    let since = pulse.failing_since();
    let mut shown = json!({
        "id": pulse.ledger().to_string(),
        "followed": since.is_none(),
        "revision": pulse.revision(),
        "age_seconds": pulse.age(now).whole_seconds(),
    });
    if let (Some(since), Some(fields)) = (since, shown.as_object_mut()) {
        fields.insert("since".to_owned(), json!(since.format(&Rfc3339).unwrap_or_default()));
    }
    shown
}
