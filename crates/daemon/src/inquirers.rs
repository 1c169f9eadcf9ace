//! Who asks the authorities' services, for the TLS profiles that want it.

use std::sync::{Arc, Weak};

use config::RevocationPlan;
use gateway::Gateway;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use revocation::{Around, Inquiries, Past, Rewrite, Settings, SourceShown};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::{Clock, Online};

use crate::publish::size;

/// Who asks the authorities' services. Doors that want it in the same way share one; it lives as long as a door that has
/// it, and hands what it knows on to those that want it otherwise. So a reload forgets nothing.
pub(crate) struct Inquirers {
    held: Mutex<Vec<(Settings, Weak<Inquiries>)>>,
    around: Around,
}

impl Inquirers {
    pub(crate) fn register(registry: &mut Registry, clock: Arc<dyn Clock>) -> Self {
        let (past, metrics) = (Arc::new(Past::default()), revocation::Metrics::register(registry));
        let around = Around { past, metrics, clock, changed: watch::Sender::new(0) };
        Self { held: Mutex::default(), around }
    }

    /// Who asks in the way that a profile wants; none where it wants nobody asked. Nobody is asked before somebody has
    /// to be judged, or all of them [begin](Self::begin).
    pub(crate) fn of(&self, written: &RevocationPlan) -> Option<Arc<dyn Online>> {
        let settings = settings(written)?;
        let mut held = self.held.lock();
        held.retain(|(_, inquiries)| inquiries.strong_count() > 0);
        let known = held.iter().find(|(known, _)| *known == settings);
        if let Some(inquiries) = known.and_then(|(_, inquiries)| inquiries.upgrade()) {
            return Some(inquiries);
        }
        let before: Vec<_> = held.iter().filter_map(|(_, inquiries)| inquiries.upgrade()).collect();
        let inquiries = Arc::new(Inquiries::after(&before, settings.clone(), self.around.clone()));
        held.push((settings, Arc::downgrade(&inquiries)));
        Some(inquiries)
    }

    /// Begins the work in the background, for whatever is served by now.
    pub(crate) fn begin(&self) {
        let held = self.held.lock();
        held.iter().filter_map(|(_, inquiries)| inquiries.upgrade()).for_each(|inquiries| inquiries.begin());
    }

    /// Judges live sessions again whenever an authority's word about one of them may have changed, until `stop`.
    pub(crate) async fn judge(self: Arc<Self>, gateway: Arc<Gateway>, stop: CancellationToken) {
        let mut changed = self.around.changed.subscribe();
        while let Some(Ok(())) = stop.run_until_cancelled(changed.changed()).await {
            gateway.judge_all(Instant::now());
        }
    }

    /// What was asked, and what came of it.
    pub(crate) fn shown(&self) -> Vec<SourceShown> {
        let held = self.held.lock();
        held.iter().filter_map(|(_, inquiries)| inquiries.upgrade()).flat_map(|held| held.shown()).collect()
    }
}

fn settings(written: &RevocationPlan) -> Option<Settings> {
    let rewrite = |(from, to): &(String, String)| Rewrite { from: from.clone(), to: to.clone() };
    Some(Settings {
        verification: written.policy.verification?,
        prefetch: written.prefetch.clone(),
        rewrites: written.url_rewrite.iter().map(rewrite).collect(),
        max_bytes: size(written.max_bytes),
    })
}
