//! PostgreSQL servers behind the door: whether each is as sure of the node, and the node of it, as before.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use access::{Level, Mapping, RoleRules, Weakening};
use config::{Backend, DatabasePlan, Transport, UpstreamIdentityPlan, UpstreamPlan, UpstreamSslMode};
use identity::Fingerprint;

use crate::prepare::Prepared;
use crate::prepare::upstreams::UpstreamFiles;

/// Everything by which what is behind the door, or the way to it, is weaker than before.
pub(super) fn weaker(old: &Prepared, new: &Prepared) -> Vec<Weakening> {
    let mut found = Vec::new();
    for is in new.upstreams.values() {
        if let Some(was) = old.upstreams.get(&is.plan.name) {
            found.extend(one(was, is));
        }
    }
    found.extend(new.plan.databases.iter().filter_map(|database| moved(old, new, database)));
    found.extend(cancelling(old, new));
    found
}

fn one(was: &UpstreamFiles, is: &UpstreamFiles) -> Vec<Weakening> {
    let mut found = Vec::new();
    found.extend(protection(&was.plan, &is.plan));
    found.extend(believed(was, is));
    found.extend(identity(&was.plan, &is.plan));
    found.extend(roles(&is.plan.name, &was.plan.roles, &is.plan.roles));
    found
}

/// How sure the node is of the server. A Unix socket is this machine's own.
fn sure(plan: &UpstreamPlan) -> u8 {
    match (&plan.address, plan.sslmode) {
        (config::UpstreamAddress::Unix(_), _) | (_, UpstreamSslMode::VerifyFull) => 5,
        (_, UpstreamSslMode::VerifyCa) => 4,
        (_, UpstreamSslMode::Require) if plan.ssl_rootcert.is_some() => 4,
        (_, UpstreamSslMode::Require) => 3,
        (_, UpstreamSslMode::Prefer) => 2,
        (_, UpstreamSslMode::Allow) => 1,
        (_, UpstreamSslMode::Disable) => 0,
    }
}

fn protection(was: &UpstreamPlan, is: &UpstreamPlan) -> Option<Weakening> {
    (sure(is) < sure(was)).then(|| {
        let (name, mode, before) = (&is.name, is.sslmode.as_str(), was.sslmode.as_str());
        let judged = if is.is_judged() { "" } else { ", and nobody vouches for it" };
        let what = format!(
            "the server of service {name:?} is reached with sslmode {mode}{judged}; before: {before}"
        );
        Weakening::new(format!("service {name} sslmode {mode}"), what)
    })
}

/// Who may vouch for the server that could not, and what is no longer taken back.
fn believed(was: &UpstreamFiles, is: &UpstreamFiles) -> Vec<Weakening> {
    let name = &is.plan.name;
    let anchors = |of: &UpstreamFiles| -> BTreeSet<Fingerprint> {
        of.trust.iter().flat_map(|trust| trust.anchors()).map(identity::Certificate::fingerprint).collect()
    };
    let before = anchors(was);
    let judged = was.plan.is_judged() && is.plan.is_judged();
    let anew = is
        .trust
        .iter()
        .flat_map(|trust| trust.anchors())
        .filter(|anchor| judged && !before.contains(&anchor.fingerprint()));
    let mut found: Vec<Weakening> = anew
        .map(|anchor| {
            let subject = anchor.identity().subject();
            let what = format!("{subject} may vouch for the server of service {name:?}");
            Weakening::new(format!("service {name} trust-anchor {}", anchor.fingerprint()), what)
        })
        .collect();
    if was.plan.ssl_crl.is_some() && is.plan.ssl_crl.is_none() && is.plan.is_judged() {
        let what = format!("no list says any longer what is revoked of the server of service {name:?}");
        found.push(Weakening::new(format!("service {name} crl"), what));
    }
    found
}

fn identity(was: &UpstreamPlan, is: &UpstreamPlan) -> Option<Weakening> {
    match (&was.identity, &is.identity) {
        (UpstreamIdentityPlan::PerPrincipal { .. }, UpstreamIdentityPlan::Shared { .. }) => {
            let name = &is.name;
            let what =
                format!("the server of service {name:?} no longer sees who comes: one credential is for all");
            Some(Weakening::new(format!("service {name} identity shared"), what))
        }
        _ => None,
    }
}

/// Roles that somebody has now and had not. What a role may do the server alone knows, so that another one counts as more,
/// unless it was that of a lower level.
fn roles(name: &str, was: &RoleRules, is: &RoleRules) -> Vec<Weakening> {
    match (was, is) {
        (RoleRules::OwnName, RoleRules::OwnName) => Vec::new(),
        (_, RoleRules::OwnName) => {
            let what =
                format!("everybody has their own name on service {name:?}; before, its roles were written");
            vec![Weakening::new(format!("service {name} own-names"), what)]
        }
        (was, RoleRules::ByLevel(roles)) => roles
            .iter()
            .filter(|(level, role)| !had(was, **level, role))
            .map(|(level, role)| {
                let what = format!("who is granted {level} is {role:?} on service {name:?}");
                Weakening::new(format!("service {name} role {level} {role}"), what)
            })
            .collect(),
        (was, RoleRules::Mapped(entries)) => entries
            .iter()
            .filter(|entry| !mapped(was, entry))
            .map(|entry| {
                let role = &entry.role;
                let what = format!("more certificates than before are {role:?} on service {name:?}");
                Weakening::new(format!("service {name} map {role}"), what)
            })
            .collect(),
    }
}

/// Whether whoever has this level had the role before.
fn had(was: &RoleRules, level: Level, role: &str) -> bool {
    match was {
        RoleRules::ByLevel(before) => {
            before.contains_key(&level) && before.range(..=level).any(|(_, known)| known == role)
        }
        RoleRules::OwnName | RoleRules::Mapped(_) => false,
    }
}

fn mapped(was: &RoleRules, entry: &Mapping) -> bool {
    match was {
        RoleRules::Mapped(before) => before.contains(entry),
        RoleRules::OwnName | RoleRules::ByLevel(_) => false,
    }
}

/// A database that leads to another server, or to another database there. One that was in a file and is there no more is told
/// the same way.
fn moved(old: &Prepared, new: &Prepared, database: &DatabasePlan) -> Option<Weakening> {
    let name = &database.name;
    let then = old.plan.databases.iter().find(|then| then.name == *name)?;
    let there = leads_to(new, database)?;
    (leads_to(old, then) != Some(there)).then(|| {
        let what =
            format!("whoever may use database {name:?} reaches another server, or another database there");
        Weakening::new(format!("database {name} service"), what)
    })
}

/// Where a database is that is on a server.
fn leads_to<'a>(of: &'a Prepared, database: &DatabasePlan) -> Option<(String, &'a str)> {
    let service = database.service.as_ref().filter(|_| database.backend == Backend::Postgres)?;
    let plan = &of.upstreams.get(service)?.plan;
    Some((plan.address.to_string(), plan.database.as_str()))
}

/// Listeners that honour requests to cancel in clear text, and did not.
fn cancelling<'a>(old: &'a Prepared, new: &'a Prepared) -> impl Iterator<Item = Weakening> + use<'a> {
    let did = |name: &str| old.plan.listeners.iter().any(|was| was.name == name && was.plaintext_cancel);
    new.plan
        .listeners
        .iter()
        .filter(|is| is.transport == Transport::Postgres && is.plaintext_cancel)
        .filter(move |is| !did(&is.name))
        .map(|is| {
            let what = format!("listener {:?} honours requests to cancel that come in clear text", is.name);
            Weakening::new(format!("plaintext-cancel {}", is.name), what)
        })
}
