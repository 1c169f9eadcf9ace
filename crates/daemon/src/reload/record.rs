//! What came of the last reloads, for metrics and status.

use gateway::Described;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::outcome::{self, Applied, Rejected};

/// What came of reloads so far.
pub(crate) struct Record {
    counts: Family<ResultLabel, Counter>,
    last: Mutex<Last>,
}

struct Last {
    /// When what is served was read; at first the start.
    good: OffsetDateTime,
    result: Option<&'static str>,
    /// The last reload that was not applied, until one is.
    error: Option<(OffsetDateTime, String)>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

impl Record {
    /// Registers the metric, at zero for each result.
    pub(crate) fn register(registry: &mut Registry, now: OffsetDateTime) -> Self {
        let counts = Family::<ResultLabel, Counter>::default();
        for result in ["applied", "unchanged", "rejected", "weaker"] {
            drop(counts.get_or_create(&ResultLabel { result }));
        }
        RELOADS.register(registry, counts.clone());
        Self { counts, last: Mutex::new(Last { good: now, result: None, error: None }) }
    }

    /// Notes what came of one.
    pub(crate) fn note(&self, outcome: &Result<Applied, Rejected>, now: OffsetDateTime) {
        let result = outcome::result(outcome);
        self.counts.get_or_create(&ResultLabel { result }).inc();
        let mut last = self.last.lock();
        last.result = Some(result);
        match outcome {
            Ok(_) => (last.good, last.error) = (now, None),
            Err(rejected) => last.error = Some((now, rejected.reason())),
        }
    }

    /// Notes that what is written is what is served: whatever was wrong has been taken back.
    pub(crate) fn mended(&self, now: OffsetDateTime) {
        let mut last = self.last.lock();
        if last.error.take().is_some() {
            last.result = Some("unchanged");
        }
        last.good = now;
    }

    /// For administrators: how old is what is served, and why it is not newer.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Value {
        let last = self.last.lock();
        let at = |moment: OffsetDateTime| moment.format(&Rfc3339).unwrap_or_default();
        json!({
            "at": at(last.good),
            "age_seconds": (now - last.good).whole_seconds(),
            "last_result": last.result,
            "last_error": last.error.as_ref().map(|(moment, reason)| json!({ "at": at(*moment), "reason": reason })),
        })
    }
}

pub(crate) const RELOADS: Described = Described {
    name: "countersign_reload_total",
    kind: "counter",
    labels: "result",
    help: "Reloads; the result is applied, unchanged, rejected, or weaker: refused because it would weaken",
};
