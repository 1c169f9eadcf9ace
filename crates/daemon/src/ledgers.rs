//! Opening the ledger that a Plan names, whichever kind it is.

use std::sync::Arc;

use config::{LedgerPlan, PostgresPlan, SslMode};
use fault::{Fault, Place};
use ledger::{Ledger, SqliteLedger};
use postgres::{Address, PostgresLedger, PostgresSpec, Protection};
use transport::Clock;

/// Opens it; what is not there yet is made.
///
/// # Errors
/// The file or the server cannot be used, or what is there is no ledger; the fault has the remedy.
pub async fn open_ledger(plan: &LedgerPlan, clock: Arc<dyn Clock>) -> Result<Arc<dyn Ledger>, Fault> {
    match plan {
        LedgerPlan::Sqlite { path } => Ok(Arc::new(SqliteLedger::open(path)?)),
        LedgerPlan::Postgres(plan) => Ok(Arc::new(PostgresLedger::open(spec(plan, clock)?).await?)),
    }
}

fn spec(plan: &PostgresPlan, clock: Arc<dyn Clock>) -> Result<PostgresSpec, Fault> {
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
        credential: plan.credential.clone(),
        application_name: plan.application_name.clone(),
        connect_timeout: plan.connect_timeout,
        clock,
    })
}
