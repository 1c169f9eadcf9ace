//! The PostgreSQL servers behind the door, and who is whom there.

use access::{EVERYONE, GrantSpec, Level, RoleRules};
use config::{Backend, Plan, UpstreamIdentityPlan, UpstreamPlan};
use serde_json::{Value, json};
use time::Duration;

use super::conditions;
use crate::console::Console;
use crate::shown::Table;
use crate::shown::moment::words;

/// One who may enter a server, and as whom.
struct Entering<'a> {
    database: &'a str,
    principal: &'a str,
    level: Level,
    service: &'a str,
    role: String,
}

/// Prints both tables, where there is such a server.
pub(super) fn print(console: &mut Console, plan: &Plan) {
    if plan.upstreams.is_empty() {
        return;
    }
    let paint = console.paint();
    let mut servers = Table::new(["service", "server", "database", "protected by", "sees"]);
    for upstream in &plan.upstreams {
        let address = upstream.address.to_string();
        servers.row([&upstream.name, &address, &upstream.database, &protection(upstream), &sees(upstream)]);
    }
    console.line(format_args!("\n{}", paint.heading("Which servers are behind the door")));
    console.line(servers);
    let mut entering = Table::new(["principal", "database", "level", "service", "role there"]);
    for one in entering_all(plan) {
        let Entering { database, principal, level, service, role } = &one;
        entering.row([principal, database, level.as_str(), service, role]);
    }
    console.line(format_args!("\n{}", paint.heading("Who is whom there")));
    console.line(entering);
}

/// A server as JSON.
pub(super) fn shown(upstream: &UpstreamPlan) -> Value {
    json!({
        "name": upstream.name,
        "address": upstream.address.to_string(),
        "database": upstream.database,
        "sslmode": upstream.sslmode.as_str(),
        "judged": upstream.is_judged(),
        "identity": upstream.identity.as_str(),
    })
}

/// Who is whom, as JSON.
pub(super) fn whom(plan: &Plan) -> Vec<Value> {
    let one = |one: Entering<'_>| {
        let Entering { database, principal, level, service, role } = one;
        json!({
            "principal": principal, "database": database, "level": level, "service": service, "role": role,
        })
    };
    entering_all(plan).map(one).collect()
}

fn entering_all(plan: &Plan) -> impl Iterator<Item = Entering<'_>> {
    let on_servers = plan.databases.iter().filter(|database| database.backend == Backend::Postgres);
    on_servers.flat_map(move |database| {
        let upstream =
            plan.upstreams.iter().find(|upstream| Some(&upstream.name) == database.service.as_ref());
        let about = |grant: &&GrantSpec| grant.database == database.name && grant.level > Level::None;
        upstream.into_iter().flat_map(move |upstream| {
            plan.grants.iter().filter(about).map(move |grant| Entering {
                database: &database.name,
                principal: if grant.principal == EVERYONE { "everyone (*)" } else { &grant.principal },
                level: grant.level,
                service: &upstream.name,
                role: role(upstream, grant),
            })
        })
    })
}

fn role(upstream: &UpstreamPlan, grant: &GrantSpec) -> String {
    match &upstream.roles {
        RoleRules::OwnName if grant.principal == EVERYONE => "their own name".to_owned(),
        RoleRules::OwnName => grant.principal.clone(),
        RoleRules::ByLevel(roles) => {
            let of_lower = roles.range(..grant.level).rev().map(|(_, role)| role.as_str());
            let mut all: Vec<&str> = roles.get(&grant.level).map(String::as_str).into_iter().collect();
            all.extend(of_lower);
            match all.split_first() {
                Some((first, [])) => (*first).to_owned(),
                Some((first, others)) => format!("{first} (or {})", others.join(", ")),
                None => "none".to_owned(),
            }
        }
        RoleRules::Mapped(entries) => {
            let of = |entry: &access::Mapping| format!("{} for {}", entry.role, conditions(&entry.when));
            entries.iter().map(of).collect::<Vec<_>>().join("; ")
        }
    }
}

fn protection(upstream: &UpstreamPlan) -> String {
    let mode = upstream.sslmode.as_str();
    match (upstream.is_judged(), upstream.is_sure()) {
        (true, _) => mode.to_owned(),
        (false, true) => format!("{mode}, on this machine"),
        (false, false) => format!("{mode}: nobody vouches for the server"),
    }
}

/// By what the server knows who comes.
fn sees(upstream: &UpstreamPlan) -> String {
    match &upstream.identity {
        UpstreamIdentityPlan::PerPrincipal { lifetime } => {
            let life = words(Duration::try_from(*lifetime).unwrap_or(Duration::MAX));
            format!("each principal's own certificate, of {life}")
        }
        UpstreamIdentityPlan::Shared { certificate, password } => {
            let by = match (certificate.is_some(), password.is_some()) {
                (true, true) => "one certificate and one password",
                (true, false) => "one certificate",
                (false, true) => "one password",
                (false, false) => "no credential",
            };
            format!("{by} for all")
        }
    }
}
