//! Counters and gauges of the gateway.
//!
//! - `carried`: what is counted of sessions on servers behind the door.

mod carried;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use access::Level;
use fault::Code;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

pub(crate) use self::carried::OfCarried;
use self::carried::{CARRIED_BYTES, CARRIED_SESSIONS, CARRIED_STARTED, CarriedMetrics};
use crate::ending::EndReason;

/// The gateway's handles; cloning them shares the counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) handshakes: Family<HandshakeLabels, Counter>,
    pub(crate) calls: Family<CallLabels, Counter>,
    pub(crate) sessions: Family<ListenerLabel, Gauge>,
    pub(crate) refusals: Family<CodeLabel, Counter>,
    requests: Family<DatabaseLabel, Counter>,
    durations: Family<DatabaseLabel, Histogram>,
    upstream_connects: Family<ConnectLabels, Counter>,
    upstream_seconds: Family<ServiceLabel, Histogram>,
    upstream_links: Family<LinkLabels, Gauge>,
    carried: CarriedMetrics,
    pub(crate) turned_away: Family<ListenerLabel, Counter>,
    ended: Family<ReasonLabel, Counter>,
    endings: Histogram,
    pub(crate) generation: Gauge<i64>,
    pub(crate) answers: Counter<u64, AtomicU64>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct HandshakeLabels {
    pub(crate) listener: String,
    /// `ok`, a refusal code, or what kind of failure it was where TLS itself could not be agreed on.
    pub(crate) result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CallLabels {
    /// A registered service, `other`, or `none` without a certificate.
    pub(crate) from_service: String,
    pub(crate) to_service: String,
    pub(crate) result: &'static str,
    /// Why not; empty where it succeeded.
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ListenerLabel {
    pub(crate) listener: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CodeLabel {
    pub(crate) code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DatabaseLabel {
    db: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ServiceLabel {
    service: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConnectLabels {
    service: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LinkLabels {
    service: String,
    state: &'static str,
}

/// The counters of one PostgreSQL behind the door, at hand.
pub(crate) struct OfUpstream {
    service: String,
    connects: Family<ConnectLabels, Counter>,
    /// From the wish for a connection to its first statement, or to the failure.
    pub(crate) seconds: Histogram,
    /// Connections that somebody uses.
    pub(crate) busy: Gauge,
    /// Connections that are kept for the next.
    pub(crate) warm: Gauge,
}

impl OfUpstream {
    pub(crate) fn connected(&self, outcome: &'static str) {
        self.connects.get_or_create(&ConnectLabels { service: self.service.clone(), outcome }).inc();
    }
}

impl Metrics {
    /// Makes the handles and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            handshakes: Family::default(),
            calls: Family::default(),
            sessions: Family::default(),
            refusals: Family::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            upstream_connects: Family::default(),
            upstream_seconds: Family::new_with_constructor(|| Histogram::new(CONNECT_BUCKETS)),
            upstream_links: Family::default(),
            carried: CarriedMetrics::default(),
            turned_away: Family::default(),
            ended: Family::default(),
            endings: Histogram::new(ENDING_BUCKETS),
            generation: Gauge::default(),
            answers: Counter::default(),
        };
        let m = &metrics;
        REQUESTS.register(registry, m.requests.clone());
        DURATIONS.register(registry, m.durations.clone());
        HANDSHAKES.register(registry, m.handshakes.clone());
        CALLS.register(registry, m.calls.clone());
        SESSIONS.register(registry, m.sessions.clone());
        REFUSALS.register(registry, m.refusals.clone());
        UPSTREAM_CONNECTS.register(registry, m.upstream_connects.clone());
        UPSTREAM_SECONDS.register(registry, m.upstream_seconds.clone());
        UPSTREAM_LINKS.register(registry, m.upstream_links.clone());
        m.carried.register(registry);
        TURNED_AWAY.register(registry, m.turned_away.clone());
        ENDED.register(registry, m.ended.clone());
        ENDINGS.register(registry, m.endings.clone());
        GENERATION.register(registry, m.generation.clone());
        ANSWERS.register(registry, m.answers.clone());
        metrics
    }

    /// Every metric of the gateway, for the reference page.
    pub const DESCRIBED: [Described; 17] = [
        REQUESTS,
        DURATIONS,
        HANDSHAKES,
        CALLS,
        SESSIONS,
        REFUSALS,
        UPSTREAM_CONNECTS,
        UPSTREAM_SECONDS,
        UPSTREAM_LINKS,
        CARRIED_SESSIONS,
        CARRIED_STARTED,
        CARRIED_BYTES,
        TURNED_AWAY,
        ENDED,
        ENDINGS,
        GENERATION,
        ANSWERS,
    ];

    /// The generation of the snapshot that is served.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.get().unsigned_abs()
    }

    /// The counters of one database, to be kept at hand.
    pub(crate) fn of_database(&self, name: &str) -> (Counter, Histogram) {
        let label = DatabaseLabel { db: name.to_owned() };
        (self.requests.get_or_create_owned(&label), self.durations.get_or_create_owned(&label))
    }

    /// The counters of one PostgreSQL behind the door.
    pub(crate) fn of_upstream(&self, service: &str) -> OfUpstream {
        let links = |state| {
            self.upstream_links.get_or_create_owned(&LinkLabels { service: service.to_owned(), state })
        };
        OfUpstream {
            service: service.to_owned(),
            connects: self.upstream_connects.clone(),
            seconds: self.upstream_seconds.get_or_create_owned(&ServiceLabel { service: service.to_owned() }),
            busy: links("busy"),
            warm: links("warm"),
        }
    }

    /// A session begins on the server behind a database.
    pub(crate) fn carries(&self, database: &str, level: Level) -> OfCarried {
        self.carried.begins(database, level)
    }

    pub(crate) fn refused(&self, code: Code) {
        self.refusals.get_or_create(&CodeLabel { code: code.as_str() }).inc();
    }

    /// A session was ended, and its connection was gone so long after the decision.
    pub(crate) fn ended(&self, reason: EndReason, took: Duration) {
        self.ended.get_or_create(&ReasonLabel { reason: reason.as_str() }).inc();
        self.endings.observe(took.as_secs_f64());
    }

    pub(crate) fn shaken(&self, listener: &str, result: &'static str) {
        self.handshakes.get_or_create(&HandshakeLabels { listener: listener.to_owned(), result }).inc();
    }
}

/// What a metric counts; said once, for the metrics page and for the reference.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Its name, as it is exposed.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels, separated by commas.
    pub labels: &'static str,
    /// A full sentence, with the unit.
    pub help: &'static str,
}

impl Described {
    /// Registers a metric under this description.
    pub fn register(&self, registry: &mut Registry, metric: impl Metric) {
        // The encoder adds the suffix of counters itself.
        registry.register(self.name.strip_suffix("_total").unwrap_or(self.name), self.help, metric);
    }
}

const REQUESTS: Described = Described {
    name: "requests_total",
    kind: "counter",
    labels: "db",
    help: "Requests that reached a database",
};
const DURATIONS: Described = Described {
    name: "request_duration_seconds",
    kind: "histogram",
    labels: "db",
    help: "From the head of a database request to its answer, in seconds",
};
const HANDSHAKES: Described = Described {
    name: "countersign_gateway_handshakes_total",
    kind: "counter",
    labels: "listener, result",
    help: "TLS handshakes; the result is ok, a refusal code, or the kind of failure",
};
const CALLS: Described = Described {
    name: "countersign_mtls_handshake_total",
    kind: "counter",
    labels: "from_service, to_service, result, reason",
    help: "TLS handshakes by the registered services at both ends; the result is success or failure, the reason no_cert, unknown_ca, expired, revoked, unmapped, not_allowed or another word, and empty where it succeeded",
};
const SESSIONS: Described = Described {
    name: "countersign_gateway_sessions",
    kind: "gauge",
    labels: "listener",
    help: "Live connections past their handshake",
};
const REFUSALS: Described = Described {
    name: "countersign_gateway_refusals_total",
    kind: "counter",
    labels: "code",
    help: "Refusals of peers and of requests",
};
const UPSTREAM_CONNECTS: Described = Described {
    name: "countersign_upstream_connects_total",
    kind: "counter",
    labels: "service, outcome",
    help: "Connections to a PostgreSQL behind the door; the outcome is ok, warm where one was at hand, unreachable, slow, refused or full",
};
const UPSTREAM_SECONDS: Described = Described {
    name: "countersign_upstream_connect_seconds",
    kind: "histogram",
    labels: "service",
    help: "From the wish for a new connection to a PostgreSQL behind the door to its first statement or its failure, in seconds",
};
const UPSTREAM_LINKS: Described = Described {
    name: "countersign_upstream_links",
    kind: "gauge",
    labels: "service, state",
    help: "Connections to a PostgreSQL behind the door; busy ones serve somebody, warm ones are kept for the next",
};
const TURNED_AWAY: Described = Described {
    name: "countersign_gateway_turned_away_total",
    kind: "counter",
    labels: "listener",
    help: "Connections closed unanswered because their address held too many",
};
const ENDED: Described = Described {
    name: "countersign_sessions_ended_total",
    kind: "counter",
    labels: "reason",
    help: "Sessions ended before their peer was done: revoked, expired, killed and so on",
};
const ENDINGS: Described = Described {
    name: "countersign_session_end_seconds",
    kind: "histogram",
    labels: "",
    help: "From the decision to end a session to the last byte of its connection, in seconds",
};
const GENERATION: Described = Described {
    name: "countersign_gateway_generation",
    kind: "gauge",
    labels: "",
    help: "Generation of the snapshot that is served",
};
const ANSWERS: Described = Described {
    name: "countersign_gateway_answers_total",
    kind: "counter",
    labels: "",
    help: "HTTP answers of any kind",
};

/// Upper bounds in seconds; the last is the promise.
const ENDING_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0];
/// Upper bounds in seconds: from a socket at hand to the deadline that is customary.
const CONNECT_BUCKETS: [f64; 9] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];
/// Upper bounds in seconds: from a cached point query to the statement timeout.
const DURATION_BUCKETS: [f64; 10] = [0.000_1, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0];
