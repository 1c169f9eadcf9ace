//! Everything the gateway decides by at one moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use access::{Accepted, Directory, Grants};
use database::Database;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use transport::Door;

use crate::callers::Callers;
use crate::listener::Spoken;
use crate::metrics::Metrics;
use crate::registrar::Scope;
use crate::slots::SlotLimits;
use crate::upstream::Upstream;

/// Everything the gateway decides by at one moment; immutable, and replaced whole or not at all. A clone is cheap: what
/// is large is shared.
#[derive(Clone)]
pub struct Snapshot {
    /// Counts the snapshots of this process, from 1; publishing counts on.
    pub generation: u64,
    /// What is spoken and asked at each listener, by the listener's name. A listener that is not here serves nobody.
    pub entrances: HashMap<Arc<str>, Entrance>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// Who may do what.
    pub grants: Arc<Grants>,
    /// Whether the administration routes exist; who may use them is among the grants.
    pub control_plane: bool,
    /// The databases by name.
    pub databases: HashMap<String, Served>,
    /// The databases that a PostgreSQL client means by the host that it connects to, in lower case, by that host.
    pub database_hosts: Arc<HashMap<Box<str>, Box<str>>>,
    /// Limits of what one request may ask of a database.
    pub statement_limits: database::Limits,
    /// Limits of HTTP connections and requests.
    pub http_limits: HttpLimits,
    /// The most connections of each listener.
    pub slot_limits: SlotLimits,
}

/// What is spoken and asked at one listener.
#[derive(Clone)]
pub struct Entrance {
    /// The TLS settings; none where clear text is spoken.
    pub door: Option<Arc<Door>>,
    /// The protocol.
    pub spoken: Spoken,
    /// Whether PostgreSQL's requests to cancel are honoured in clear text, as clients before version 17 send them.
    pub plaintext_cancel: bool,
    /// The ways to sign in.
    pub accepted: Vec<Accepted>,
    /// What is answered there.
    pub scope: Scope,
    /// By which names its handshakes are counted.
    pub callers: Arc<Callers>,
}

/// A database behind the door, with its own counters at hand.
#[derive(Clone)]
pub struct Served {
    pub(crate) behind: Behind,
    pub(crate) requests: Counter,
    pub(crate) durations: Histogram,
}

/// What is behind a database's name.
#[derive(Clone)]
pub(crate) enum Behind {
    /// A database of our own.
    Embedded(Arc<Database>),
    /// A PostgreSQL.
    Upstream(Arc<Upstream>),
}

impl Served {
    /// Puts a database behind the door under `name`.
    #[must_use]
    pub fn new(name: &str, database: Arc<Database>, metrics: &Metrics) -> Self {
        Self::behind(name, Behind::Embedded(database), metrics)
    }

    /// Puts a database on a PostgreSQL behind the door under `name`.
    #[must_use]
    pub fn upstream(name: &str, upstream: Arc<Upstream>, metrics: &Metrics) -> Self {
        upstream.count_among(metrics);
        Self::behind(name, Behind::Upstream(upstream), metrics)
    }

    fn behind(name: &str, behind: Behind, metrics: &Metrics) -> Self {
        let (requests, durations) = metrics.of_database(name);
        Self { behind, requests, durations }
    }
}

/// Limits of HTTP connections and requests.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// From a request's head to the last byte of its body.
    pub body: Duration,
    /// Without a request.
    pub idle: Duration,
    /// The largest request body in bytes.
    pub body_bytes: usize,
    /// The largest request head in bytes.
    pub head_bytes: usize,
    /// Streams open at one time on one HTTP/2 connection.
    pub streams: u32,
    /// Requests per second for each principal; 0 is no limit.
    pub per_principal_rps: u32,
}
