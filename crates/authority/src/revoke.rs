use fault::Fault;
use identity::{Fingerprint, RevocationReason};
use ledger::{AuditEvent, AuditKind, CertificateId, Denial, Ledger, LedgerError, Revoked};
use time::OffsetDateTime;

use crate::compromised;

/// Takes a certificate back: the revocation goes on record, durably, and then into the audit record with `by`, who or
/// what asked for it.
///
/// No key takes part. Whoever follows the ledger refuses the certificate from then on; a list for others is signed
/// with [`Authority::sign_crl`](crate::Authority::sign_crl). A key that is said to be compromised is certified never again.
///
/// # Errors
/// Where the ledger does not hold the certificate as an issued one, or fails. A fault of the audit record says that
/// the certificate is revoked all the same.
pub async fn revoke(
    ledger: &dyn Ledger,
    id: CertificateId,
    reason: RevocationReason,
    by: &str,
    now: OffsetDateTime,
) -> Result<Revoked, Fault> {
    let known = ledger.certificate(id.clone()).await?;
    if let Some(record) = known.as_ref().filter(|record| record.state.was_issued()) {
        // Before the certificate: whoever is told that it is revoked may rely on the rest.
        compromised::give_up(ledger, record.draft.spki, reason).await?;
    }
    let revoked = ledger.revoke(id, reason, now).await?;
    if revoked.already {
        return Ok(revoked);
    }
    let event = AuditEvent {
        serial: Some(revoked.record.serial.clone()),
        issuer: known.as_ref().map(|record| record.draft.issuer.name.clone()),
        certificate: known.and_then(|record| record.der).map(|der| Fingerprint::of_der(&der)),
        cause: Some(format!("{reason}, by {by}")),
        ..AuditEvent::new(AuditKind::Revoke, now)
    };
    match ledger.audit(vec![event]).await {
        Ok(()) => Ok(revoked),
        Err(error) => Err(not_audited("revoked", &error)),
    }
}

/// Denies a certificate that somebody else issued: the denial goes on record, durably, and then into the audit record with
/// `by`, who or what asked for it.
///
/// # Errors
/// Where the ledger holds the certificate as one that was issued here, or fails. A fault of the audit record says that
/// the certificate is denied all the same.
pub async fn deny(ledger: &dyn Ledger, denial: Denial, by: &str) -> Result<Revoked, Fault> {
    let Denial { issuer, reason, at, .. } = denial;
    let denied = ledger.deny(denial).await?;
    if denied.already {
        return Ok(denied);
    }
    let event = AuditEvent {
        serial: Some(denied.record.serial.clone()),
        cause: Some(format!("{reason}, by {by}; denied to the issuer with the public key {issuer}")),
        ..AuditEvent::new(AuditKind::Revoke, at)
    };
    match ledger.audit(vec![event]).await {
        Ok(()) => Ok(denied),
        Err(error) => Err(not_audited("denied", &error)),
    }
}

fn not_audited(done: &str, error: &LedgerError) -> Fault {
    Fault::theirs(format!("the certificate is {done}, and the audit record does not say so"))
        .because(error)
        .remedy("see that the ledger's disk has room")
}
