//! Links that are kept while what is decided by changes.

use std::sync::Arc;

use access::Level;

use super::Upstream;
use crate::snapshot::{Behind, Snapshot};

/// Closes the links that are kept for those whom a new snapshot lets in no more, or not as that, and lets go of certificates
/// in the names of those who are principals no more. Whoever comes is admitted
/// anew anyway: this is so that the server does not see them any longer.
pub(crate) fn close_what_nobody_may_have(before: &Snapshot, now: &Snapshot) {
    for upstream in upstreams(before).chain(upstreams(now)) {
        upstream.forget_strangers(|name| now.directory.knows(name));
        let databases: Vec<&str> = now
            .databases
            .iter()
            .filter(|(_, served)| is(&served.behind, upstream))
            .map(|(name, _)| name.as_str())
            .collect();
        upstream.serve(!databases.is_empty());
        upstream.keep_only(|principal, role, level| {
            let known = principal.is_none_or(|name| now.directory.knows(name));
            known && databases.iter().any(|database| may(now, upstream, principal, database, role, level))
        });
    }
}

fn may(
    now: &Snapshot,
    upstream: &Upstream,
    principal: Option<&str>,
    database: &str,
    role: &str,
    level: Level,
) -> bool {
    now.grants.level(principal, database) >= level && upstream.spec.roles.may_give(principal, level, role)
}

fn upstreams(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<Upstream>> {
    snapshot.databases.values().filter_map(|served| match &served.behind {
        Behind::Upstream(upstream) => Some(upstream),
        Behind::Embedded(_) => None,
    })
}

fn is(behind: &Behind, upstream: &Arc<Upstream>) -> bool {
    matches!(behind, Behind::Upstream(other) if Arc::ptr_eq(other, upstream))
}
