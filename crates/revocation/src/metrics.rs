//! Counters of requests to the authorities' services, and how fresh their answers are.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;

/// The handles; cloning them shares the counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    fetches: Family<FetchLabels, Counter>,
    durations: Family<UrlLabel, Histogram>,
    good_until: Family<UrlLabel, Gauge>,
    known: Arc<Mutex<HashSet<String>>>,
}

/// What a metric counts: its name as exposed, its kind, its labels, and a full sentence with the unit.
pub type Described = (&'static str, &'static str, &'static str, &'static str);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FetchLabels {
    url: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UrlLabel {
    url: String,
}

impl Metrics {
    /// Makes the handles and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            fetches: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            good_until: Family::default(),
            known: Arc::default(),
        };
        let [fetches, durations, good_until] = Self::DESCRIBED;
        // The encoder adds the suffix of counters itself.
        let name = |(name, ..): Described| name.strip_suffix("_total").unwrap_or(name);
        registry.register(name(fetches), fetches.3, metrics.fetches.clone());
        registry.register(name(durations), durations.3, metrics.durations.clone());
        registry.register(name(good_until), good_until.3, metrics.good_until.clone());
        metrics
    }

    /// Every metric of this crate, for the reference page.
    pub const DESCRIBED: [Described; 3] = [
        (
            "countersign_revocation_fetch_total",
            "counter",
            "url, result",
            "Requests for revocation lists and OCSP answers; the result is ok, or what kind of failure it was",
        ),
        (
            "countersign_revocation_fetch_duration_seconds",
            "histogram",
            "url",
            "How long a request for a revocation list or an OCSP answer took, in seconds",
        ),
        (
            "countersign_revocation_good_until_seconds",
            "gauge",
            "url",
            "Until when the newest list or answer from there counts, in seconds since 1970",
        ),
    ];

    pub(crate) fn fetched(&self, url: &str, result: &'static str, took: Duration) {
        let url = self.label(url);
        self.durations.get_or_create(&UrlLabel { url: url.clone() }).observe(took.as_secs_f64());
        self.fetches.get_or_create(&FetchLabels { url, result }).inc();
    }

    pub(crate) fn good_until(&self, url: &str, until: OffsetDateTime) {
        self.good_until.get_or_create(&UrlLabel { url: self.label(url) }).set(until.unix_timestamp());
    }

    /// An address without its query; those beyond the first few are counted together, because certificates invent them.
    fn label(&self, url: &str) -> String {
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let mut known = self.known.lock();
        if !known.contains(plain) {
            if known.len() >= MOST_URLS {
                return OTHERS.to_owned();
            }
            known.insert(plain.to_owned());
        }
        plain.to_owned()
    }
}

/// How many addresses have a line of their own.
const MOST_URLS: usize = 100;
const OTHERS: &str = "others";
/// Upper bounds in seconds: from a list next door to the longest timeout in use.
const DURATION_BUCKETS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0, 10.0];

#[cfg(test)]
mod tests {
    use super::{MOST_URLS, Metrics};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use std::time::Duration;

    #[test]
    fn addresses_beyond_the_first_few_are_counted_together_and_queries_are_left_out() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        for n in 0..2 * MOST_URLS {
            metrics.fetched(&format!("http://pki.example/{n}?x={n}"), "ok", Duration::ZERO);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let counted = |line: &&str| line.starts_with("countersign_revocation_fetch_total{");
        assert_eq!(text.lines().filter(counted).count(), MOST_URLS + 1, "{text}");
        let others = "countersign_revocation_fetch_total{url=\"others\",result=\"ok\"} 100";
        assert!(text.lines().any(|line| line == others), "{text}");
        assert!(!text.contains("x="), "{text}");
    }
}
