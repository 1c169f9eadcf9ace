use std::collections::HashSet;

use access::{GrantSpec, Level};
use fault::nearest;

use super::service;
use crate::plan::{Backend, DatabasePlan, LedgerPlan, OpenMode, UpstreamPlan};
use crate::reader::{At, Reader};
use crate::section::access::Grant;
use crate::section::database::Database;
use crate::section::service::Service;
use crate::table::Table;

/// Words that stand after a database's name in a path.
const RESERVED: &[&str] = &["query", "v2", "v3", "export", "backup", "changeset", "blob", "changes"];

/// What databases may be kept in.
pub(super) struct Beside<'a> {
    pub(super) ledger: Option<&'a LedgerPlan>,
    /// The services as they are written, those with faults too.
    pub(super) services: &'a [At<Service>],
    pub(super) upstreams: &'a [UpstreamPlan],
}

/// The databases and the grants on them.
pub(super) fn plans(
    reader: &mut Reader<'_>,
    written: &[At<Database>],
    beside: &Beside<'_>,
) -> (Vec<DatabasePlan>, Vec<GrantSpec>) {
    let (mut plans, mut grants) = (Vec::new(), Vec::new());
    let mut names = HashSet::new();
    for (n, database) in written.iter().enumerate() {
        let Some(name) = &database.value.name else {
            if database.value.lacks(&database.value.name, "name") {
                reader.refuse(
                    database,
                    format!("config: databases[{n}] needs a name"),
                    "write name: and a word",
                );
            }
            continue;
        };
        check_name(reader, name);
        if !names.insert(name.value.as_str()) {
            reader.refuse(
                name,
                format!("config: duplicate database {:?}", name.value),
                "give each its own name",
            );
        }
        plans.push(plan(reader, name, database, beside));
        for grant in &database.value.grants.value {
            grants.extend(spec(reader, &name.value, grant));
        }
    }
    refuse_shared_hosts(reader, written);
    (plans, grants)
}

/// The database of a start from the environment alone.
pub(super) fn default_database(reader: &Reader<'_>) -> DatabasePlan {
    DatabasePlan {
        name: "countersign".to_owned(),
        backend: Backend::File,
        path: Some(reader.ground.base.join("countersign.db")),
        mode: OpenMode::Rwc,
        recommended_pragmas: true,
        service: None,
        hosts: Vec::new(),
    }
}

/// A name must stand in a path as it is and not be mistaken for what may stand there instead.
fn check_name(reader: &mut Reader<'_>, name: &At<String>) {
    let text = name.value.as_str();
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let placed = !text.starts_with('_') && !matches!(text, "" | "." | "..");
    if !letters || !placed || RESERVED.contains(&text) {
        let said = format!(
            "config: database {text:?} has an invalid or reserved name (want ASCII letters, digits, \"-\", \".\" and \
             \"_\", not beginning with \"_\", and none of {})",
            RESERVED.join(", ")
        );
        reader.refuse(name, said, "choose another name");
    }
}

fn plan(
    reader: &mut Reader<'_>,
    name: &At<String>,
    written: &At<Database>,
    beside: &Beside<'_>,
) -> DatabasePlan {
    let database = &written.value;
    match database.backend.value {
        Backend::Postgres => return of_service(reader, name, database, beside),
        backend => refuse_for_another(reader, name, database, backend),
    }
    if database.backend.value == Backend::Ledger {
        return of_ledger(reader, name, database, beside.ledger);
    }
    match (database.backend.value, &database.path) {
        (Backend::File, path) if database.lacks(path, "path") && !database.unread().contains(&"backend") => {
            let said = format!("config: database {:?} (file) needs a path", name.value);
            reader.refuse(name, said, format!("write path: ./data/{}.db", name.value));
        }
        (Backend::MemoryShared, Some(path)) => {
            let said =
                format!("config: database {:?} (memory-shared) has a path and is kept in memory", name.value);
            reader.refuse(path, said, "leave the path out, or write backend: file");
        }
        _ => {}
    }
    DatabasePlan {
        name: name.value.clone(),
        backend: database.backend.value,
        path: database.path.as_ref().map(|path| path.value.clone()),
        mode: database.mode.value,
        recommended_pragmas: database.pragmas_preset.value.0,
        service: None,
        hosts: Vec::new(),
    }
}

