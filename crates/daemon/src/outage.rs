//! How long the authority may be away before something breaks, and what breaks first.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use config::TlsMode;
use gateway::Gateway;
use identity::Pin;
use parking_lot::Mutex;
use registrar::{Lasting, Registrar};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;
use transport::Clock;

use crate::serving::Serving;
use crate::status::Announcement;

/// Everything that the authority would have to renew, looked at anew each time.
#[derive(Clone)]
pub(crate) struct Outage {
    pub(crate) shown: Arc<ArcSwap<Announcement>>,
    pub(crate) registrar: Arc<Registrar>,
    /// Who is connected; given once there is somebody to let in.
    pub(crate) gateway: Arc<OnceLock<Weak<Gateway>>>,
    /// Below this it is warned of.
    pub(crate) warning: Arc<Mutex<Duration>>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What this node serves with and our authority made: it ends unless the authority makes another in time.
pub(crate) fn lasting(serving: &Serving) -> Vec<Lasting> {
    let prepared = &serving.prepared;
    let of_ours = |name: &String| {
        let tls = prepared.plan.tls.get(name);
        tls.is_some_and(|tls| matches!(tls.mode, TlsMode::Authority { .. }))
    };
    let leaves = serving.credentials.iter().filter(|(name, _)| of_ours(name)).map(|(name, credential)| {
        Lasting::new(format!("server certificate tls.{name}"), credential.leaf().identity().not_after())
    });
    let issuers = prepared.issuers.iter().map(|(name, issuer)| {
        Lasting::new(format!("issuer {name}"), issuer.certificate().identity().not_after())
    });
    leaves.chain(issuers).collect()
}

impl Outage {
    /// What breaks first; nothing where the node has nothing of an authority of its own.
    pub(crate) fn first(&self) -> Option<Lasting> {
        let shown = self.shown.load();
        let held = shown.lasting.iter().cloned();
        held.chain(self.registrar.lasting()).chain(self.client()).min_by_key(|lasting| lasting.until)
    }

    /// The certificate that ends first among those of ours that clients are connected with.
    fn client(&self) -> Option<Lasting> {
        let gateway = self.gateway.get()?.upgrade()?;
        let issuing = self.registrar.issuing();
        let issuers: Vec<Pin> =
            issuing.issuers.values().map(|issuer| issuer.certificate().identity().spki_sha256()).collect();
        let (subject, until) = gateway.first_to_end(&issuers)?;
        Some(Lasting::new(format!("client certificate of {subject}, which is connected"), until))
    }

    /// For how long the authority may be away, what breaks then, and what breaks at once.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Option<Value> {
        let first = self.first();
        let minting = self.registrar.minting_status();
        if first.is_none() && minting.is_none() {
            return None;
        }
        let mut status = serde_json::Map::new();
        if let Some(Lasting { what, until }) = first {
            status.insert("budget_seconds".to_owned(), json!((until - now).whole_seconds()));
            status.insert("first".to_owned(), json!(what));
            status.insert("at".to_owned(), json!(until.format(&Rfc3339).unwrap_or_default()));
        }
        status.extend(minting.map(|minting| ("minting".to_owned(), minting)));
        Some(Value::Object(status))
    }

    /// Warns when the budget falls below the bound, and says when it is above it again, until `stop`.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let mut warned = false;
        while !stop.is_cancelled() {
            warned = self.look(warned);
            let _stopped = stop.run_until_cancelled(tokio::time::sleep(BETWEEN_LOOKS)).await;
        }
    }

    fn look(&self, warned: bool) -> bool {
        let bound = *self.warning.lock();
        let Some(Lasting { what, until }) = self.first() else { return false };
        let left = until - self.clock.now();
        let (low, hours) = (left < bound, left.whole_hours());
        match (warned, low) {
            (false, true) => tracing::warn!(
                first = what,
                at = %until,
                hours,
                "if the authority were away, something would break soon"
            ),
            (true, false) => {
                tracing::info!(first = what, hours, "the authority may be away for longer again");
            }
            _ => {}
        }
        low
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_secs(10);
