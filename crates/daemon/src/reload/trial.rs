//! A configuration tried on the chains that came lately, before anybody is judged by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use access::Weakening;
use config::ListenerPlan;
use fault::Code;
use gateway::{Difference, Verdict};
use identity::Trust;

use super::Reloader;
use crate::prepare::Prepared;
use crate::publish;

impl Reloader {
    /// The chains that the new configuration would judge otherwise.
    pub(super) async fn differences(&self, new: &Arc<Prepared>) -> Vec<Difference> {
        let old = &self.serving.prepared;
        if decide_alike(old, new) {
            return Vec::new();
        }
        let mut credentials = self.serving.credentials.clone();
        for (name, profile) in &new.profiles {
            credentials.extend(profile.credential.clone().map(|credential| (name.clone(), credential)));
        }
        let entrances = self.publisher.trial(new, &credentials);
        let (gateway, new) = (Arc::clone(&self.gateway), Arc::clone(new));
        let tried = tokio::task::spawn_blocking(move || gateway.differences(&entrances, &new.directory));
        tried.await.unwrap_or_default()
    }
}

/// Whether everything that decides whom a chain belongs to is what it was.
fn decide_alike(old: &Prepared, new: &Prepared) -> bool {
    let same = |listener: &ListenerPlan| {
        let was = old.plan.listeners.iter().find(|was| was.name == listener.name);
        was.is_none_or(|was| {
            asked(old, was) == asked(new, listener) && same_trust(trust(old, was), trust(new, listener))
        })
    };
    Arc::ptr_eq(&old.directory, &new.directory) && new.plan.listeners.iter().all(same)
}

fn asked<'a>(
    prepared: &Prepared,
    listener: &'a ListenerPlan,
) -> (&'a [access::Accepted], Option<config::ClientAuth>) {
    let tls = listener.tls.as_ref().and_then(|name| prepared.plan.tls.get(name));
    (&listener.auth, tls.and_then(|tls| publish::asked(tls, &listener.auth)))
}

fn trust<'a>(prepared: &'a Prepared, listener: &ListenerPlan) -> Option<&'a Arc<Trust>> {
    prepared.profiles.get(listener.tls.as_ref()?)?.trust.as_ref()
}

fn same_trust(one: Option<&Arc<Trust>>, other: Option<&Arc<Trust>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

/// Those by which somebody would be a principal that existed before and was not theirs. What is found weaker by comparing
/// the configurations explains its own: to allow that is to allow these.
pub(super) fn weakenings(old: &Prepared, found: &[Weakening], differences: &[Difference]) -> Vec<Weakening> {
    let mut gained: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        if let Verdict::Principal(name) = &difference.after
            && old.directory.knows(name)
            && gains(&difference.before)
            && !found.iter().any(|weakening| explains(&weakening.name, &difference.before, name))
        {
            gained.entry(name).or_default().push(difference);
        }
    }
    gained.into_iter().filter_map(|(name, found)| told(name, &found)).collect()
}

/// Whether being a principal after that is a gain. Where two principals claimed a certificate one may be taken away, and
/// where nobody knew whether it is revoked somebody may know it now.
fn gains(before: &Verdict) -> bool {
    !matches!(before, Verdict::Refused(Code::AmbiguousIdentity | Code::RevocationUnknown))
}

/// Whether the weakening of this name is why somebody is the principal now.
fn explains(weakening: &str, before: &Verdict, principal: &str) -> bool {
    let of_principal = |kind: &str| {
        let rest = weakening.strip_prefix(kind).and_then(|rest| rest.strip_prefix(principal));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    match before {
        Verdict::Refused(Code::UnknownIssuer) => weakening.starts_with("trust-anchor "),
        Verdict::Refused(Code::CertificateRevoked) => weakening.starts_with("revocation "),
        Verdict::Refused(Code::PrincipalInactive) => of_principal("active "),
        Verdict::Refused(Code::UnmappedCertificate) | Verdict::Anonymous | Verdict::Principal(_) => {
            of_principal("entry ") || weakening == "common-name-is-principal"
        }
        Verdict::Refused(_) => false,
    }
}

fn told(name: &str, found: &[&Difference]) -> Option<Weakening> {
    let first = found.first()?;
    let Difference { subject, serial, before, listener, .. } = first;
    let others = match found.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(Weakening::new(
        format!("observed {name}"),
        format!(
            "{subject} (serial {serial}), which came to listener {listener:?} lately and was {before}, would be principal \
             {name:?}{others}"
        ),
    ))
}