/// A database on a PostgreSQL behind the door.
fn of_service(
    reader: &mut Reader<'_>,
    name: &At<String>,
    database: &Database,
    beside: &Beside<'_>,
) -> DatabasePlan {
    let said = |key: &str| {
        format!("config: database {:?} (postgres) has {key} and is kept by its service", name.value)
    };
    if let Some(path) = &database.path {
        reader.refuse(path, said("a path"), "leave the path out: the service says where it is");
    }
    for place in [&database.mode.place, &database.pragmas_preset.place].into_iter().flatten() {
        let at = At { value: (), place: Some(place.clone()) };
        reader.refuse(&at, said("a setting of SQLite"), "leave mode and pragmas_preset out");
    }
    match &database.service {
        Some(service) => service::refuse_unknown(reader, &name.value, service, beside.services),
        None if database.lacks(&database.service, "service") => {
            let said = format!("config: database {:?} (postgres) needs a service", name.value);
            reader.refuse(name, said, "write service: and the name of one under services:");
        }
        None => {}
    }
    let service = database.service.as_ref().map(|service| service.value.clone());
    let upstream = beside.upstreams.iter().find(|upstream| Some(&upstream.name) == service.as_ref());
    if let Some(upstream) = upstream {
        service::check_grants(reader, &name.value, &database.grants.value, upstream);
    }
    DatabasePlan {
        name: name.value.clone(),
        backend: Backend::Postgres,
        path: None,
        mode: OpenMode::Rw,
        recommended_pragmas: false,
        service,
        hosts: database.hosts.value.iter().filter_map(|host| self::host(reader, name, host)).collect(),
    }
}

/// What means something only for a database on a PostgreSQL.
fn refuse_for_another(reader: &mut Reader<'_>, name: &At<String>, database: &Database, backend: Backend) {
    if database.unread().contains(&"backend") {
        return;
    }
    let said = |key: &str| format!("config: database {:?} ({}) has {key}", name.value, backend.as_str());
    let remedy = "write backend: postgres, or leave it out";
    if let Some(service) = &database.service {
        reader.refuse(service, said("a service"), remedy);
    }
    if let Some(host) = database.hosts.value.first() {
        reader.refuse(host, said("hosts"), remedy);
    }
}

/// A name as clients send it in their handshakes, in small letters.
fn host(reader: &mut Reader<'_>, name: &At<String>, host: &At<String>) -> Option<String> {
    let text = host.value.to_ascii_lowercase();
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.len() <= 63 && label.chars().all(fits)
    };
    if text.len() > 253 || !text.split('.').all(label) || text.parse::<std::net::IpAddr>().is_ok() {
        let said = format!(
            "config: database {:?}: {:?} is no host name that a client sends",
            name.value, host.value
        );
        reader.refuse(
            host,
            said,
            "write a whole name such as orders.db.example.com, without a dot at its end",
        );
        return None;
    }
    Some(text)
}

/// A name that leads to two databases leads to neither.
fn refuse_shared_hosts(reader: &mut Reader<'_>, written: &[At<Database>]) {
    let mut seen = HashSet::new();
    for host in written.iter().flat_map(|database| &database.value.hosts.value) {
        if !seen.insert(host.value.to_ascii_lowercase()) {
            let said = format!("config: the host {:?} stands for more than one database", host.value);
            reader.refuse(host, said, "write it under one of them");
        }
    }
}

/// The ledger's views. Where it is, and that nothing is written to it, is not for the database to say.
fn of_ledger(
    reader: &mut Reader<'_>,
    name: &At<String>,
    database: &Database,
    ledger: Option<&LedgerPlan>,
) -> DatabasePlan {
    if let Some(path) = &database.path {
        let said =
            format!("config: database {:?} (ledger) has a path and is kept where the ledger is", name.value);
        reader.refuse(path, said, "leave the path out: ledger.url says where it is");
    }
    let path = match ledger {
        Some(LedgerPlan::Sqlite { path }) => Some(path.clone()),
        Some(LedgerPlan::Postgres(_)) => {
            let said = format!(
                "config: database {:?} (ledger) shows a ledger in a file, and ours is on PostgreSQL",
                name.value
            );
            let remedy = "serve that database by a role that may read its views alone: backend: postgres, service: NAME";
            reader.refuse(name, said, remedy);
            None
        }
        None => {
            let said =
                format!("config: database {:?} (ledger) shows a ledger, and there is none", name.value);
            reader.refuse(name, said, "write ledger: { url: \"sqlite:./state/ledger.db\" }");
            None
        }
    };
    DatabasePlan {
        name: name.value.clone(),
        backend: Backend::Ledger,
        path,
        mode: OpenMode::Ro,
        recommended_pragmas: database.pragmas_preset.value.0,
        service: None,
        hosts: Vec::new(),
    }
}

fn spec(reader: &mut Reader<'_>, database: &str, written: &At<Grant>) -> Option<GrantSpec> {
    let grant = &written.value;
    let (Some(principal), Some(level)) = (&grant.principal, &grant.level) else {
        if grant.unread().is_empty() {
            let said = format!("config: database {database:?}: a grant needs principal and level");
            reader.refuse(written, said, "write { principal: NAME, level: read-only }");
        }
        return None;
    };
    let Ok(parsed) = level.value.parse() else {
        let said = format!("config: database {database:?} grant has invalid level {:?}", level.value);
        let words = Level::ALL.iter().map(|level| level.as_str());
        let remedy = match nearest(&level.value, words) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "write none, read-only, read-write or admin".to_owned(),
        };
        reader.refuse(level, said, remedy);
        return None;
    };
    Some(GrantSpec {
        database: database.to_owned(),
        principal: principal.value.clone(),
        level: parsed,
        place: principal.place.clone(),
    })
}
