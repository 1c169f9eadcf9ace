//! From what was written to what is valid: every rule that spans keys, all faults in one look.

mod authority;
mod database;
mod ledger;
mod listener;
mod principal;
mod reload;
mod replication;
mod secret;
mod service;
mod tls;

use std::collections::BTreeMap;

use access::{EVERYONE, GrantSpec, Level};
use fault::Fault;

use crate::plan::{
    AuditPlan, AuthorityPlan, ControlPlanePlan, DatabasePlan, Environment, LimitsPlan, ListenerPlan,
    LoggingPlan, Plan, PostgresPlan, TlsPlan, UpstreamPlan,
};
use crate::reader::{At, Reader, misread};
use crate::scalar::{Scalar, Wrong};
use crate::section::limits::Limits;
use crate::section::listener::Listener;
use crate::section::top::{Audit, ControlPlane, Logging, Top};
use crate::sources::{ENVIRONMENT, Outside, Sources};
use crate::table::Table;

pub use listener::fixed_port;

/// The plan, as far as faults allow; what is wrong is noted with the reader.
pub(crate) fn plan(reader: &mut Reader<'_>, sources: &Sources, top: Top) -> Plan {
    let environment = environment(reader, sources, &top.environment);
    let authority = authority::plan(reader, sources, top.authority.as_ref());
    let tls = tls::settle(reader, sources, &top);
    let (listeners, implicit) = listeners(reader, sources, top.listeners.as_ref(), &tls);
    let profiles = tls::plans(reader, &tls, environment, top.authority.as_ref());
    let auth = &top.auth.value;
    let principals = principal::specs(reader, &auth.principals.value, tls.http.is_some());
    // Principals that are written and wrong are not the same as none.
    let unnamed = auth.principals.value.is_empty() && auth.unread().is_empty();
    let env_only = implicit && unnamed;
    let upstreams =
        upstreams(reader, &top, authority.as_ref().and_then(|authority| authority.value.as_ref()));
    let ledger = ledger::plan(reader, sources, top.ledger, authority.as_ref());
    let services = top.services.map(|written| written.value).unwrap_or_default();
    let beside = database::Beside { ledger: ledger.as_ref(), services: &services, upstreams: &upstreams };
    let (databases, mut grants) = databases(reader, top.databases, &beside, env_only);
    listener::warn_of_none(reader, &listeners, &databases);
    if env_only && grants.is_empty() {
        grants = everyone_read_write(reader, &databases, &tls);
    }
    principal::check_rules(reader, &principals, &grants, env_only);
    let open = unnamed && grants.is_empty() && !env_only;
    if open {
        listener::check_open(reader, &listeners, top.allow_open.value);
    } else if unnamed && !env_only {
        listener::warn_of_nobody(reader, &listeners);
    }
    let control_plane = control_plane(reader, &top.control_plane.value, &principals);
    Plan {
        base: reader.ground.base.clone(),
        file: reader.file.clone(),
        environment,
        replication: replication::plan(reader, sources, &top.replication, ledger.as_ref()),
        ledger,
        authority: authority.and_then(|authority| authority.value),
        tls: profiles,
        listeners,
        principals,
        grants,
        open,
        databases,
        upstreams,
        control_plane,
        limits: limits(&top.limits.value),
        audit: audit(&top.audit.value),
        logging: logging(&top.logging.value),
        allow_weaker: reload::allow_weaker(reader, &top.allow_weaker),
        reload: reload::plan(reader, &top.reload.value),
        env_only,
        origins: Vec::new(),
    }
}

/// The database of a ledger by its URL alone.
pub(crate) fn ledger_database(reader: &mut Reader<'_>, sources: &Sources, url: &str) -> Option<PostgresPlan> {
    ledger::database(reader, sources, &At { value: url.to_owned(), place: None })
}

impl Reader<'_> {
    /// Notes a fault about a value.
    fn refuse<T>(&mut self, at: &At<T>, what: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(at.fault(what).remedy(remedy));
    }

    /// The meaning of a setting from outside the file; the place of its fault is its name.
    fn outside<T: Scalar>(&mut self, sources: &Sources, of: &Outside, key: &str) -> Option<At<T>> {
        let at = sources.setting(of)?;
        match T::parse(&at.value, &self.outside) {
            Ok(value) => {
                self.overridden(key, &at);
                Some(At { value, place: at.place })
            }
            Err(wrong) => {
                self.misread(key, &at, wrong);
                None
            }
        }
    }

    /// Notes that a setting from outside stands before the file's.
    fn overridden(&mut self, key: &str, at: &At<String>) {
        self.origins.retain(|origin| origin.key != key);
        self.origins.push(crate::Origin::new(key, &at.value, at.place.clone()));
    }

    fn misread(&mut self, key: &str, at: &At<String>, wrong: Wrong) {
        let fault = misread(key, &at.value, wrong);
        self.faults.push(crate::reader::placed(fault, at.place.as_ref()));
    }
}

