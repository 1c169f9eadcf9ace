//! Issuers and roots while one takes another's place: the roots are two, keys lie beside their place, and whoever issues no
//! more still answers for what it issued.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use authority::{Authority, Standing};
use config::{IssuerPlan, PemText, Plan};
use fault::Fault;
use identity::{Certificate, Pin, PrivateKey};
use time::OffsetDateTime;

use super::{key, password, published};

/// The issuers whose place was taken and who still answer for what they issued, as `client.old`: they issue nothing, but
/// their lists are signed until they are removed. What keeps one from that is a warning.
pub(crate) fn retiring(
    plan: &Plan,
    issuers: &BTreeMap<String, Arc<Authority>>,
    now: OffsetDateTime,
    warnings: &mut Vec<Fault>,
) -> BTreeMap<String, Arc<Authority>> {
    let mut found = BTreeMap::new();
    for (name, written) in plan.authority.iter().flat_map(|authority| &authority.issuers) {
        let Some(current) = issuers.get(name) else { continue };
        match retired(plan, written, current, now) {
            Ok(Some(old)) => drop(found.insert(format!("{name}.old"), Arc::new(old))),
            Ok(None) => {}
            Err(fault) => warnings.push(fault),
        }
    }
    found
}

/// One that kept its key is the same issuer, and its lists are signed already.
fn retired(
    plan: &Plan,
    written: &IssuerPlan,
    current: &Authority,
    now: OffsetDateTime,
) -> Result<Option<Authority>, Fault> {
    let PemText::File(path) = &written.cert else { return Ok(None) };
    let path = files::old(path);
    if !path.is_file() {
        return Ok(None);
    }
    let chain = files::load_certificates(&path)?;
    let same = |own: &Certificate| own.identity().spki_sha256() == current.key_id();
    if chain.first().is_none_or(|own| same(own) || own.identity().not_after() < now) {
        return Ok(None);
    }
    let key = key_of(written, chain.first())?;
    let environment = Some(plan.environment.as_str());
    let old = Authority::new(chain, &key, Standing::Issuer, environment, now)
        .map_err(|fault| fault.in_file(&path))?;
    Ok(Some(published(plan, old)))
}

/// The roots of our own authority, where the Plan has issuers below one: one, or the old and the new one while it is
/// rotated. The one that counts now comes first.
///
/// # Errors
/// When its file holds none.
pub(crate) fn roots(plan: &Plan) -> Result<Vec<Certificate>, Fault> {
    let written = plan.authority.as_ref().filter(|written| !written.issuers.is_empty());
    let root = written.and_then(|written| written.root_cert.as_deref());
    root.map_or(Ok(Vec::new()), root_certificates)
}

/// The certificates of the root's file.
///
/// # Errors
/// When the file holds none.
fn root_certificates(path: &Path) -> Result<Vec<Certificate>, Fault> {
    let certificates = files::load_certificates(path)?;
    match certificates.is_empty() {
        true => Err(Fault::yours("there is no root in the file").in_file(path)),
        false => Ok(certificates),
    }
}

/// That an issuer stands below one of the roots, where there are any; told by the first of them.
pub(crate) fn check_below_one(chain: &[Certificate], roots: &[Certificate]) -> Result<(), Fault> {
    let mut refused = None;
    for root in roots {
        match Authority::check_chain_below(chain, root) {
            Ok(()) => return Ok(()),
            Err(fault) => refused = refused.or(Some(fault)),
        }
    }
    refused.map_or(Ok(()), Err)
}

/// The issuer's key. While one is rotated the certificate changes in one moment and the key in another: in between, the
/// key lies beside its place.
pub(super) fn key_of(written: &IssuerPlan, own: Option<&Certificate>) -> Result<PrivateKey, Fault> {
    let password = password(written.key_password.as_ref())?;
    let is_its = |key: &PrivateKey| {
        own.is_none_or(|own| Pin::of_spki(&key.public_spki()) == own.identity().spki_sha256())
    };
    let key = key(written, password.as_ref());
    let PemText::File(path) = &written.key else { return key };
    if key.as_ref().is_ok_and(is_its) {
        return key;
    }
    let beside = [files::next(path), files::old(path)].into_iter().filter(|path| path.is_file());
    let mut beside = beside.filter_map(|path| files::load_key(&path, password.as_ref()).ok());
    beside.find(is_its).map_or(key, Ok)
}
