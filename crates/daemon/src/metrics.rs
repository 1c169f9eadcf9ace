//! Metrics of the node itself: how long its certificates and its revocation lists last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use gateway::{Described, Metrics};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use registrar::rotation::Progress;
use time::OffsetDateTime;
use transport::Clock;

use crate::auditor;
use crate::following::Pulse;
use crate::outage::Outage;
use crate::reload::RELOADS;
use crate::status::{Announcement, ListShown};

/// How long each certificate lasts, by what it is for; worked out when asked.
pub(crate) struct Certificates {
    shown: Arc<ArcSwap<Announcement>>,
    not_after: Family<Labels, Gauge>,
    days: Family<Labels, Gauge<f64, AtomicU64>>,
    next_update: Family<Source, Gauge>,
    /// How old what is known of the ledger is; none where there is no ledger.
    ledger: Option<(Pulse, Gauge<f64, AtomicU64>)>,
    rotation: Family<Rotated, Gauge>,
    progress: Arc<Progress>,
    outage: Outage,
    budget: Gauge<f64, AtomicU64>,
    first: Family<First, Gauge>,
    clock: Arc<dyn Clock>,
}

/// What breaks first.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct First {
    first: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    name: String,
    subject: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Source {
    source: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Rotated {
    of: String,
}

impl Certificates {
    pub(crate) fn register(
        registry: &mut Registry,
        shown: Arc<ArcSwap<Announcement>>,
        pulse: Option<Pulse>,
        progress: Arc<Progress>,
        outage: Outage,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (not_after, days, next_update) = (Family::default(), Family::default(), Family::default());
        let ledger = pulse.map(|pulse| (pulse, Gauge::default()));
        if let Some((_, age)) = &ledger {
            LEDGER_AGE.register(registry, age.clone());
        }
        let (rotation, budget, first) = (Family::default(), Gauge::default(), Family::default());
        let certificates = Self {
            shown,
            not_after,
            days,
            next_update,
            ledger,
            rotation,
            progress,
            outage,
            budget,
            first,
            clock,
        };
        BUDGET.register(registry, certificates.budget.clone());
        FIRST.register(registry, certificates.first.clone());
        NOT_AFTER.register(registry, certificates.not_after.clone());
        DAYS.register(registry, certificates.days.clone());
        NEXT_UPDATE.register(registry, certificates.next_update.clone());
        ROTATION.register(registry, certificates.rotation.clone());
        certificates
    }

    /// Every metric of the node in the OpenMetrics text format.
    pub(crate) fn expose(&self, registry: &Registry) -> String {
        let now = self.clock.now();
        // A certificate that was replaced leaves with its subject's old end.
        self.not_after.clear();
        self.days.clear();
        self.rotation.clear();
        if let Some((of, phase)) = self.progress.now() {
            self.rotation.get_or_create(&Rotated { of: of.to_string() }).set(phase.number());
        }
        let shown = self.shown.load();
        self.expose_lists(&shown.lists);
        self.expose_outage(now);
        if let Some((pulse, age)) = &self.ledger {
            age.set(pulse.age(now).as_seconds_f64());
        }
        for shown in &shown.certificates {
            let labels = Labels { name: shown.name.clone(), subject: shown.subject.clone() };
            self.not_after.get_or_create(&labels).set(shown.not_after.unix_timestamp());
            self.days.get_or_create(&labels).set((shown.not_after - now).as_seconds_f64() / SECONDS_OF_A_DAY);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, registry);
        text
    }

    fn expose_outage(&self, now: OffsetDateTime) {
        self.first.clear();
        // Whoever needs nothing of an authority never misses it.
        let Some(first) = self.outage.first() else {
            self.budget.set(f64::INFINITY);
            return;
        };
        self.budget.set((first.until - now).as_seconds_f64());
        self.first.get_or_create(&First { first: first.what }).set(1);
    }

    /// A file may hold several lists; the one that ends first counts.
    fn expose_lists(&self, lists: &[ListShown]) {
        self.next_update.clear();
        let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
        for list in lists {
            if let Some(end) = list.next_update.map(OffsetDateTime::unix_timestamp) {
                ends.entry(&list.source).and_modify(|known| *known = end.min(*known)).or_insert(end);
            }
        }
        for (source, end) in ends {
            self.next_update.get_or_create(&Source { source: source.to_owned() }).set(end);
        }
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

const NEXT_UPDATE: Described = Described {
    name: "countersign_revocation_list_next_update_seconds",
    kind: "gauge",
    labels: "source",
    help: "By when a revocation list from a file is outdated, in seconds since 1970",
};

const LEDGER_AGE: Described = Described {
    name: "countersign_ledger_age_seconds",
    kind: "gauge",
    labels: "",
    help: "How long ago the ledger last said what is revoked; it is asked every five seconds",
};

const ROTATION: Described = Described {
    name: "countersign_rotation_phase",
    kind: "gauge",
    labels: "of",
    help: "How far the rotation of an issuer or the root is: 1 begun, 2 distributed, 3 acknowledged, 4 moved; absent where nothing is rotated",
};
const BUDGET: Described = Described {
    name: "countersign_outage_budget_seconds",
    kind: "gauge",
    labels: "",
    help: "How long the authority (its issuers, its ledger) may be away before something breaks; negative: since when it has",
};
const FIRST: Described = Described {
    name: "countersign_outage_budget_info",
    kind: "gauge",
    labels: "first",
    help: "What breaks first where the authority is away for longer than countersign_outage_budget_seconds; always 1",
};

/// The reference page of every metric, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(PREFACE);
    let asked = revocation::Metrics::DESCRIBED;
    let asked = asked.map(|(name, kind, labels, help)| Described { name, kind, labels, help });
    let published = registrar::PublishedMetrics::DESCRIBED;
    let published = published.map(|(name, kind, labels, help)| Described { name, kind, labels, help });
    let acme = registrar::acme::Metrics::DESCRIBED;
    let acme = acme.map(|(name, kind, labels, help)| Described { name, kind, labels, help });
    let own = [NOT_AFTER, DAYS, NEXT_UPDATE, LEDGER_AGE, ROTATION, BUDGET, FIRST, auditor::LOST, RELOADS];
    let metrics = Metrics::DESCRIBED.iter().chain(&asked).chain(&published).chain(&acme);
    for metric in metrics.chain(&registrar::SERVICE_METRICS).chain(&registrar::MINTED_METRICS).chain(&own) {
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
