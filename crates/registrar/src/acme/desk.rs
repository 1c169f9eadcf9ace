use std::sync::Arc;

use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::nonces::Nonces;
use super::sources::Sources;

/// What is remembered between requests, in bounds; none of it outlives the process.
pub(crate) struct Desk {
    pub(super) nonces: Nonces,
    /// What each address may ask.
    pub(super) requests: Sources,
    /// How often each address may be wrong about an operator's key.
    pub(super) wrong_keys: Sources,
    /// How many accounts each address may make that are bound to nobody.
    pub(super) strangers: Sources,
    /// How many names are being proved at once.
    pub(super) proofs: Arc<Semaphore>,
    pub(super) metrics: Metrics,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            nonces: Nonces::new(),
            requests: Sources::new(REQUESTS_AT_ONCE, REQUESTS_PER_SECOND),
            wrong_keys: Sources::new(WRONG_KEYS_AT_ONCE, WRONG_KEYS_PER_SECOND),
            strangers: Sources::new(STRANGERS_AT_ONCE, STRANGERS_PER_SECOND),
            proofs: Arc::new(Semaphore::new(PROOFS_AT_ONCE)),
            metrics: Metrics::default(),
        }
    }

    /// The counters.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// A certificate takes about ten requests; behind one address there may be a fleet.
const REQUESTS_AT_ONCE: f64 = 500.0;
const REQUESTS_PER_SECOND: f64 = 50.0;
/// A key has 256 bits and is not guessed; whoever tries fills logs.
const WRONG_KEYS_AT_ONCE: f64 = 20.0;
const WRONG_KEYS_PER_SECOND: f64 = 0.1;
/// Accounts are made once and kept.
const STRANGERS_AT_ONCE: f64 = 20.0;
const STRANGERS_PER_SECOND: f64 = 0.01;
/// Each is a connection to somebody, for half a minute at most.
const PROOFS_AT_ONCE: usize = 64;
