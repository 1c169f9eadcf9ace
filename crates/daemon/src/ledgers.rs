//! Opening the ledger that a Plan names, whichever kind it is, and how its server is judged.

use std::sync::Arc;

use config::{LedgerPlan, Plan, PostgresPlan, ReplicationPlan, RevocationPlan, SslMode};
use fault::{Fault, Faults, Place};
use identity::{Certificate, Revocations};
use ledger::{Ledger, SqliteLedger};
use postgres::{Address, Judging, PostgresLedger, PostgresSpec, Protection};
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use transport::{Clock, Online};

use crate::inquirers::Inquirers;
use crate::prepare::revocation::{Authorities, Loaded, revocations};

/// What becomes of a database that holds no ledger. A file that is missing is always made: whoever must not make one looks
/// whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    Made,
    Refused,
}

/// Opens it for a command. A database in which there is none stays without. The server is judged as a node judges it.
///
/// # Errors
/// The file or the server cannot be used, or what is there is no ledger; the fault has the remedy.
pub async fn open_ledger(
    plan: &LedgerPlan,
    replication: &ReplicationPlan,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Ledger>, Fault> {
    uncounted(plan, replication, clock, Absent::Refused).await
}

/// As [`open_ledger`], for a command that begins a realm or an authority: what is not there yet is made.
///
/// # Errors
/// As there.
pub async fn make_ledger(
    plan: &LedgerPlan,
    replication: &ReplicationPlan,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Ledger>, Fault> {
    uncounted(plan, replication, clock, Absent::Made).await
}

async fn uncounted(
    plan: &LedgerPlan,
    replication: &ReplicationPlan,
    clock: Arc<dyn Clock>,
    absent: Absent,
) -> Result<Arc<dyn Ledger>, Fault> {
    // What is counted here nobody asks for.
    let inquirers = Inquirers::register(&mut Registry::default(), Arc::clone(&clock));
    reach(plan, replication, &inquirers, clock, absent).await
}

/// As [`make_ledger`], for a node, which counts what it asks.
///
/// # Errors
/// As there.
pub(crate) async fn open(
    plan: &LedgerPlan,
    replication: &ReplicationPlan,
    inquirers: &Inquirers,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Ledger>, Fault> {
    reach(plan, replication, inquirers, clock, Absent::Made).await
}

async fn reach(
    plan: &LedgerPlan,
    replication: &ReplicationPlan,
    inquirers: &Inquirers,
    clock: Arc<dyn Clock>,
    absent: Absent,
) -> Result<Arc<dyn Ledger>, Fault> {
    match plan {
        LedgerPlan::Sqlite { path } => Ok(Arc::new(SqliteLedger::open(path)?)),
        LedgerPlan::Postgres(plan) => {
            let written = replication.revocation.clone();
            let online = inquirers.of(&written);
            let judged = Judged { written, online, clock: Arc::clone(&clock) };
            let spec = spec(plan, judged, clock)?;
            Ok(Arc::new(match absent {
                Absent::Made => PostgresLedger::open(spec).await?,
                Absent::Refused => PostgresLedger::open_existing(spec).await?,
            }))
        }
    }
}

/// The server as `replication` has it judged.
#[derive(Debug)]
struct Judged {
    written: RevocationPlan,
    online: Option<Arc<dyn Online>>,
    clock: Arc<dyn Clock>,
}

impl Judging for Judged {
    fn revocations(&self, anchors: &[Certificate]) -> Result<Arc<Revocations>, Fault> {
        // What is wrong with the files without keeping them from counting was said at the start.
        let mut said = Vec::new();
        let (authorities, now) = (Authorities::of_server(anchors), self.clock.now());
        let known = revocations(&self.written, authorities, &mut Loaded::default(), now, &mut said);
        known.map(Arc::new).map_err(first)
    }

    fn online(&self) -> Option<&Arc<dyn Online>> {
        self.online.as_ref()
    }
}

/// One connection fails for one reason; the check of the configuration tells all of them.
fn first(faults: Faults) -> Fault {
    let unsaid = || Fault::ours("the revocation lists in replication cannot be used");
    faults.into_iter().next().unwrap_or_else(unsaid)
}

/// What is wrong with the files that the ledger's server is judged by, before anybody connects.
///
/// # Errors
/// Those that cannot be used.
pub(crate) fn check(plan: &Plan, now: OffsetDateTime, warnings: &mut Vec<Fault>) -> Result<(), Faults> {
    let Some(LedgerPlan::Postgres(PostgresPlan { sslrootcert: Some(root), .. })) = &plan.ledger else {
        return Ok(());
    };
    let written = &plan.replication.revocation;
    if written.crl_files.is_empty() {
        return Ok(());
    }
    let anchors = files::load_certificates(root)?;
    revocations(written, Authorities::of_server(&anchors), &mut Loaded::default(), now, warnings).map(drop)
}

fn spec(plan: &PostgresPlan, judged: Judged, clock: Arc<dyn Clock>) -> Result<PostgresSpec, Fault> {
    let address = if plan.host.starts_with('/') {
        Address::Unix { folder: plan.host.clone().into(), port: plan.port }
    } else {
        Address::Tcp { host: plan.host.clone(), addr: plan.hostaddr, port: plan.port }
    };
    let root = || {
        // The configuration was refused without one.
        let missing = || Fault::ours("ledger.url has no sslrootcert").at(Place::Name("ledger.url".into()));
        plan.sslrootcert.clone().ok_or_else(missing)
    };
    let protection = match plan.sslmode {
        SslMode::Disable => Protection::Plaintext,
        SslMode::Require => Protection::Encrypted,
        SslMode::VerifyCa => Protection::Chain(root()?),
        SslMode::VerifyFull => Protection::Full(root()?),
    };
    Ok(PostgresSpec {
        address,
        user: plan.user.clone(),
        database: plan.database.clone(),
        protection,
        judging: Some(Arc::new(judged)),
        credential: plan.credential.clone(),
        application_name: plan.application_name.clone(),
        connect_timeout: plan.connect_timeout,
        clock,
    })
}