fn environment(reader: &mut Reader<'_>, sources: &Sources, written: &At<Environment>) -> Environment {
    reader.outside(sources, &ENVIRONMENT, "environment").map_or(written.value, |at: At<Environment>| at.value)
}

fn listeners(
    reader: &mut Reader<'_>,
    sources: &Sources,
    written: Option<&At<Vec<At<Listener>>>>,
    tls: &tls::Settled,
) -> (Vec<ListenerPlan>, bool) {
    match written {
        Some(written) => (listener::plans(reader, sources, written, tls), false),
        None => match listener::implicit(reader, sources, tls) {
            Some(listener) => (vec![listener], true),
            None => (Vec::new(), false),
        },
    }
}

/// The servers behind the door, each used by a database.
fn upstreams(reader: &mut Reader<'_>, top: &Top, authority: Option<&AuthorityPlan>) -> Vec<UpstreamPlan> {
    let secrets = &top.secrets.value;
    secret::check(reader, secrets);
    let written = top.services.as_ref().map(|at| at.value.as_slice()).unwrap_or_default();
    let plans = service::plans(reader, written, &service::Beside { secrets, authority });
    // Databases that could not be read may be those that use it.
    if !top.unread().contains(&"databases") {
        let databases = top.databases.as_ref().map(|at| at.value.as_slice()).unwrap_or_default();
        service::check_use(reader, written, databases);
    }
    plans
}

fn databases(
    reader: &mut Reader<'_>,
    written: Option<At<Vec<At<crate::section::database::Database>>>>,
    beside: &database::Beside<'_>,
    env_only: bool,
) -> (Vec<DatabasePlan>, Vec<GrantSpec>) {
    match written {
        Some(written) => database::plans(reader, &written.value, beside),
        None if env_only => (vec![database::default_database(reader)], Vec::new()),
        None => (Vec::new(), Vec::new()),
    }
}

/// Without principals, a client CA alone says who may come in: whoever it vouches for.
fn everyone_read_write(
    reader: &mut Reader<'_>,
    databases: &[DatabasePlan],
    tls: &tls::Settled,
) -> Vec<GrantSpec> {
    if !tls.asks_for_certificates() {
        let said = "no way to sign in is configured: only the health routes answer, anything else is refused";
        let remedy = "set COUNTERSIGN_TLS_CLIENT_CA (or tls.clientCAFile), or write principals and listeners";
        reader.warnings.push(Fault::yours(said).remedy(remedy));
        return Vec::new();
    }
    let names: Vec<&str> = databases.iter().map(|database| database.name.as_str()).collect();
    let said = format!(
        "no principals are configured: every verified certificate is the principal named by its common name, \
         read-write on {}",
        names.join(", ")
    );
    reader
        .warnings
        .push(Fault::yours(said).remedy("write principals under auth.principals to say who may what"));
    names.into_iter().map(|name| GrantSpec::new(name, EVERYONE, Level::ReadWrite)).collect()
}

fn control_plane(
    reader: &mut Reader<'_>,
    written: &ControlPlane,
    principals: &[access::PrincipalSpec],
) -> ControlPlanePlan {
    let admins = &written.admins.value;
    if written.enabled.value && admins.is_empty() {
        let said = "config: control_plane.enabled requires at least one control_plane.admins entry";
        reader.refuse(&written.enabled, said, "add admins: [NAME], or leave enabled out");
    }
    for admin in admins {
        if !principals.iter().any(|principal| principal.name == admin.value) {
            let said = format!("config: control_plane admin {:?} is not a configured principal", admin.value);
            reader.refuse(admin, said, "add the principal under auth.principals");
        }
    }
    ControlPlanePlan {
        enabled: written.enabled.value,
        admins: admins.iter().map(|admin| admin.value.clone()).collect(),
    }
}

fn limits(written: &Limits) -> LimitsPlan {
    LimitsPlan {
        max_rows: written.max_rows.value,
        max_result_bytes: written.max_result_bytes.value.0,
        max_request_bytes: written.max_request_bytes.value.0,
        statement_timeout: written.statement_timeout.value,
        handshake_timeout: written.handshake_timeout.value,
        header_timeout: written.header_timeout.value,
        body_timeout: written.body_timeout.value,
        idle_timeout: written.idle_timeout.value,
        max_connections: written.max_connections.value,
        max_connections_per_ip: written.max_connections_per_ip.value,
        handshakes_per_ip: written.handshakes_per_ip.value,
        max_concurrent_per_db: written.max_concurrent_per_db.value,
        per_principal_rps: written.rate.value.per_principal_rps.value,
        shutdown: written.shutdown.value,
    }
}

fn audit(written: &Audit) -> AuditPlan {
    let events = &written.auth_events.value;
    AuditPlan {
        failed: events.failed.value,
        successful: events.successful.value,
        retention: written.retention.value,
    }
}

fn logging(written: &Logging) -> LoggingPlan {
    LoggingPlan { format: written.format.value, level: written.level.value, access: written.access.value }
}

/// TLS profiles by name, as the plan holds them.
type Profiles = BTreeMap<String, TlsPlan>;
