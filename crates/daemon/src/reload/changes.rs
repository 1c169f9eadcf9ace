//! What a reload changed, in words.

use std::collections::BTreeSet;
use std::sync::Arc;

use config::Plan;
use time::OffsetDateTime;

use crate::serving::Serving;

/// What is different, one entry each, with no more than names.
pub(super) fn changes(old: &Serving, new: &Serving) -> Vec<String> {
    let (was, is) = (&old.prepared.plan, &new.prepared.plan);
    let mut found = Vec::new();
    let named = |plan: &Plan| -> Vec<String> { plan.listeners.iter().map(|one| one.name.clone()).collect() };
    found.extend(came_and_went("listener", &named(was), &named(is)));
    let named = |plan: &Plan| -> Vec<String> { plan.databases.iter().map(|one| one.name.clone()).collect() };
    found.extend(came_and_went("database", &named(was), &named(is)));
    let named = |plan: &Plan| -> Vec<String> { plan.principals.iter().map(|one| one.name.clone()).collect() };
    found.extend(came_and_went("principal", &named(was), &named(is)));
    let named = |plan: &Plan| -> Vec<String> { plan.upstreams.iter().map(|one| one.name.clone()).collect() };
    found.extend(came_and_went("service", &named(was), &named(is)));
    found.extend(profiles(old, new));
    found.extend(listeners(was, is));
    found.extend(databases(was, is));
    found.extend(upstreams(old, new));
    let sections = [
        ("principals", principals(was) != principals(is)),
        ("grants", grants(was) != grants(is)),
        ("control_plane", was.control_plane != is.control_plane),
        ("limits", was.limits != is.limits),
        ("audit", was.audit != is.audit),
        ("logging", was.logging != is.logging),
        ("environment", was.environment != is.environment),
        ("reload", was.reload != is.reload),
        ("allow_weaker", was.allow_weaker != is.allow_weaker),
    ];
    found.extend(sections.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name.to_owned()));
    found
}

fn came_and_went(what: &str, old: &[String], new: &[String]) -> Vec<String> {
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
    let came = new.difference(&old).map(|name| format!("{what} {name} added"));
    let went = old.difference(&new).map(|name| format!("{what} {name} removed"));
    came.chain(went).collect()
}

/// Listeners that stay under their names.
fn listeners(old: &Plan, new: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for is in &new.listeners {
        let Some(was) = old.listeners.iter().find(|was| was.name == is.name) else { continue };
        let settings = [
            ("address", was.bind_address() != is.bind_address()),
            ("transport", was.transport != is.transport),
            ("tls", was.tls != is.tls),
            ("auth", was.auth != is.auth),
            ("plaintext_cancel", was.plaintext_cancel != is.plaintext_cancel),
        ];
        found.extend(different(&format!("listener {}", is.name), &settings));
    }
    found
}

/// Databases that stay under their names.
fn databases(old: &Plan, new: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for is in &new.databases {
        let Some(was) = old.databases.iter().find(|was| was.name == is.name) else { continue };
        let settings = [
            ("backend", was.backend != is.backend),
            ("path", was.path != is.path),
            ("mode", was.mode != is.mode),
            ("recommended_pragmas", was.recommended_pragmas != is.recommended_pragmas),
            ("service", was.service != is.service),
            ("hosts", was.hosts != is.hosts),
        ];
        found.extend(different(&format!("database {}", is.name), &settings));
    }
    found
}

/// Servers behind the door that stay under their names. Where nothing is written anew, the files are.
fn upstreams(old: &Serving, new: &Serving) -> Vec<String> {
    let mut found = Vec::new();
    for (name, is) in &new.prepared.upstreams {
        let Some(was) = old.prepared.upstreams.get(name).filter(|was| !Arc::ptr_eq(was, is)) else {
            continue;
        };
        let (then, now) = (&was.plan, &is.plan);
        let bounds = |plan: &config::UpstreamPlan| {
            (plan.connect_timeout, plan.max_connections, plan.max_connections_per_principal, plan.warm)
        };
        let settings = [
            ("address", then.address != now.address || then.database != now.database),
            ("sslmode", then.sslmode != now.sslmode),
            ("identity", then.identity != now.identity),
            ("roles", then.roles != now.roles),
            ("limits", bounds(then) != bounds(now)),
            ("files", then == now || then.ssl_rootcert != now.ssl_rootcert || then.ssl_crl != now.ssl_crl),
        ];
        found.extend(different(&format!("service {name}"), &settings));
    }
    found
}

fn different(what: &str, settings: &[(&str, bool)]) -> Vec<String> {
    settings.iter().filter(|(_, differs)| *differs).map(|(setting, _)| format!("{what} {setting}")).collect()
}

/// The lists that a TLS profile has from files.
fn lists(serving: &Serving, profile: &str) -> Vec<(String, Option<identity::CrlNumber>, OffsetDateTime)> {
    let trust = serving.prepared.profiles.get(profile).and_then(|profile| profile.trust.as_ref());
    let lists = trust.into_iter().flat_map(|trust| trust.revocations().lists());
    let mut found: Vec<_> = lists
        .map(|list| (list.crl().issuer().to_string(), list.crl().number(), list.crl().this_update()))
        .collect();
    found.sort_unstable();
    found
}

/// Certificates and authorities of the TLS profiles, and what they ask.
fn profiles(old: &Serving, new: &Serving) -> Vec<String> {
    let mut found = Vec::new();
    for (name, credential) in &new.credentials {
        let print = |serving: &Serving| serving.credentials.get(name).map(|one| one.leaf().fingerprint());
        if print(old) != print(new) {
            found.push(format!("tls.{name} certificate {}", credential.leaf().identity().serial()));
        }
        let anchors = |serving: &Serving| -> Vec<_> {
            let trust = serving.prepared.profiles.get(name).and_then(|profile| profile.trust.as_ref());
            trust
                .into_iter()
                .flat_map(|trust| trust.anchors())
                .map(identity::Certificate::fingerprint)
                .collect()
        };
        if anchors(old) != anchors(new) {
            found.push(format!("tls.{name} client_ca"));
        }
        let revocation =
            |serving: &Serving| serving.prepared.plan.tls.get(name).map(|tls| tls.revocation.clone());
        if revocation(old) != revocation(new) {
            found.push(format!("tls.{name} revocation"));
        }
        let settings = |serving: &Serving| {
            let tls = serving.prepared.plan.tls.get(name)?;
            Some((tls.client_auth, tls.min_version, tls.allow_x509_v1))
        };
        let differs =
            [("lists", lists(old, name) != lists(new, name)), ("settings", settings(old) != settings(new))];
        found.extend(different(&format!("tls.{name}"), &differs));
    }
    found
}

/// Principals without the places where they are written: those move with every line above them.
fn principals(plan: &Plan) -> Vec<access::PrincipalSpec> {
    let bare = |principal: &access::PrincipalSpec| {
        let methods = principal.methods.iter().map(|access::Method::Mtls(entry)| {
            access::Method::Mtls(access::MtlsMatch { place: None, ..entry.clone() })
        });
        access::PrincipalSpec { methods: methods.collect(), place: None, ..principal.clone() }
    };
    plan.principals.iter().map(bare).collect()
}

fn grants(plan: &Plan) -> Vec<access::GrantSpec> {
    plan.grants.iter().map(|grant| access::GrantSpec { place: None, ..grant.clone() }).collect()
}
