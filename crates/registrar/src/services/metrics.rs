//! Counters and gauges of registered services.

use std::sync::atomic::AtomicU64;

use gateway::Described;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;

use super::Rules;
use super::due::{alert_at, due_at};
use super::note::Leaf;

/// The handles.
pub(super) struct Metrics {
    days: Family<ServiceLabel, Gauge<f64, AtomicU64>>,
    due: Family<EnvironmentLabel, Gauge>,
    alert: Family<EnvironmentLabel, Gauge>,
    rotations: Family<ServiceLabel, Counter>,
    revocations: Family<ServiceLabel, Counter>,
    issuances: Family<ServiceLabel, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ServiceLabel {
    service_name: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EnvironmentLabel {
    environment: String,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            days: Family::default(),
            due: Family::default(),
            alert: Family::default(),
            rotations: Family::default(),
            revocations: Family::default(),
            issuances: Family::default(),
        };
        DAYS.register(registry, metrics.days.clone());
        DUE.register(registry, metrics.due.clone());
        ALERT.register(registry, metrics.alert.clone());
        ROTATIONS.register(registry, metrics.rotations.clone());
        REVOCATIONS.register(registry, metrics.revocations.clone());
        ISSUANCES.register(registry, metrics.issuances.clone());
        metrics
    }

    /// A leaf was issued, signed and recorded.
    pub(super) fn issued(&self, service: &str) {
        self.issuances.get_or_create(&label(service)).inc();
    }

    /// A leaf took the place of one that stays good for a while.
    pub(super) fn rotated(&self, service: &str) {
        self.rotations.get_or_create(&label(service)).inc();
    }

    /// A leaf was taken back.
    pub(super) fn revoked(&self, service: &str) {
        self.revocations.get_or_create(&label(service)).inc();
    }

    /// What holds at this moment: days left of each leaf and of each authority above them, and how many leaves are due.
    pub(super) fn measure(
        &self,
        rules: &Rules,
        leaves: impl Iterator<Item = (String, Leaf)>,
        now: OffsetDateTime,
    ) {
        // A service that was taken out of the registry leaves.
        self.days.clear();
        for service in &rules.registered {
            // What has not happened yet is shown as 0, so that its first time is seen to be one more.
            for counter in [&self.rotations, &self.revocations, &self.issuances] {
                drop(counter.get_or_create(&label(service)));
            }
        }
        let (mut due, mut alert) = (0, 0);
        for (service, leaf) in leaves {
            self.days.get_or_create(&label(&service)).set(days(leaf.not_after, now));
            due += i64::from(now >= due_at(&rules.rotation, &leaf));
            alert += i64::from(now >= alert_at(&rules.rotation, &leaf));
        }
        for (name, certificate) in &rules.above {
            self.days.get_or_create(&label(name)).set(days(certificate.identity().not_after(), now));
        }
        let environment = EnvironmentLabel { environment: rules.environment.clone() };
        self.due.get_or_create(&environment).set(due);
        self.alert.get_or_create(&environment).set(alert);
    }
}

fn label(service: &str) -> ServiceLabel {
    ServiceLabel { service_name: service.to_owned() }
}

fn days(end: OffsetDateTime, now: OffsetDateTime) -> f64 {
    (end - now).as_seconds_f64() / 86_400.0
}

/// Every metric of the services, for the reference page.
pub const DESCRIBED: [Described; 6] = [DAYS, DUE, ALERT, ROTATIONS, REVOCATIONS, ISSUANCES];

const DAYS: Described = Described {
    name: "countersign_mtls_cert_days_until_expiry",
    kind: "gauge",
    labels: "service_name",
    help: "Days until a registered service's certificate ends, or an authority's by its name in the configuration",
};
const DUE: Described = Described {
    name: "countersign_mtls_certs_within_rotation_threshold",
    kind: "gauge",
    labels: "environment",
    help: "Registered services whose certificate is due to be replaced",
};
const ALERT: Described = Described {
    name: "countersign_mtls_certs_within_alert_threshold",
    kind: "gauge",
    labels: "environment",
    help: "Registered services whose certificate is so near its end that it is warned of",
};
const ROTATIONS: Described = Described {
    name: "countersign_mtls_cert_rotations_total",
    kind: "counter",
    labels: "service_name",
    help: "Certificates of a registered service that took the place of one that stays good for a while",
};
const REVOCATIONS: Described = Described {
    name: "countersign_mtls_cert_revocations_total",
    kind: "counter",
    labels: "service_name",
    help: "Certificates of a registered service that were taken back, at the end of an overlap too",
};
const ISSUANCES: Described = Described {
    name: "countersign_mtls_cert_issuances_total",
    kind: "counter",
    labels: "service_name",
    help: "Certificates that were issued to a registered service",
};
