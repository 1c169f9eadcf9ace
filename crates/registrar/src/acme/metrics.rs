//! Counters of what ACME clients asked for.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The handles; cloning them shares the counts.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    orders: Family<Outcome, Counter>,
    challenges: Family<Proof, Counter>,
}

/// What a metric counts: its name as exposed, its kind, its labels, and a full sentence with the unit.
type Described = (&'static str, &'static str, &'static str, &'static str);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Proof {
    method: &'static str,
    result: &'static str,
}

impl Metrics {
    /// Every metric of ACME, for the reference page.
    pub const DESCRIBED: [Described; 2] = [
        (
            "countersign_acme_orders_total",
            "counter",
            "result",
            "Orders of ACME clients: new, issued, or failed where one was ready and no certificate came of it",
        ),
        (
            "countersign_acme_challenges_total",
            "counter",
            "method, result",
            "Names that ACME clients were to prove, by method; the result is valid, or the kind of problem",
        ),
    ];

    /// Shows the counts in a registry.
    pub fn register(&self, registry: &mut Registry) {
        let [orders, challenges] = Self::DESCRIBED;
        // The encoder adds the suffix of counters itself.
        let name = |(name, ..): Described| name.strip_suffix("_total").unwrap_or(name);
        registry.register(name(orders), orders.3, self.orders.clone());
        registry.register(name(challenges), challenges.3, self.challenges.clone());
    }

    pub(super) fn order(&self, result: &'static str) {
        self.orders.get_or_create(&Outcome { result }).inc();
    }

    pub(super) fn challenge(&self, method: &'static str, result: &'static str) {
        self.challenges.get_or_create(&Proof { method, result }).inc();
    }
}
