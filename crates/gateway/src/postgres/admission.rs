//! Whether a client may have the session that it asks for, and as whom.

use std::sync::Arc;

use access::{Level, Permit, Role};
use fault::{Code, Refusal};
use time::OffsetDateTime;
use wire::postgres::startup::Startup;

use crate::judged::Judged;
use crate::session::{Session, Stale};
use crate::snapshot::{Behind, Snapshot};
use crate::upstream::Upstream;

/// A client that may have its session.
pub(super) struct Admitted {
    pub(super) permit: Permit,
    pub(super) role: Role,
    pub(super) upstream: Arc<Upstream>,
}

/// Why it may not.
pub(super) enum NotAdmitted {
    /// A no, with what to do about it where the code's own remedy does not say.
    Refused(Refusal, Option<&'static str>),
    /// There is no such database here.
    Unknown(String),
    /// The snapshot is not the newest any more; the question must be asked again.
    Stale,
}

/// Admits the peer to the database that it asks for, and notes that the session uses it.
pub(super) fn admit(
    session: &Session,
    snapshot: &Snapshot,
    judged: &Judged,
    startup: &Startup,
    at: OffsetDateTime,
) -> Result<Admitted, NotAdmitted> {
    let peer = judged.peer().map_err(Clone::clone)?;
    let database = target(snapshot, startup, session.server_name())?;
    // Asked before the name is looked up, so that only those who may see a database learn whether it exists.
    let permit = access::admit(peer, &snapshot.grants, database, at)?;
    let upstream = match snapshot.databases.get(database).map(|served| &served.behind) {
        Some(Behind::Upstream(upstream)) if judged.scope.everything => Arc::clone(upstream),
        Some(Behind::Embedded(_)) => {
            return Err(NotAdmitted::Unknown(format!("database \"{database}\" is served over HTTP alone")));
        }
        _ => return Err(NotAdmitted::Unknown(format!("database \"{database}\" does not exist"))),
    };
    let role = upstream.spec.roles.choose(&permit, peer.verified(), startup.user().unwrap_or_default())?;
    if startup.replication().is_some() && role.level() < Level::Admin {
        let cause = format!("replication asked for with {} on database {database:?}", role.level());
        let refusal = Refusal::new(Code::NoGrant, cause).saying("forbidden: no replication of this database");
        return Err(NotAdmitted::Refused(
            refusal,
            Some("raise the principal's grant on the database to admin"),
        ));
    }
    match session.uses_upstream(database, &role, &upstream, snapshot) {
        Ok(()) => Ok(Admitted { permit, role, upstream }),
        Err(Stale) => Err(NotAdmitted::Stale),
    }
}

/// The database that a client means: by the host that it connects to, where that names one, or by its own word.
fn target<'a>(
    snapshot: &'a Snapshot,
    startup: &'a Startup,
    server_name: Option<&str>,
) -> Result<&'a str, NotAdmitted> {
    let asked = startup.database().or(startup.user()).unwrap_or_default();
    let host = server_name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
    let Some(meant) = host.as_deref().and_then(|host| snapshot.database_hosts.get(host)) else {
        return Ok(asked);
    };
    // A library that was told no database says the user's name, and one that replicates a whole server says this.
    let unsaid = Some(asked) == startup.user() || (asked == "replication" && startup.replication().is_some());
    if asked == &**meant || unsaid {
        return Ok(meant);
    }
    let cause = format!("the host names database {meant:?}, and the start-up message {asked:?}");
    let refusal = Refusal::new(Code::NoGrant, cause).saying("forbidden: the host is another database's");
    let remedy = "leave the database out, or connect by a host name that is not one database's";
    Err(NotAdmitted::Refused(refusal, Some(remedy)))
}

impl From<Refusal> for NotAdmitted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}
