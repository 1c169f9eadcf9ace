//! What is tried of a configuration, and what is not.

use std::collections::BTreeSet;

use config::{ClientCa, Plan, TlsPlan, Transport};

use crate::case::Source;
use crate::rules::{Row, Rules, has_list};
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
            rules: Rules::of(plan, listener),
            host: host.trim_start_matches("*.").to_owned(),
        };
        let before = rows.len();
        rows.extend(Wire::of(listener.transport.as_str()).map(row));
        if rows.len() == before {
            let transport = listener.transport.as_str();
            not_covered.push(format!("listener {:?}: transport {transport}", listener.name));
        }
    }
    not_covered.extend(unasked(plan));
    (rows, not_covered)
}

/// The short spelling has no place for a list in a file, and the rehearsal no responder.
fn unasked(plan: &Plan) -> Option<String> {
    let asks = |(name, tls): (&String, &TlsPlan)| {
        let asks = plan.env_only && has_list(&tls.revocation);
        asks.then(|| format!("tls.{name}: responders (OCSP) alone are asked about revocation"))
    };
    plan.tls.iter().find_map(asks)
}

/// Who can say, on any of the rows, that a certificate is revoked.
pub(super) fn sources(rows: &[Row]) -> Vec<Source> {
    let all: BTreeSet<Source> = rows.iter().flat_map(|row| row.rules.sources.iter().copied()).collect();
    all.into_iter().collect()
}

/// What is the user's own and was not used.
pub(super) fn stand_ins(plan: &Plan) -> Vec<String> {
    let mut stand_ins = vec![
        "Every authority and certificate was made for the rehearsal; no key of yours was read.".to_owned(),
        "Every listener was on a free port of 127.0.0.1.".to_owned(),
        "Databases were empty and in memory; the ledger was in a folder that is gone.".to_owned(),
        "Bounds on how many connections and requests come at once were left out.".to_owned(),
    ];
    if plan.listeners.iter().any(|listener| listener.transport == Transport::Postgres) {
        stand_ins.push(
            "PostgreSQL clients asked for a database of the rehearsal's own, countersign-matrix, behind which nothing of \
             yours was: whoever was let in was there by its own name."
                .to_owned(),
        );
    }
    for (name, tls) in plan.tls.iter().filter(|(_, tls)| tls.client_ca.is_some()) {
        stand_ins.extend(revocation(plan, name, tls));
    }
    if !plan.principals.is_empty() {
        stand_ins.push(
            "Two principals were added, countersign-matrix-one and countersign-matrix-two, which one certificate can \
             be at once."
                .to_owned(),
        );
    }
    stand_ins
}

/// What stood in for a profile's sources of revocation, and whether it has any.
fn revocation(plan: &Plan, name: &str, tls: &TlsPlan) -> Option<String> {
    let revocation = &tls.revocation;
    let own = !revocation.crl_files.is_empty() || !revocation.revoked_serials.is_empty();
    match revocation.policy.verification {
        Some(asked) if asked.crl.is_none() => {
            return Some(format!(
                "tls.{name}: a list at hand answered in place of your authorities' responders."
            ));
        }
        Some(_) if !own => {
            return Some(format!(
                "tls.{name}: lists were fetched from this machine, whose addresses were allowed."
            ));
        }
        _ => {}
    }
    if own {
        return Some(format!("tls.{name}: serial numbers and a list of the rehearsal's own were added."));
    }
    let ledger = plan.authority.is_some() && tls.client_ca == Some(ClientCa::Authority);
    (!ledger && !plan.env_only).then(|| {
        format!("tls.{name} has no source of revocation; serial numbers were denied for the rehearsal alone.")
    })
}
