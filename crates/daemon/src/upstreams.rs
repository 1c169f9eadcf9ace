//! The PostgreSQL servers behind the door: built from what was loaded, and kept while that stays the same.

use std::sync::Arc;

use access::RoleRules;
use config::{UpstreamIdentityPlan, UpstreamPlan, UpstreamSslMode, WarmPlan};
use fault::{Fault, Faults, Place};
use gateway::{Identifies, SharedIdentity, SslMode, Upstream, UpstreamAddress, UpstreamSpec, Warm};
use registrar::Registrar;
use time::Duration;
use transport::Clock;

use crate::prepare::Prepared;
use crate::prepare::upstreams::UpstreamFiles;
use crate::publish::size;

/// A server with what it was built from.
#[derive(Clone)]
pub(crate) struct Reached {
    files: Arc<UpstreamFiles>,
    pub(crate) upstream: Arc<Upstream>,
}

impl Reached {
    /// The service's name.
    pub(crate) fn name(&self) -> &str {
        &self.files.plan.name
    }
}

/// What servers are built with, besides what is written.
pub(crate) struct Means<'a> {
    pub(crate) registrar: &'a Arc<Registrar>,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// The servers of a prepared Plan: those of which nothing has changed, and the others built now. Nobody is connected to.
///
/// # Errors
/// Every server that cannot be spoken to with what is written.
pub(crate) fn reach(
    prepared: &Prepared,
    held: &[Reached],
    means: &Means<'_>,
) -> Result<Vec<Reached>, Faults> {
    let mut faults = Faults::new();
    let reached = prepared.upstreams.values().filter_map(|files| {
        match held.iter().find(|held| Arc::ptr_eq(&held.files, files)) {
            Some(held) => Some(held.clone()),
            None => faults.note(build(files, means).map_err(|fault| of(&files.plan, fault))),
        }
    });
    let reached = reached.collect();
    faults.or(reached)
}

fn build(files: &Arc<UpstreamFiles>, means: &Means<'_>) -> Result<Reached, Fault> {
    let plan = &files.plan;
    let spec = UpstreamSpec {
        service: plan.name.as_str().into(),
        address: address(&plan.address),
        database: plan.database.as_str().into(),
        sslmode: sslmode(plan.sslmode),
        trust: files.trust.clone(),
        identity: identity(files, means)?,
        roles: roles(plan),
        connect_timeout: plan.connect_timeout,
        most: size(plan.max_connections),
        most_per_principal: size(plan.max_connections_per_principal),
        warm: plan.warm.map(|WarmPlan { most, idle }| Warm { most: size(most), idle }),
        clock: Arc::clone(means.clock),
    };
    Ok(Reached { files: Arc::clone(files), upstream: Arc::new(Upstream::new(spec)?) })
}

fn identity(files: &UpstreamFiles, means: &Means<'_>) -> Result<Identifies, Fault> {
    match &files.plan.identity {
        UpstreamIdentityPlan::PerPrincipal { lifetime } => {
            let lifetime =
                Duration::try_from(*lifetime).map_err(|_| Fault::ours("a lifetime without an end"))?;
            means.registrar.minting(lifetime).map(Identifies::PerPrincipal)
        }
        UpstreamIdentityPlan::Shared { .. } => Ok(Identifies::Shared(SharedIdentity {
            credential: files.credential.clone(),
            password: files.password.clone(),
        })),
    }
}

fn roles(plan: &UpstreamPlan) -> RoleRules {
    plan.roles.clone()
}

fn address(written: &config::UpstreamAddress) -> UpstreamAddress {
    match written {
        config::UpstreamAddress::Tcp { host, port } => {
            UpstreamAddress::Tcp { host: host.clone(), port: *port }
        }
        config::UpstreamAddress::Unix(socket) => UpstreamAddress::Unix(socket.clone()),
    }
}

fn sslmode(written: UpstreamSslMode) -> SslMode {
    match written {
        UpstreamSslMode::Disable => SslMode::Disable,
        UpstreamSslMode::Allow => SslMode::Allow,
        UpstreamSslMode::Prefer => SslMode::Prefer,
        UpstreamSslMode::Require => SslMode::Require,
        UpstreamSslMode::VerifyCa => SslMode::VerifyCa,
        UpstreamSslMode::VerifyFull => SslMode::VerifyFull,
    }
}

fn of(plan: &UpstreamPlan, fault: Fault) -> Fault {
    match fault.place() {
        Some(_) => fault,
        None => fault.at(Place::Name(format!("services {:?}", plan.name))),
    }
}
