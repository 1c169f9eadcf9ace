//! Counters of what was made.

use std::time::Duration;

use gateway::Described;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The handles.
pub(crate) struct Metrics {
    certificates: Family<Outcome, Counter>,
    seconds: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

impl Metrics {
    /// Shows the counts in a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        CERTIFICATES.register(registry, self.certificates.clone());
        SECONDS.register(registry, self.seconds.clone());
    }

    pub(super) fn made(&self, took: Duration) {
        self.certificates.get_or_create(&Outcome { result: "made" }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.certificates.get_or_create(&Outcome { result: "failed" }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        // From half a millisecond to two seconds.
        let buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
        let certificates: Family<Outcome, Counter> = Family::default();
        // What has not happened yet is shown as 0, so that its first time is seen to be one more.
        for result in ["made", "failed"] {
            drop(certificates.get_or_create(&Outcome { result }));
        }
        Self { certificates, seconds: Histogram::new(buckets) }
    }
}

/// Every metric of such certificates, for the reference page.
pub const DESCRIBED: [Described; 2] = [CERTIFICATES, SECONDS];

const CERTIFICATES: Described = Described {
    name: "countersign_minted_certificates_total",
    kind: "counter",
    labels: "result",
    help: "Certificates of minutes in principals' names, for servers behind the door: made, or failed",
};
const SECONDS: Described = Described {
    name: "countersign_minted_seconds",
    kind: "histogram",
    labels: "",
    help: "From the moment that such a certificate is begun until it is given to whoever asked, in seconds",
};
