//! By what one prepared configuration is weaker than another.
//!
//! - [`acme`]: what ACME certifies, and what it asks for.
//! - [`asked`]: what a listener asks of whoever arrives, and by what another asks for less.
//! - [`databases`]: databases by the files that they are kept in.
//! - [`revocation`]: the same for what counts as revoked.
//! - [`upstreams`]: the PostgreSQL servers behind the door.

mod acme;
mod asked;
mod databases;
mod revocation;
#[cfg(test)]
mod tests;
mod upstreams;

use std::collections::HashSet;

use access::Weakening;
use config::Plan;

use crate::prepare::Prepared;
use asked::Asked;

/// Everything by which the new configuration is weaker than the old one; each is named once.
///
/// A listener that stays is compared with itself, whichever TLS profile it has before and after. A new one is
/// compared with every one there was: it is weaker by what it alone does not ask for.
pub(crate) fn weaker(old: &Prepared, new: &Prepared) -> Vec<Weakening> {
    let served = databases::served_before(old, new);
    let mut found = access::weaker((&old.directory, &old.grants), (&new.directory, &new.grants), &served);
    let before = Asked::at_all(old);
    for now in Asked::at_all(new) {
        found.extend(match before.iter().find(|asked| asked.listener == now.listener) {
            Some(same) => asked::weaker(same, &now),
            None => asked::weaker_than_each(&before, &now),
        });
    }
    found.extend(node(&old.plan, &new.plan));
    found.extend(acme::weaker(&old.plan, &new.plan));
    found.extend(databases::weaker(old, new));
    found.extend(upstreams::weaker(old, new));
    let mut told = HashSet::new();
    found.retain(|weakening| told.insert(weakening.name.clone()));
    found
}

/// What holds for the node as a whole.
fn node(old: &Plan, new: &Plan) -> Vec<Weakening> {
    let environment = (old.environment != new.environment).then(|| {
        let (was, is) = (old.environment.as_str(), new.environment.as_str());
        Weakening::new(
            format!("environment {is}"),
            format!("the environment is {is}; before: {was}. Certificates of services are accepted by it"),
        )
    });
    let control_plane = (new.control_plane.enabled && !old.control_plane.enabled).then(|| {
        let admins = new.control_plane.admins.join(", ");
        Weakening::new("control-plane", format!("the administrators' routes are served, to {admins}"))
    });
    let audited = [
        ("failed", "refused", old.audit.failed && !new.audit.failed),
        ("successful", "successful", old.audit.successful && !new.audit.successful),
    ];
    let unseen = audited.into_iter().filter(|(.., gone)| *gone).map(|(setting, which, _)| {
        Weakening::new(format!("audit {setting}"), format!("{which} sign-ins are no longer on record"))
    });
    environment.into_iter().chain(control_plane).chain(unseen).collect()
}
