//! What is counted of an upstream.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;

use super::trouble::Unreached;
use crate::metrics::{Metrics, OfUpstream};

/// The counters of one upstream; nothing is counted before it is put behind the door.
#[derive(Default)]
pub(super) struct Counted(OnceLock<OfUpstream>);

impl Counted {
    /// From now on it is counted among these.
    pub(super) fn among(&self, metrics: &Metrics, service: &str) {
        self.0.get_or_init(|| metrics.of_upstream(service));
    }

    /// A link was opened, or was not, and that took so long.
    pub(super) fn opened(&self, outcome: Result<(), &Unreached>, took: Duration) {
        let Some(counters) = self.0.get() else { return };
        counters.connected(outcome.map_or_else(|unreached| unreached.why().as_str(), |()| "ok"));
        counters.seconds.observe(took.as_secs_f64());
    }

    /// A link was at hand.
    pub(super) fn was_warm(&self) {
        if let Some(counters) = self.0.get() {
            counters.connected("warm");
        }
    }

    pub(super) fn busy(&self) -> Gauged {
        Gauged::new(self.0.get().map(|counters| counters.busy.clone()))
    }

    pub(super) fn warm(&self) -> Gauged {
        Gauged::new(self.0.get().map(|counters| counters.warm.clone()))
    }
}

/// One that a gauge counts until it is dropped.
pub(super) struct Gauged(Option<Gauge>);

impl Gauged {
    fn new(gauge: Option<Gauge>) -> Self {
        if let Some(gauge) = &gauge {
            gauge.inc();
        }
        Self(gauge)
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}
