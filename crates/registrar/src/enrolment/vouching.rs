//! Whose certificates have successors here, and what is given elsewhere alone.

use std::sync::Arc;

use authority::Authority;
use fault::{Code, Fault, Refusal};
use identity::{Certificate, Pin, RevocationReason, Verified};
use ledger::{CertificateFilter, CertificateRecord, State};

use super::no::No;
use super::office::Office;
use crate::acme;
use crate::issuing::SERVICE;

/// The certificates of the issuers that this node holds and that still stand: those that issue, and those whose place was
/// taken until they are removed.
pub(super) async fn authorities(office: &Office<'_>) -> Result<Vec<Certificate>, No> {
    let mut standing = Vec::new();
    for issuer in held(office) {
        if revoked(office, issuer.chain()).await?.is_none() {
            standing.push(issuer.certificate().clone());
        }
    }
    Ok(standing)
}

/// That a certificate may be exchanged for a successor here: each authority above it stands, this node holds the one that
/// signed it, and neither a service nor an ACME account has it.
pub(super) async fn check_renewable(
    office: &Office<'_>,
    verified: &Verified,
    record: &CertificateRecord,
) -> Result<(), No> {
    let subject = verified.leaf().identity().subject();
    let not = |why: String| {
        Refusal::new(Code::RequestNotAllowed, format!("{subject}: {why}"))
            .saying(format!("the certificate cannot be renewed here: {why}"))
    };
    let above = verified.chain().get(1..).unwrap_or_default();
    if let Some(authority) = revoked(office, above).await? {
        return Err(not(format!("the authority {authority} has been revoked; ask for an invitation")).into());
    }
    let key = record.draft.issuer.key;
    if !authorities(office).await?.iter().any(|issuer| issuer.identity().spki_sha256() == key) {
        return Err(not("its issuer is no issuer of this node any more; ask for an invitation".into()).into());
    }
    given_here(&record.draft.profile)?;
    if acme::is_owned(office.ledger, &record.draft.id()).await? {
        return Err(not("an ACME account has it; renew it with the ACME client that got it".into()).into());
    }
    Ok(())
}

/// That a profile is given over this office. The certificates of services live as their services do.
pub(super) fn given_here(profile: &str) -> Result<(), Refusal> {
    match profile {
        SERVICE => Err(Refusal::new(Code::RequestNotAllowed, "the profile \"service\" was asked for").saying(
            "certificates of the profile \"service\" are given to registered services alone; register the service under \
             authority.services, and the node issues and replaces its certificate",
        )),
        _ => Ok(()),
    }
}

/// That a key was not given up as compromised: whoever has such a key is perhaps not who it was given to.
pub(super) async fn check_key(office: &Office<'_>, key: Pin) -> Result<(), No> {
    match authority::is_compromised(office.ledger, key).await? {
        true => Err(compromised().into()),
        false => Ok(()),
    }
}

/// That none of these keys was given up as compromised. A ledger from before such keys were kept by themselves, or one that has
/// lost them, has them with the certificates that share a name with this one.
pub(super) async fn check_keys(
    office: &Office<'_>,
    record: &CertificateRecord,
    keys: &[Pin],
) -> Result<(), No> {
    for key in keys {
        check_key(office, *key).await?;
    }
    for name in record.draft.names() {
        let mut after = None;
        loop {
            let filter = CertificateFilter {
                name: Some(name.to_owned()),
                state: Some(State::Revoked),
                after,
                limit: AT_ONCE,
                ..CertificateFilter::default()
            };
            let page = office.ledger.certificates(filter).await?;
            if page.entries.iter().any(|revoked| is_compromised(revoked, keys)) {
                return Err(compromised().into());
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(())
}

fn compromised() -> Refusal {
    Refusal::new(Code::RequestNotAllowed, "the key was given up as compromised").saying(
        "the key was given up as compromised with another certificate; make a new one and ask for an invitation",
    )
}

fn is_compromised(record: &CertificateRecord, keys: &[Pin]) -> bool {
    let why = record.revoked.map(|revocation| revocation.reason);
    why.is_some_and(RevocationReason::is_compromise) && keys.contains(&record.draft.spki)
}

fn held<'a>(office: &'a Office<'_>) -> impl Iterator<Item = &'a Arc<Authority>> {
    office.issuing.issuers.values().chain(office.issuing.retiring.values())
}

/// The subject of the first of these that is revoked on record.
async fn revoked(office: &Office<'_>, authorities: &[Certificate]) -> Result<Option<String>, Fault> {
    for authority in authorities {
        let record = office.ledger.certificate_by_fingerprint(authority.fingerprint()).await?;
        if record.is_some_and(|record| record.state == State::Revoked) {
            return Ok(Some(authority.identity().subject().to_string()));
        }
    }
    Ok(None)
}

/// Records of one name that are looked at together.
const AT_ONCE: usize = 1000;
