//! The seven points of a sound mutual-TLS set-up, each looked at with what the node itself uses.

mod client;
mod finding;

use std::collections::BTreeSet;

use access::{Accepted, Method};
use config::{ClientCa, TlsMode, TlsPlan, TlsVersion, Transport};
use daemon::{Prepared, TlsProfile};
use identity::{Certificate, Purpose, Strictness, Trust};
use time::OffsetDateTime;

pub(crate) use self::client::Client;
pub(crate) use self::finding::Finding;
use self::finding::Verdict;

/// Looks at every point.
pub(crate) fn look(
    prepared: &Prepared,
    client: &Client,
    dialled: &[String],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let look = Look { prepared, dialled, now };
    vec![
        Finding::new(1, "two authorities, keys readable by their owner alone", look.authorities()),
        Finding::new(2, "the server's certificate covers every name that is dialled", look.names()),
        Finding::new(3, "one client certificate for each identity", look.identities()),
        Finding::new(4, "a TLS profile with cert, key, client_ca and min_version 1.3", look.profiles()),
        Finding::new(5, "an HTTPS listener that takes client certificates", look.listeners()),
        Finding::new(6, "a principal for each certificate, a grant for each principal", look.grants()),
        Finding::new(7, "a client with the server's authority and its own certificate", client.look(&look)),
    ]
}

/// What the points are looked at with.
struct Look<'a> {
    prepared: &'a Prepared,
    dialled: &'a [String],
    now: OffsetDateTime,
}

impl<'a> Look<'a> {
    /// The profiles of listeners that take client certificates.
    fn mutual(&self) -> impl Iterator<Item = (&'a str, &'a TlsPlan, Option<&'a TlsProfile>)> {
        let plan = &self.prepared.plan;
        let used: BTreeSet<&str> = plan
            .listeners
            .iter()
            .filter(|listener| listener.auth.contains(&Accepted::Mtls))
            .filter_map(|listener| listener.tls.as_deref())
            .collect();
        let prepared = self.prepared;
        used.into_iter()
            .filter_map(move |name| Some((name, plan.tls.get(name)?, prepared.profiles.get(name))))
    }

    /// Loading has judged the keys' permissions; what is left is whether one authority vouches for both sides.
    fn authorities(&self) -> Verdict {
        let mut any = false;
        for (name, plan, profile) in self.mutual() {
            any = true;
            if plan.client_ca.is_none() {
                return Verdict::unmet(format!("tls.{name} has no client_ca"));
            }
            if self.shared(plan, profile) {
                return Verdict::unmet(format!(
                    "the client_ca of tls.{name} also vouches for the server: who issues clients can forge the server"
                ));
            }
        }
        if any { Verdict::Met } else { Verdict::unmet("no listener takes client certificates") }
    }

    fn shared(&self, plan: &TlsPlan, profile: Option<&TlsProfile>) -> bool {
        let credential = profile.and_then(|profile| profile.credential.as_ref());
        match (credential, profile.and_then(|profile| profile.trust.as_ref())) {
            (Some(credential), Some(trust)) => {
                let chain: Vec<_> =
                    credential.chain().iter().map(|certificate| certificate.der().clone()).collect();
                identity::verify(&chain, trust, Purpose::Server, None, self.now).is_ok()
            }
            _ => {
                let issuers = self.prepared.plan.authority.as_ref().map(|authority| &authority.issuers);
                let cert =
                    |kind: &str| issuers.and_then(|issuers| issuers.get(kind)).map(|issuer| &issuer.cert);
                let own = matches!(plan.mode, TlsMode::Authority { .. })
                    && plan.client_ca == Some(ClientCa::Authority);
                own && cert("server") == cert("client")
            }
        }
    }

    fn names(&self) -> Verdict {
        let mut looked = false;
        for (name, plan, profile) in self.mutual() {
            let wanted: Vec<&String> = plan.hosts.iter().chain(self.dialled).collect();
            let Some(credential) = profile.and_then(|profile| profile.credential.as_ref()) else {
                let hosts = match &plan.mode {
                    TlsMode::Authority { hosts } | TlsMode::SelfSigned { hosts } => hosts.as_slice(),
                    TlsMode::Service { name } => std::slice::from_ref(name),
                    TlsMode::Files { .. } => continue,
                };
                looked |= !hosts.is_empty();
                if let Some(missing) = self.dialled.iter().find(|host| !hosts.contains(host)) {
                    return Verdict::unmet(format!("tls.{name}: \"{missing}\" is not among its hosts"));
                }
                continue;
            };
            looked |= !wanted.is_empty();
            if let Some(missing) = wanted.into_iter().find(|host| !self.covers(credential.leaf(), host)) {
                return Verdict::unmet(format!("tls.{name}: the certificate does not cover \"{missing}\""));
            }
        }
        if looked {
            Verdict::Met
        } else {
            Verdict::skipped("no name to compare with: pass --host NAME, or list tls hosts")
        }
    }

    /// A leaf that is trusted as it is leaves only its own name, purpose and validity to be judged.
    fn covers(&self, leaf: &Certificate, host: &str) -> bool {
        let trust = Trust::new(vec![leaf.clone()], Strictness::default());
        identity::verify(&[leaf.der().clone()], &trust, Purpose::Server, Some(host), self.now).is_ok()
    }

    /// Two principals with one condition are a fault of the configuration, so none is left here.
    fn identities(&self) -> Verdict {
        let plan = &self.prepared.plan;
        let recognized = plan.principals.iter().filter(|principal| !principal.methods.is_empty()).count();
        if recognized == 0 && !plan.env_only {
            return Verdict::unmet("no principal is recognized by a certificate");
        }
        Verdict::Met
    }

    fn profiles(&self) -> Verdict {
        let mut any = false;
        for (name, plan, _) in self.mutual() {
            any = true;
            if plan.client_ca.is_none() {
                return Verdict::unmet(format!("tls.{name} has no client_ca"));
            }
            if plan.min_version != TlsVersion::V1_3 {
                return Verdict::unmet(format!("tls.{name} has min_version {}", plan.min_version.as_str()));
            }
        }
        if any { Verdict::Met } else { Verdict::unmet("no listener takes client certificates") }
    }

    fn listeners(&self) -> Verdict {
        let listeners = &self.prepared.plan.listeners;
        let mutual = listeners
            .iter()
            .any(|listener| listener.transport != Transport::H1 && listener.auth.contains(&Accepted::Mtls));
        if mutual {
            Verdict::Met
        } else {
            Verdict::unmet("no listener has TLS (transport h2 or postgres) and auth mtls")
        }
    }

    fn grants(&self) -> Verdict {
        let plan = &self.prepared.plan;
        if plan.env_only {
            return Verdict::Met;
        }
        let by_certificate = |method: &Method| matches!(method, Method::Mtls(_));
        for principal in plan.principals.iter().filter(|principal| principal.active) {
            if !principal.methods.iter().any(by_certificate) {
                return Verdict::unmet(format!("the principal \"{}\" has no mtls entry", principal.name));
            }
            let admin = plan.control_plane.admins.contains(&principal.name);
            if !admin && !plan.grants.iter().any(|grant| grant.principal == principal.name) {
                return Verdict::unmet(format!("the principal \"{}\" has no grant", principal.name));
            }
        }
        if plan.principals.is_empty() { Verdict::unmet("no principals") } else { Verdict::Met }
    }
}
