//! Which ledger a command reads, and which one it writes to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{LedgerPlan, Overrides, Plan};
use fault::{Fault, Faults};
use ledger::{Ledger, SqliteLedger};
use transport::SystemClock;

use super::plan;
use crate::door::runtime;

/// The ledger of a realm: the one that its configuration names, or where it has none, the one that `ca init-root` made.
///
/// # Errors
/// The realm has none, or it cannot be opened.
pub(crate) fn ledger_of(realm: &Path) -> Result<Arc<dyn Ledger>, Faults> {
    let configuration = realm.join(CONFIGURATION);
    if configuration.is_file() {
        let (plan, _) = plan(Some(configuration), Overrides::default())?;
        return Ok(written_down(&plan)?);
    }
    Ok(existing(&realm.join(LEDGER))?)
}

/// Whether the folder looks like a realm with a ledger.
pub(crate) fn has_ledger(realm: &Path) -> bool {
    [CONFIGURATION, LEDGER].iter().any(|file| realm.join(file).is_file())
}

/// A ledger that is there: what is asked of a new one, made where a name was mistyped, would be answered with nothing.
///
/// # Errors
/// There is none, or it cannot be opened.
pub(crate) fn existing(path: &Path) -> Result<Arc<dyn Ledger>, Fault> {
    if !path.is_file() {
        return Err(Fault::yours("the realm has no ledger")
            .in_file(path)
            .remedy("name the realm with --realm DIR, or make one with countersign up"));
    }
    Ok(Arc::new(SqliteLedger::open(path)?))
}

/// The ledger that a configuration names, where it is there already: a file that is missing is not made.
///
/// # Errors
/// It names none, or it cannot be opened.
pub(crate) fn written_down(plan: &Plan) -> Result<Arc<dyn Ledger>, Fault> {
    match &plan.ledger {
        Some(LedgerPlan::Sqlite { path }) => existing(path),
        Some(LedgerPlan::Postgres(_)) | None => written_or_new(plan),
    }
}

/// The ledger that a configuration names. A file is made where there is none yet; a database without a ledger stays so.
///
/// # Errors
/// It names none, or it cannot be opened.
pub(crate) fn written_or_new(plan: &Plan) -> Result<Arc<dyn Ledger>, Fault> {
    let written = plan.ledger.as_ref().ok_or_else(|| {
        Fault::yours("the configuration has no ledger to record certificates in")
            .remedy("add ledger: { url: … }")
    })?;
    runtime()?.block_on(daemon::open_ledger(written, &plan.replication, Arc::new(SystemClock)))
}

/// The ledger that a new authority of this folder goes on record in, made where there is none yet: the one that the folder's
/// configuration names, and otherwise state/ledger.db.
///
/// # Errors
/// The configuration cannot be read, or the ledger cannot be opened or made.
pub(crate) fn for_new_authority(folder: &Path) -> Result<Arc<dyn Ledger>, Faults> {
    if let Some(plan) = in_a_database(folder)?
        && let Some(written) = &plan.ledger
    {
        let made = daemon::make_ledger(written, &plan.replication, Arc::new(SystemClock));
        return Ok(runtime()?.block_on(made)?);
    }
    let path = folder.join(LEDGER);
    if let Some(state) = path.parent() {
        files::create_folder(state)?;
    }
    Ok(Arc::new(SqliteLedger::open(&path)?))
}

/// The ledger that an authority's certificates are on record in, by the file of its certificate.
///
/// # Errors
/// There is none, or it cannot be opened; or another one was named than that of the realm that the authority lies in.
pub(crate) fn of_authority(cert: &Path, named: Option<&Path>) -> Result<Arc<dyn Ledger>, Faults> {
    match by_authority(cert, named)? {
        Place::Database(plan) => Ok(written_down(&plan)?),
        Place::File(path) => Ok(existing(&path)?),
    }
}

/// As [`of_authority`], for who issues: a file is made where there is none yet.
///
/// # Errors
/// As there.
pub(crate) fn of_authority_or_new(cert: &Path, named: Option<&Path>) -> Result<Arc<dyn Ledger>, Faults> {
    match by_authority(cert, named)? {
        Place::Database(plan) => Ok(written_down(&plan)?),
        Place::File(path) => Ok(Arc::new(SqliteLedger::open(&path)?)),
    }
}

/// Where an authority's ledger is.
enum Place {
    Database(Box<Plan>),
    File(PathBuf),
}

/// The file that was named, or ledger.db beside the authority. An authority of a realm whose ledger is a database is on record
/// there and nowhere else: what a file had would be revoked for nobody, and its lists would lack what the database has.
fn by_authority(cert: &Path, named: Option<&Path>) -> Result<Place, Faults> {
    if let Some(realm) = realm_around(cert)
        && let Some(plan) = in_a_database(realm)?
    {
        return match named {
            None => Ok(Place::Database(Box::new(plan))),
            Some(file) => Err(Fault::yours("the authority is on record in its realm's database")
                .in_file(realm.join(CONFIGURATION))
                .because(format!("--ledger names the file {}", file.display()))
                .remedy("leave --ledger out")
                .into()),
        };
    }
    Ok(Place::File(named.map_or_else(|| cert.with_file_name("ledger.db"), Path::to_owned)))
}

/// The realm in whose folder an authority lies: DIR of DIR/pki/root.crt and of DIR/pki/issuers/client.crt.
fn realm_around(cert: &Path) -> Option<&Path> {
    let folder = cert.parent()?;
    let pki = if folder.ends_with("issuers") { folder.parent()? } else { folder };
    if pki.ends_with("pki") { pki.parent() } else { None }
}

/// What the folder's configuration says, where it says that the ledger is a database.
fn in_a_database(folder: &Path) -> Result<Option<Plan>, Faults> {
    let configuration = folder.join(CONFIGURATION);
    if !configuration.is_file() {
        return Ok(None);
    }
    let (plan, _) = plan(Some(configuration), Overrides::default())?;
    Ok(Some(plan).filter(|plan| matches!(plan.ledger, Some(LedgerPlan::Postgres(_)))))
}

const CONFIGURATION: &str = "countersign.yaml";
const LEDGER: &str = "state/ledger.db";
