//! What a listener asks of whoever arrives, as a value that can be compared.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use access::Weakening;
use config::{ClientAuth, ListenerPlan};
use identity::Fingerprint;
use transport::TlsVersion;

use super::revocation::{self, Revoking};
use crate::prepare::Prepared;
use crate::publish;

/// What a listener asks of whoever arrives. What asks for no certificate trusts nobody and takes nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) listener: String,
    /// The TLS profile; none for clear text.
    pub(super) profile: Option<String>,
    pub(super) certificate: Certificate,
    pub(super) strangers: Strangers,
    pub(super) min_version: TlsVersion,
    pub(super) allow_x509_v1: bool,
    /// The authorities, with their names for a person.
    pub(super) anchors: BTreeMap<Fingerprint, String>,
    pub(super) revoking: Revoking,
}

/// How firmly a client certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certificate {
    NotAsked,
    Requested,
    Required,
}

impl Certificate {
    fn shown(self) -> &'static str {
        match self {
            Self::NotAsked => "is not asked for",
            Self::Requested => "may be left out",
            Self::Required => "is required",
        }
    }
}

/// Who may come in without signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strangers {
    Nobody,
    OnThisMachine,
    Anybody,
}

impl Asked {
    /// What each listener of a configuration asks.
    pub(super) fn at_all(prepared: &Prepared) -> Vec<Self> {
        prepared.plan.listeners.iter().map(|listener| Self::at(prepared, listener)).collect()
    }

    fn at(prepared: &Prepared, listener: &ListenerPlan) -> Self {
        let tls = listener.tls.as_ref().and_then(|name| Some((name, prepared.plan.tls.get(name)?)));
        let certificate = match tls.and_then(|(_, tls)| publish::asked(tls, &listener.auth)) {
            None => Certificate::NotAsked,
            Some(ClientAuth::Request) => Certificate::Requested,
            Some(ClientAuth::Require) => Certificate::Required,
        };
        let asking = tls.filter(|_| certificate != Certificate::NotAsked);
        let trust = asking.and_then(|(name, _)| prepared.profiles.get(name)?.trust.as_ref());
        let named =
            |anchor: &identity::Certificate| (anchor.fingerprint(), anchor.identity().subject().to_string());
        Self {
            listener: listener.name.clone(),
            profile: tls.map(|(name, _)| name.clone()),
            certificate,
            strangers: strangers(listener),
            min_version: tls.map_or(TlsVersion::Tls12, |(_, tls)| publish::min_version(tls.min_version)),
            allow_x509_v1: asking.is_some_and(|(_, tls)| tls.allow_x509_v1),
            anchors: trust.into_iter().flat_map(|trust| trust.anchors()).map(named).collect(),
            revoking: asking.map(|(_, tls)| Revoking::of(tls, trust)).unwrap_or_default(),
        }
    }

    /// The word under which weakenings of its TLS settings are named.
    fn profile(&self) -> &str {
        self.profile.as_deref().unwrap_or(&self.listener)
    }
}

fn strangers(listener: &ListenerPlan) -> Strangers {
    match (listener.lets_strangers_in(), is_loopback(&listener.address)) {
        (false, _) => Strangers::Nobody,
        (true, true) => Strangers::OnThisMachine,
        (true, false) => Strangers::Anybody,
    }
}

/// Whether only this machine reaches the address.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// By what the new one asks for less than the old one.
pub(super) fn weaker(old: &Asked, new: &Asked) -> Vec<Weakening> {
    let mut found = Vec::new();
    let (listener, profile) = (&new.listener, new.profile());
    if new.profile.is_none() && old.profile.is_some() {
        let what = format!("listener {listener:?} speaks clear text instead of TLS");
        found.push(Weakening::new(format!("clear-text {listener}"), what));
    }
    if new.certificate < old.certificate {
        let (is, was) = (new.certificate.shown(), old.certificate.shown());
        let what = format!("at listener {listener:?} a client certificate {is}; before, it {was}");
        found.push(Weakening::new(format!("client-auth {listener}"), what));
    }
    if new.strangers > old.strangers {
        found.push(let_in(new));
    }
    if new.profile.is_some() && new.min_version < old.min_version {
        let (is, was) = (new.min_version, old.min_version);
        let what = format!("tls profile {profile:?} speaks TLS {is}; before: {was} and later");
        found.push(Weakening::new(format!("min-version {profile} {is}"), what));
    }
    found.extend(believed(old, new));
    if new.certificate > Certificate::NotAsked && old.certificate > Certificate::NotAsked {
        found.extend(revocation::weaker(&old.revoking, &new.revoking, profile));
    }
    found
}

/// By what a listener that did not exist asks for less than each that did; whether a certificate is asked for is its own
/// affair, and whether strangers come in is not.
pub(super) fn weaker_than_each(before: &[Asked], new: &Asked) -> Vec<Weakening> {
    let mut found = match new.strangers {
        Strangers::Nobody => Vec::new(),
        Strangers::OnThisMachine | Strangers::Anybody => vec![let_in(new)],
    };
    if new.certificate == Certificate::NotAsked {
        return found;
    }
    let nobody = Asked { certificate: Certificate::NotAsked, anchors: BTreeMap::new(), ..new.clone() };
    let asking: Vec<&Asked> = before.iter().filter(|old| old.certificate > Certificate::NotAsked).collect();
    let asking = if asking.is_empty() { vec![&nobody] } else { asking };
    let mut every = asking.into_iter().map(|old| about_certificates(old, new));
    let Some(first) = every.next() else { return found };
    let rest: Vec<HashSet<String>> =
        every.map(|found| found.into_iter().map(|weakening| weakening.name).collect()).collect();
    found.extend(first.into_iter().filter(|one| rest.iter().all(|names| names.contains(&one.name))));
    found
}

/// By what it asks for less of those who have a certificate.
fn about_certificates(old: &Asked, new: &Asked) -> Vec<Weakening> {
    let certificate = old.certificate.min(new.certificate);
    let alike = Asked { profile: new.profile.clone(), certificate, strangers: new.strangers, ..old.clone() };
    weaker(&alike, new)
}

fn let_in(new: &Asked) -> Weakening {
    let listener = &new.listener;
    let from = match new.strangers {
        Strangers::OnThisMachine => "from this machine",
        Strangers::Nobody | Strangers::Anybody => "from anywhere",
    };
    Weakening::new(
        format!("anonymous {listener}"),
        format!("listener {listener:?} lets peers in that do not sign in, {from}"),
    )
}

/// Which certificates are believed that were not.
fn believed(old: &Asked, new: &Asked) -> Vec<Weakening> {
    let profile = new.profile();
    let mut found = Vec::new();
    for (print, subject) in new.anchors.iter().filter(|(print, _)| !old.anchors.contains_key(print)) {
        let what = format!("tls profile {profile:?} trusts the client authority {subject}");
        found.push(Weakening::new(format!("trust-anchor {profile} {print}"), what));
    }
    if new.allow_x509_v1 && !old.allow_x509_v1 && old.certificate > Certificate::NotAsked {
        let what = format!("tls profile {profile:?} accepts client certificates of X.509 version 1");
        found.push(Weakening::new(format!("x509-v1 {profile}"), what));
    }
    found
}
