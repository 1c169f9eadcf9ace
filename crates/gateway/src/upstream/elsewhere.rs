//! Whether what is behind a name is still what a session was connected to.

use access::Level;

use super::{Identifies, Upstream, UpstreamSpec};

impl Upstream {
    /// What of `was` a session in this role could not have now, where there is something. Limits, timeouts, and credentials that
    /// are renewed, concern those who come next.
    pub(crate) fn taken_from(&self, was: &Self, role: &str, level: Level) -> Option<&'static str> {
        let (is, was) = (&self.spec, &was.spec);
        let same_kind = matches!(
            (&is.identity, &was.identity),
            (Identifies::PerPrincipal(_), Identifies::PerPrincipal(_))
                | (Identifies::Shared(_), Identifies::Shared(_))
        );
        match () {
            () if is.address != was.address => Some("is at another address"),
            () if is.database != was.database => Some("is another database of its server"),
            () if is.sslmode != was.sslmode => Some("is reached with another sslmode"),
            () if !believes_all_of(is, was) => Some("is reached by other authorities"),
            () if !same_kind => Some("knows by other means who comes"),
            () if !is.roles.still_give(&was.roles, role, level) => Some("has other roles"),
            () => None,
        }
    }
}

/// Whether whoever vouched for the server may still do so.
fn believes_all_of(is: &UpstreamSpec, was: &UpstreamSpec) -> bool {
    let now: Vec<_> =
        is.trust.iter().flat_map(|trust| trust.anchors()).map(identity::Certificate::fingerprint).collect();
    was.trust.iter().flat_map(|trust| trust.anchors()).all(|anchor| now.contains(&anchor.fingerprint()))
}
