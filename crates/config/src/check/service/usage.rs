use std::collections::HashSet;

use access::{EVERYONE, Level, RoleRules};
use fault::nearest;

use super::LONGEST_NAME;
use crate::plan::UpstreamPlan;
use crate::reader::{At, Reader};
use crate::section::access::Grant;
use crate::section::database::Database;
use crate::section::service::Service;

/// A service that no database is on serves nobody, and is most likely a name that was mistyped.
pub(in crate::check) fn check_use(
    reader: &mut Reader<'_>,
    written: &[At<Service>],
    databases: &[At<Database>],
) {
    let used: HashSet<&str> = databases
        .iter()
        .filter_map(|database| database.value.service.as_ref())
        .map(|service| service.value.as_str())
        .collect();
    for name in written.iter().filter_map(|service| service.value.name.as_ref()) {
        if !used.contains(name.value.as_str()) {
            let said = format!("config: service {:?} is used by no database", name.value);
            let remedy = format!(
                "write a database with backend: postgres and service: {}, or leave it out",
                name.value
            );
            reader.refuse(name, said, remedy);
        }
    }
}

/// A database on a service that there is not.
pub(in crate::check) fn refuse_unknown(
    reader: &mut Reader<'_>,
    database: &str,
    service: &At<String>,
    services: &[At<Service>],
) {
    let known: Vec<&str> =
        services.iter().filter_map(|one| one.value.name.as_ref()).map(|name| name.value.as_str()).collect();
    if known.contains(&service.value.as_str()) {
        return;
    }
    let remedy = match (nearest(&service.value, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => format!("did you mean {near:?}?"),
        (None, false) => format!("add it under services: (there are {})", known.join(", ")),
        (None, true) => "add it under services:".to_owned(),
    };
    let said = format!("config: database {database:?} is on the unknown service {:?}", service.value);
    reader.refuse(service, said, remedy);
}

/// Whoever is granted something on a server has a role there that is worth no more than the grant.
pub(in crate::check) fn check_grants(
    reader: &mut Reader<'_>,
    database: &str,
    grants: &[At<Grant>],
    upstream: &UpstreamPlan,
) {
    for grant in grants {
        let (Some(principal), Some(written)) = (&grant.value.principal, &grant.value.level) else { continue };
        let Ok(level) = written.value.parse::<Level>() else { continue };
        let service = &upstream.name;
        match &upstream.roles {
            _ if level == Level::None => {}
            RoleRules::ByLevel(roles) if roles.contains_key(&level) => {}
            RoleRules::ByLevel(_) => {
                let said = format!(
                    "config: database {database:?} grants {level}, and service {service:?} has no role for it"
                );
                reader.refuse(written, said, format!("write roles: {{ {level}: ROLE }} under the service"));
            }
            RoleRules::OwnName | RoleRules::Mapped(_) if level == Level::ReadOnly => {
                let said = format!(
                    "config: database {database:?} grants read-only, and nothing on service {service:?} would enforce it"
                );
                let remedy =
                    "write roles: { read-only: ROLE } under the service, a role without the right to write";
                reader.refuse(written, said, remedy);
            }
            RoleRules::OwnName => refuse_without_name(reader, database, principal, service),
            RoleRules::Mapped(_) => {}
        }
    }
}

/// By one's own name comes only who has one, and one that the server does not cut off.
fn refuse_without_name(reader: &mut Reader<'_>, database: &str, principal: &At<String>, service: &str) {
    let name = principal.value.as_str();
    if name == EVERYONE || name.len() <= LONGEST_NAME {
        return;
    }
    let said = format!(
        "config: database {database:?} is granted to {name:?}, which is no name on service {service:?}: it is longer than \
         {LONGEST_NAME} bytes"
    );
    reader.refuse(principal, said, "write roles: or map: under the service");
}
