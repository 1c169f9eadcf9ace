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
    /// How many orders each account may make.
    pub(super) orders: Pace<String>,
    /// How many names may be ordered for on whose account.
    pub(super) names: Pace<Surety>,
    /// How often it is looked which orders of an account are still open, where it has no room for another.
    pub(super) recounts: Pace<String>,
    /// How often an account may be given another key: each that it had stays on record.
    pub(super) key_changes: Pace<String>,
    /// How many names are being proved at once.
    pub(super) proofs: Arc<Semaphore>,
    pub(super) metrics: Metrics,
}

/// Who stands for an account: many accounts of one are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Surety {
    /// The operator's key that it is bound to.
    Key(String),
    /// The address that it asks from, where it is bound to nobody.
    Source(IpAddr),
}

impl Surety {
    /// How many names may be ordered for.
    pub(super) const fn rate(&self) -> Rate {
        match self {
            Self::Key(_) => NAMES_OF_A_KEY,
            Self::Source(_) => NAMES_OF_A_SOURCE,
        }
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            nonces: Nonces::new(NONCES_LAST),
            requests: Pace::default(),
            wrong_keys: Pace::default(),
            strangers: Pace::default(),
            orders: Pace::default(),
            names: Pace::default(),
            recounts: Pace::default(),
            key_changes: Pace::default(),
            proofs: Arc::new(Semaphore::new(PROOFS_AT_ONCE)),
            metrics: Metrics::default(),
        }
    }

    /// The counters.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// So many at once, and as many again in an hour.
const fn hourly(most: f64) -> Rate {
    Rate { most, per_second: most / 3600.0 }
}

const NONCES_LAST: Duration = Duration::HOUR;
/// A certificate takes about ten requests; behind one address there may be a fleet.
pub(super) const REQUESTS: Rate = Rate { most: 500.0, per_second: 50.0 };
/// A key has 256 bits and is not guessed; whoever tries fills logs.
pub(super) const WRONG_KEYS: Rate = Rate { most: 20.0, per_second: 0.1 };
/// Accounts are made once and kept.
pub(super) const STRANGERS: Rate = Rate { most: 20.0, per_second: 0.01 };
/// As Let's Encrypt has it: 300 in three hours.
pub(super) const ORDERS: Rate = Rate { most: 300.0, per_second: 100.0 / 3600.0 };
/// On record, a name takes half a kilobyte, for two days where no certificate comes of it.
const NAMES_OF_A_KEY: Rate = hourly(5000.0);
const NAMES_OF_A_SOURCE: Rate = hourly(1000.0);
/// Each reads a hundred orders.
pub(super) const RECOUNTS: Rate = Rate { most: 5.0, per_second: 0.1 };
/// Who changes keys does it once a year.
pub(super) const KEY_CHANGES: Rate = Rate { most: 10.0, per_second: 1.0 / 3600.0 };
/// Each is a connection to somebody, for half a minute at most.
const PROOFS_AT_ONCE: usize = 64;
