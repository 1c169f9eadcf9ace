//! What a reload changes in place, because it is no part of a snapshot.

use std::sync::Arc;
use std::time::Duration;

use config::Plan;
use parking_lot::Mutex;

use crate::journal::Switches;
use crate::log::Level;

/// What is changed in place: what is logged and audited, and for how long things are waited for and kept.
pub(crate) struct Adjusted {
    pub(crate) switches: Arc<Switches>,
    pub(crate) level: Level,
    /// How long audit events are kept, where there is a ledger.
    pub(crate) retention: Option<Arc<Mutex<Duration>>>,
    /// Below which outage budget it is warned of.
    pub(crate) outage_warning: Arc<Mutex<Duration>>,
    /// How long requests in flight may take once the node is going down.
    pub(crate) grace: Arc<Mutex<Duration>>,
}

impl Adjusted {
    pub(crate) fn to(&self, plan: &Plan) {
        self.level.set(plan.logging.level);
        self.switches.set(&plan.logging, &plan.audit);
        *self.grace.lock() = plan.limits.shutdown;
        *self.outage_warning.lock() = outage_warning(plan);
        if let Some(retention) = &self.retention {
            *retention.lock() = plan.audit.retention;
        }
    }
}

/// Below which outage budget it is warned of; a node without an authority has none.
pub(crate) fn outage_warning(plan: &Plan) -> Duration {
    plan.authority.as_ref().map_or(Duration::ZERO, |authority| authority.outage_warning)
}
