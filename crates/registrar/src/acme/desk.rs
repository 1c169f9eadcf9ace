use std::net::IpAddr;
use std::sync::Arc;

use time::Duration;
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use crate::nonces::Nonces;
use crate::pace::{Pace, Rate};

/// What is remembered between requests, in bounds; none of it outlives the process.
pub(crate) struct Desk {
    pub(super) nonces: Nonces,
    /// What each address may ask.
    pub(super) requests: Pace<IpAddr>,
    /// How often each address may be wrong about an operator's key. By address, so that a stranger elsewhere, who is wrong as
    /// often as he likes, keeps nobody out.
    pub(super) wrong_keys: Pace<IpAddr>,
    /// How many accounts each address may make that are bound to nobody.
    pub(super) strangers: Pace<IpAddr>,
    /// How many names are being proved at once.
    pub(super) proofs: Arc<Semaphore>,
    pub(super) metrics: Metrics,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            nonces: Nonces::new(NONCES_LAST),
            requests: Pace::default(),
            wrong_keys: Pace::default(),
            strangers: Pace::default(),
            proofs: Arc::new(Semaphore::new(PROOFS_AT_ONCE)),
            metrics: Metrics::default(),
        }
    }

    /// The counters.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

const NONCES_LAST: Duration = Duration::HOUR;
/// A certificate takes about ten requests; behind one address there may be a fleet.
pub(super) const REQUESTS: Rate = Rate { most: 500.0, per_second: 50.0 };
/// A key has 256 bits and is not guessed; whoever tries fills logs.
pub(super) const WRONG_KEYS: Rate = Rate { most: 20.0, per_second: 0.1 };
/// Accounts are made once and kept.
pub(super) const STRANGERS: Rate = Rate { most: 20.0, per_second: 0.01 };
/// Each is a connection to somebody, for half a minute at most.
const PROOFS_AT_ONCE: usize = 64;
