//! How fresh what is published is, and what was answered.

use fault::Fault;
use identity::ocsp::{Failure, Status};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::issuer::{Issuer, List};
use super::respond::Answered;
use crate::Described;

/// The handles; cloning them shares the counts.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    number: Family<OfIssuer, Gauge>,
    entries: Family<OfIssuer, Gauge>,
    this_update: Family<OfIssuer, Gauge>,
    next_update: Family<OfIssuer, Gauge>,
    failures: Counter,
    answers: Family<OfResult, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfIssuer {
    issuer: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

impl Metrics {
    /// Makes the handles and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let [number, entries, this_update, next_update, failures, answers] = Self::DESCRIBED;
        // The encoder adds the suffix of counters itself.
        let name = |(name, ..): Described| name.strip_suffix("_total").unwrap_or(name);
        registry.register(name(number), number.3, metrics.number.clone());
        registry.register(name(entries), entries.3, metrics.entries.clone());
        registry.register(name(this_update), this_update.3, metrics.this_update.clone());
        registry.register(name(next_update), next_update.3, metrics.next_update.clone());
        registry.register(name(failures), failures.3, metrics.failures.clone());
        registry.register(name(answers), answers.3, metrics.answers.clone());
        metrics
    }

    /// Every metric of publishing, for the reference page.
    pub const DESCRIBED: [Described; 6] = [
        ("countersign_crl_number", "gauge", "issuer", "Number of the revocation list that is published"),
        (
            "countersign_crl_entries",
            "gauge",
            "issuer",
            "Certificates on the revocation list that is published",
        ),
        (
            "countersign_crl_this_update_seconds",
            "gauge",
            "issuer",
            "From when on the revocation list that is published counts, in seconds since 1970",
        ),
        (
            "countersign_crl_next_update_seconds",
            "gauge",
            "issuer",
            "By when the revocation list that is published is outdated, in seconds since 1970",
        ),
        (
            "countersign_crl_signing_failures_total",
            "counter",
            "",
            "Attempts to sign revocation lists or to appoint an OCSP responder that failed",
        ),
        (
            "countersign_ocsp_answers_total",
            "counter",
            "result",
            "Answers to OCSP questions: good, revoked, unknown, or why there was none",
        ),
    ];

    pub(super) fn published(&self, issuer: &Issuer, list: &List) {
        let labels = OfIssuer { issuer: issuer.name.clone() };
        let wide = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.number.get_or_create(&labels).set(wide(list.signed.number()));
        self.entries.get_or_create(&labels).set(wide(list.signed.entries() as u64));
        self.this_update.get_or_create(&labels).set(list.signed.this_update().unix_timestamp());
        self.next_update.get_or_create(&labels).set(list.signed.next_update().unix_timestamp());
    }

    pub(super) fn failed(&self, _why: &Fault) {
        self.failures.inc();
    }

    pub(super) fn answered(&self, answered: &Answered) {
        let result = match answered {
            Answered::Common(answer) => word(answer.status),
            Answered::Own(_, status) => word(*status),
            Answered::Failure(Failure::MalformedRequest) => "malformed",
            Answered::Failure(Failure::InternalError) => "internal-error",
            Answered::Failure(Failure::TryLater) => "try-later",
            Answered::Failure(Failure::Unauthorized) => "unauthorized",
        };
        self.answers.get_or_create(&OfResult { result }).inc();
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Good => "good",
        Status::Revoked { .. } => "revoked",
        Status::Unknown => "unknown",
    }
}
