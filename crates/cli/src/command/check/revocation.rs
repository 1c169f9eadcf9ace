//! What a configuration says about revocation, profile by profile.

use config::{LedgerPlan, RevocationPlan};
use daemon::{Prepared, issuing};
use fault::Fault;
use identity::{FailureMode, OutdatedCrl, Verification};
use serde_json::json;
use time::OffsetDateTime;

use crate::loading;
use crate::shown::Table;
use crate::shown::moment::{distance, moment, rfc3339, words};

/// What our own ledger, where it is there already, says against the issuers that are to be served with.
pub(super) fn of_issuers(prepared: &Prepared) -> Vec<Fault> {
    let there = match &prepared.plan.ledger {
        Some(LedgerPlan::Sqlite { path }) => path.is_file(),
        Some(LedgerPlan::Postgres(_)) => true,
        None => false,
    };
    if prepared.issuers.is_empty() || !there {
        return Vec::new();
    }
    let asked = loading::written_down(&prepared.plan).and_then(|ledger| {
        let ledger = ledger.as_ref();
        loading::on_record(ledger, async { Ok(issuing::revoked_issuers(&prepared.issuers, ledger).await) })
    });
    asked.unwrap_or_else(|fault| vec![fault])
}

/// A table with every source of every profile that asks for certificates; none where no profile has any.
pub(super) fn table(prepared: &Prepared, now: OffsetDateTime) -> Option<Table> {
    let mut table =
        Table::new(["tls", "source", "authority", "number", "next update", "once outdated", "refused"]);
    let mut any = false;
    for (name, plan) in asked(prepared) {
        for list in lists(prepared, name) {
            let crl = list.crl();
            let number = crl.number().map(|number| number.to_string()).unwrap_or_default();
            let next = crl.next_update().map(|at| format!("{} ({})", moment(at), distance(at, now)));
            let (issuer, next) = (crl.issuer().to_string(), next.unwrap_or_else(|| "not said".to_owned()));
            let (after, refused) = (outdated(plan.policy.outdated), crl.len().to_string());
            table.row([name, list.source(), &issuer, &number, &next, &after, &refused]);
        }
        if !plan.revoked_serials.is_empty() {
            table.row([name, "revoked_serials", "", "", "", "", &plan.revoked_serials.len().to_string()]);
        }
        if let Some(verification) = &plan.policy.verification {
            table.row([name, &asking(verification), "as the certificates say", "", "", "", ""]);
        }
        any |= !plan.crl_files.is_empty() || !plan.revoked_serials.is_empty();
        any |= plan.policy.verification.is_some();
    }
    any.then_some(table)
}

/// The same for programs.
pub(super) fn shown(prepared: &Prepared) -> Vec<serde_json::Value> {
    let profile = |(name, plan): (&str, &RevocationPlan)| {
        let lists = lists(prepared, name).map(|list| {
            let crl = list.crl();
            json!({
                "source": list.source(),
                "issuer": crl.issuer(),
                "number": crl.number().map(|number| number.to_string()),
                "this_update": rfc3339(crl.this_update()),
                "next_update": crl.next_update().map(rfc3339),
                "entries": crl.len(),
            })
        });
        json!({
            "tls": name,
            "lists": lists.collect::<Vec<_>>(),
            "outdated": outdated(plan.policy.outdated),
            "revoked_serials": plan.revoked_serials.iter().map(|denied| json!({
                "serial": denied.serial,
                "issuer": denied.issuer.as_ref().map(ToString::to_string),
            })).collect::<Vec<_>>(),
            "verification": plan.policy.verification.as_ref().map(|asked| json!({
                "failure_mode": asked.failure_mode.as_str(),
                "crl": asked.crl.map(|crl| crl.failure_mode.as_str()),
                "ocsp": asked.ocsp.map(|ocsp| ocsp.failure_mode.as_str()),
                "check_intermediates": asked.check_intermediates,
            })),
        })
    };
    asked(prepared).map(profile).collect()
}

/// The profiles that ask for certificates.
fn asked(prepared: &Prepared) -> impl Iterator<Item = (&str, &RevocationPlan)> {
    let profiles = prepared.plan.tls.iter().filter(|(_, tls)| tls.client_ca.is_some());
    profiles.map(|(name, tls)| (name.as_str(), &tls.revocation))
}

fn lists<'a>(prepared: &'a Prepared, name: &str) -> impl Iterator<Item = &'a identity::List> {
    let trust = prepared.profiles.get(name).and_then(|profile| profile.trust.as_ref());
    trust.into_iter().flat_map(|trust| trust.revocations().lists())
}

/// `lists, then OCSP; fail-closed`.
fn asking(verification: &Verification) -> String {
    let ways: [Option<(&str, FailureMode)>; 2] = [
        verification.crl.map(|crl| ("lists", crl.failure_mode)),
        verification.ocsp.map(|ocsp| ("OCSP", ocsp.failure_mode)),
    ];
    let whole = verification.failure_mode;
    let ways = ways.into_iter().flatten().map(|(way, mode)| match mode == whole {
        true => way.to_owned(),
        false => format!("{way} ({})", mode.as_str()),
    });
    let ways = ways.collect::<Vec<_>>().join(", then ");
    let ways = if ways.is_empty() { "nobody is asked".to_owned() } else { ways };
    format!("{ways}; {}", whole.as_str())
}

fn outdated(policy: OutdatedCrl) -> String {
    match policy {
        OutdatedCrl::FailClosed => "fail-closed".to_owned(),
        OutdatedCrl::FailOpen => "fail-open".to_owned(),
        OutdatedCrl::Grace(grace) => {
            let grace = time::Duration::try_from(grace).map(words).unwrap_or_default();
            format!("grace of {grace}")
        }
    }
}
