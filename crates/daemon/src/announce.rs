//! What a node says of itself once it listens, and what it opens.

use std::collections::BTreeMap;
use std::thread::available_parallelism;

use config::{DatabasePlan, ListenerPlan, UpstreamPlan};
use database::{Backend, OpenMode, Settings, View};
use gateway::Listener;
use registrar::Anchor;

use crate::outage;
use crate::prepare::{Credentials, Prepared};
use crate::publish;
use crate::rotating;
use crate::serving::Serving;
use crate::status::{Announcement, CertificateShown, DatabaseShown, ListShown, ListenerShown, UpstreamShown};

/// Describes a node that has bound its listeners.
pub(crate) fn announcement(serving: &Serving) -> Announcement {
    let prepared = &serving.prepared;
    let plan = &prepared.plan;
    Announcement {
        listeners: serving
            .listeners
            .iter()
            .zip(&plan.listeners)
            .map(|(bound, written)| listener(prepared, &bound.listener, written))
            .collect(),
        databases: plan.databases.iter().map(database).collect(),
        upstreams: plan.upstreams.iter().map(upstream).collect(),
        certificates: certificates(prepared, &serving.credentials),
        lists: lists(prepared),
        holdings: rotating::holdings(serving),
        trust: trust(prepared),
        lasting: outage::lasting(serving),
    }
}

/// Each authority once, however many TLS profiles believe it.
fn trust(prepared: &Prepared) -> Vec<Anchor> {
    let anchors = prepared.profiles.values().filter_map(|profile| profile.trust.as_ref());
    let by_hash: BTreeMap<String, Anchor> = anchors
        .flat_map(|trust| trust.anchors())
        .map(|anchor| (anchor.fingerprint().to_string(), Anchor::from(anchor)))
        .collect();
    by_hash.into_values().collect()
}

fn listener(prepared: &Prepared, bound: &Listener, written: &ListenerPlan) -> ListenerShown {
    let plan = &prepared.plan;
    let tls = written.tls.as_ref().and_then(|name| plan.tls.get(name));
    let only = plan.databases.first().filter(|_| plan.env_only);
    ListenerShown {
        name: written.name.clone(),
        address: bound.address(),
        written: as_written(bound, written),
        transport: written.transport.as_str(),
        tls: tls.is_some(),
        client_auth: tls.and_then(|tls| publish::asked(tls, &written.auth)).map(config::ClientAuth::as_str),
        auth: written.auth.iter().map(|accepted| accepted.as_str()).collect(),
        single: only.map(file_name),
    }
}

/// The address as configured; a port that the system was to choose is told as it was chosen.
fn as_written(bound: &Listener, written: &ListenerPlan) -> String {
    match written.address.strip_suffix(":0") {
        Some(host) => format!("{host}:{}", bound.address().port()),
        None => written.address.clone(),
    }
}

fn database(written: &DatabasePlan) -> DatabaseShown {
    DatabaseShown {
        name: written.name.clone(),
        backend: match written.backend {
            config::Backend::File => "sqlite",
            config::Backend::MemoryShared => "memory",
            config::Backend::Ledger => "ledger",
            config::Backend::Postgres => "postgres",
        },
        path: written.path.as_ref().map(|path| path.display().to_string()),
        service: written.service.clone(),
    }
}

fn upstream(written: &UpstreamPlan) -> UpstreamShown {
    UpstreamShown {
        name: written.name.clone(),
        address: written.address.to_string(),
        database: written.database.clone(),
        sslmode: written.sslmode.as_str(),
        judged: written.is_judged(),
        identity: written.identity.as_str(),
        warm: written.warm.is_some(),
    }
}

fn file_name(database: &DatabasePlan) -> String {
    let name = database.path.as_ref().and_then(|path| path.file_name());
    name.map_or_else(|| database.name.clone(), |name| name.to_string_lossy().into_owned())
}

fn certificates(prepared: &Prepared, credentials: &Credentials) -> Vec<CertificateShown> {
    let own = credentials
        .iter()
        .map(|(name, credential)| CertificateShown::new(format!("tls.{name}"), credential.leaf()));
    let trusted = prepared.profiles.iter().flat_map(|(name, profile)| {
        let anchors = profile.trust.iter().flat_map(|trust| trust.anchors());
        anchors.map(move |anchor| CertificateShown::new(format!("tls.{name} client_ca"), anchor))
    });
    let behind = prepared.upstreams.iter().flat_map(|(name, files)| {
        let presented = files
            .credential
            .iter()
            .map(move |credential| CertificateShown::new(format!("services.{name}"), credential.leaf()));
        let anchors = files.trust.iter().flat_map(|trust| trust.anchors());
        presented.chain(
            anchors.map(move |anchor| CertificateShown::new(format!("services.{name} ssl_rootcert"), anchor)),
        )
    });
    own.chain(trusted).chain(behind).collect()
}

fn lists(prepared: &Prepared) -> Vec<ListShown> {
    let of = |(name, list): (&str, &identity::List)| ListShown::new(name, list);
    prepared.lists().map(of).collect()
}

/// How a database of the Plan is opened.
pub(crate) fn settings(written: &DatabasePlan) -> Settings {
    let backend = match (written.backend, &written.path) {
        (config::Backend::File, Some(path)) => Backend::File {
            path: path.clone(),
            mode: match written.mode {
                config::OpenMode::Rw => OpenMode::Rw,
                config::OpenMode::Ro => OpenMode::Ro,
                config::OpenMode::Rwc => OpenMode::Rwc,
            },
        },
        (config::Backend::Ledger, Some(path)) => Backend::Views { path: path.clone(), views: views() },
        // What is on a server is not opened.
        (config::Backend::File | config::Backend::Ledger, None)
        | (config::Backend::MemoryShared | config::Backend::Postgres, _) => Backend::MemoryShared,
    };
    Settings {
        name: written.name.clone(),
        backend,
        recommended_pragmas: written.recommended_pragmas,
        readers: available_parallelism().map_or(FEWEST_READERS, |cores| cores.get().max(FEWEST_READERS)),
    }
}

/// What is shown of the ledger.
fn views() -> Vec<View> {
    let view =
        |view: ledger::View| View { name: view.name.to_owned(), select: view.select.map(str::to_owned) };
    ledger::VIEWS.into_iter().map(view).collect()
}

/// A slow read must leave a thread to a quick one, on one core too.
const FEWEST_READERS: usize = 4;
