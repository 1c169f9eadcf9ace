//! What is tried of a configuration, and what is not.

use config::Plan;

use crate::rules::{Row, Rules};
use crate::wire::Wire;

/// A row for each listener and way to speak to it; and the listeners that there is no way for.
pub(super) fn rows(plan: &Plan) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut not_covered) = (Vec::new(), Vec::new());
    for listener in &plan.listeners {
        let tls = listener.tls.as_ref().and_then(|name| plan.tls.get(name));
        let host = tls.and_then(|tls| tls.hosts.first()).map_or("localhost", String::as_str);
        let row = |wire| Row {
            listener: listener.name.clone(),
            wire,
            rules: Rules::of(listener, tls),
            host: host.trim_start_matches("*.").to_owned(),
        };
        let before = rows.len();
        rows.extend(Wire::of(listener.transport.as_str()).map(row));
        if rows.len() == before {
            let transport = listener.transport.as_str();
            not_covered.push(format!("listener {:?}: transport {transport}", listener.name));
        }
    }
    (rows, not_covered)
}

/// What is the user's own and was not used.
pub(super) fn stand_ins(plan: &Plan) -> Vec<String> {
    let mut stand_ins = vec![
        "Every authority and certificate was made for the rehearsal; no key of yours was read.".to_owned(),
        "Every listener was on a free port of 127.0.0.1.".to_owned(),
        "Databases were empty and in memory; the ledger was in a folder that is gone.".to_owned(),
        "Bounds on how many connections and requests come at once were left out.".to_owned(),
    ];
    if !plan.principals.is_empty() {
        stand_ins.push(
            "Two principals were added, countersign-matrix-one and countersign-matrix-two, which one certificate can \
             be at once."
                .to_owned(),
        );
    }
    stand_ins
}
