//! A TLS profile that presents a registered service's certificate.

use fault::nearest;

use crate::reader::{At, Reader};
use crate::section::authority::Authority;
use crate::section::tls::{Mode, Profile};

pub(super) fn check(
    reader: &mut Reader<'_>,
    name: &At<String>,
    profile: &Profile,
    authority: Option<&At<Authority>>,
) {
    let Some(service) = &profile.service else { return };
    let refused = |what: &str| format!("config: tls profile {:?}: {what}", name.value);
    if profile.mode.as_ref().is_none_or(|mode| mode.value != Mode::Authority) {
        let said = refused("service is for mode authority");
        reader.refuse(service, said, "write mode: authority, or leave service out");
        return;
    }
    if let Some(host) = profile.hosts.value.first() {
        let said = refused("a service's certificate covers the service's name, and hosts are written");
        reader.refuse(host, said, "leave hosts out, or service");
    }
    // A registry that could not be read is told of where it is written.
    let registry = authority.and_then(|at| at.value.services.as_ref());
    let known: Vec<&str> = registry.iter().flat_map(|at| &at.value).map(|at| at.value.0.as_str()).collect();
    if !known.contains(&service.value.as_str()) {
        let said = refused(&format!("service {:?} is not in authority.services", service.value));
        let remedy = match nearest(&service.value, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "add it to authority.services".to_owned(),
        };
        reader.refuse(service, said, remedy);
    }
}
