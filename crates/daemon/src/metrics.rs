//! Metrics of the node itself: how long its certificates last.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway::{Described, Metrics};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use transport::Clock;

use crate::reload::RELOADS;
use crate::status::Announcement;

/// How long each certificate lasts, by what it is for; worked out when asked.
pub(crate) struct Certificates {
    shown: Arc<ArcSwap<Announcement>>,
    not_after: Family<Labels, Gauge>,
    days: Family<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    name: String,
    subject: String,
}

impl Certificates {
    pub(crate) fn register(
        registry: &mut Registry,
        shown: Arc<ArcSwap<Announcement>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let certificates = Self { shown, not_after: Family::default(), days: Family::default(), clock };
        NOT_AFTER.register(registry, certificates.not_after.clone());
        DAYS.register(registry, certificates.days.clone());
        certificates
    }

    /// Every metric of the node in the OpenMetrics text format.
    pub(crate) fn expose(&self, registry: &Registry) -> String {
        let now = self.clock.now();
        // A certificate that was replaced leaves with its subject's old end.
        self.not_after.clear();
        self.days.clear();
        for shown in &self.shown.load().certificates {
            let labels = Labels { name: shown.name.clone(), subject: shown.subject.clone() };
            self.not_after.get_or_create(&labels).set(shown.not_after.unix_timestamp());
            self.days.get_or_create(&labels).set((shown.not_after - now).as_seconds_f64() / SECONDS_OF_A_DAY);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, registry);
        text
    }
}

const NOT_AFTER: Described = Described {
    name: "countersign_tls_cert_not_after_seconds",
    kind: "gauge",
    labels: "name, subject",
    help: "When a certificate that the node presents or trusts ends, in seconds since 1970",
};
const DAYS: Described = Described {
    name: "countersign_tls_cert_days_until_expiry",
    kind: "gauge",
    labels: "name, subject",
    help: "Days until a certificate that the node presents or trusts ends",
};

/// The reference page of every metric, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(PREFACE);
    let asked = revocation::Metrics::DESCRIBED;
    let asked = asked.map(|(name, kind, labels, help)| Described { name, kind, labels, help });
    for metric in Metrics::DESCRIBED.iter().chain(&asked).chain(&[NOT_AFTER, DAYS, RELOADS]) {
        let Described { name, kind, labels, help } = metric;
        page.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    page
}

const PREFACE: &str = "# Metrics\n\n\
    <!-- Generated from the code; `UPDATE_REFERENCE=1 cargo test -p countersign-daemon --test reference` writes it. -->\n\n\
    `GET /_metrics` on any listener, with a credential of any principal, in the OpenMetrics text format.\n\n\
    | Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n";

const SECONDS_OF_A_DAY: f64 = 86_400.0;
