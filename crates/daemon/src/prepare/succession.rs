//! What lies beside an issuer while it is rotated: the one that will take its place, or the one whose place it took.

use std::path::{Path, PathBuf};

use authority::{Authority, Standing};
use config::{PemText, Plan};
use fault::{Fault, Faults};
use identity::Certificate;
use time::OffsetDateTime;

use crate::issuing;

/// The roots of our own authority. One that cannot be read is a fault of the authority, which is told there.
pub(crate) fn roots(plan: &Plan) -> Vec<Certificate> {
    issuing::roots(plan).unwrap_or_default()
}

/// The issuers that lie beside this one, each an issuer below one of our roots. What has ended says nothing any more.
///
/// # Errors
/// What lies there is something else.
pub(super) fn beside(
    issuer: &Path,
    roots: &[Certificate],
    now: OffsetDateTime,
) -> Result<Vec<Certificate>, Fault> {
    let mut found = Vec::new();
    for path in places(issuer).into_iter().filter(|path| path.is_file()) {
        let chain = files::load_certificates(&path)?;
        if chain.first().is_some_and(|own| own.identity().not_after() < now) {
            continue;
        }
        Authority::check_certificate(&chain, Standing::Issuer, now)
            .and_then(|()| issuing::check_below_one(&chain, roots))
            .map_err(|fault| fault.in_file(&path))?;
        found.extend(chain.into_iter().take(1));
    }
    Ok(found)
}

/// The roots, and what lies beside each issuer.
///
/// # Errors
/// What lies there is something else.
pub(super) fn all(plan: &Plan, now: OffsetDateTime) -> Result<Vec<Certificate>, Faults> {
    let mut faults = Faults::new();
    let roots = roots(plan);
    let mut found = roots.clone();
    for issuer in plan.authority.iter().flat_map(|authority| authority.issuers.values()) {
        if let PemText::File(path) = &issuer.cert {
            found.extend(faults.note(beside(path, &roots, now)).unwrap_or_default());
        }
    }
    faults.or(found)
}

/// Where they lie.
pub(crate) fn places(file: &Path) -> [PathBuf; 2] {
    [files::next(file), files::old(file)]
}

/// Everything beside the issuers that a Plan is made of.
pub(crate) fn of(plan: &Plan) -> Vec<PathBuf> {
    let issuers = plan.authority.iter().flat_map(|authority| authority.issuers.values());
    let file = |path: &PathBuf| places(path).to_vec();
    issuers
        .flat_map(|issuer| {
            let cert = if let PemText::File(path) = &issuer.cert { file(path) } else { Vec::new() };
            let key = if let PemText::File(path) = &issuer.key { file(path) } else { Vec::new() };
            cert.into_iter().chain(key)
        })
        .collect()
}
