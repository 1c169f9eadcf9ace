//! What is counted of sessions on servers behind the door.

use access::Level;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Described;

/// Handles by database and level.
#[derive(Clone, Debug, Default)]
pub(super) struct CarriedMetrics {
    sessions: Family<PlaceLabels, Gauge>,
    started: Family<PlaceLabels, Counter>,
    bytes: Family<ByteLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PlaceLabels {
    db: String,
    level: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByteLabels {
    db: String,
    level: &'static str,
    /// `received` from clients, `sent` to them.
    direction: &'static str,
}

/// The counters of one session, which they count for as long as this lives.
#[derive(Debug)]
pub(crate) struct OfCarried {
    sessions: Gauge,
    received: Counter,
    sent: Counter,
}

impl CarriedMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        CARRIED_SESSIONS.register(registry, self.sessions.clone());
        CARRIED_STARTED.register(registry, self.started.clone());
        CARRIED_BYTES.register(registry, self.bytes.clone());
    }

    /// A session begins.
    pub(super) fn begins(&self, database: &str, level: Level) -> OfCarried {
        let level = level.as_str();
        let place = PlaceLabels { db: database.to_owned(), level };
        let bytes = |direction| {
            self.bytes.get_or_create_owned(&ByteLabels { db: database.to_owned(), level, direction })
        };
        let sessions = self.sessions.get_or_create_owned(&place);
        sessions.inc();
        self.started.get_or_create(&place).inc();
        OfCarried { sessions, received: bytes("received"), sent: bytes("sent") }
    }
}

impl OfCarried {
    pub(crate) fn count(&self, received: u64, sent: u64) {
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }
}

impl Drop for OfCarried {
    fn drop(&mut self) {
        self.sessions.dec();
    }
}

pub(super) const CARRIED_SESSIONS: Described = Described {
    name: "countersign_postgres_sessions",
    kind: "gauge",
    labels: "db, level",
    help: "Live sessions on PostgreSQL servers behind the door",
};
pub(super) const CARRIED_STARTED: Described = Described {
    name: "countersign_postgres_sessions_started_total",
    kind: "counter",
    labels: "db, level",
    help: "Sessions that were begun on PostgreSQL servers behind the door",
};
pub(super) const CARRIED_BYTES: Described = Described {
    name: "countersign_postgres_bytes_total",
    kind: "counter",
    labels: "db, level, direction",
    help: "Bytes of PostgreSQL's protocol that were received from clients and sent to them, past the start of a session",
};
