//! What an administrator takes back while the node runs: a certificate on record here, or another authority's.

use std::sync::Arc;

use fault::Fault;
use gateway::{Authority, NotRevoked, Revoke};
use identity::{Pin, Serial};
use ledger::{CertificateFilter, CertificateId, Denial, Ledger};
use registrar::Successors;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Revokes what is on record as issued, and denies what is not. It is durable when this answers, and
/// [`following`](crate::following) hears of it at once.
pub(crate) async fn revoke(
    ledger: Option<Arc<dyn Ledger>>,
    asked: Revoke,
    now: OffsetDateTime,
) -> Result<Value, NotRevoked> {
    let ledger = ledger.ok_or_else(no_ledger)?;
    let ledger = ledger.as_ref();
    let Revoke { by, serial, issuer, reason, with_successors, trusted } = asked;
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => the_issuer(ledger, &serial, trusted.clone()).await?,
    };
    if !trusted.iter().any(|authority| authority.key == issuer) {
        tracing::warn!(%issuer, %serial, "no authority in client_ca has the public key whose certificate is revoked");
    }
    let id = CertificateId { issuer, serial };
    let record = ledger.certificate(id.clone()).await.map_err(failed)?;
    let ours = record.is_some_and(|record| record.state.was_issued());
    let said_by = format!("principal {by:?}");
    let revoked = if ours {
        authority::revoke(ledger, id.clone(), reason, &said_by, now).await
    } else {
        let denial = Denial { issuer, serial: id.serial.clone(), reason, at: now };
        authority::deny(ledger, denial, &said_by).await
    };
    let (revoked, already) = revoked.map(|revoked| (revoked.record, revoked.already)).map_err(failed)?;
    let recorded = if ours { "certificate" } else { "denial" };
    tracing::info!(by, serial = %revoked.serial, %issuer, reason = %revoked.reason, already, recorded, "certificate revoked");
    let successors = Successors::of(ledger, &id, with_successors, (reason, &said_by), now).await;
    let successors = successors.map_err(failed)?;
    let mut report = json!({
        "serial": revoked.serial,
        "issuer_spki_sha256": issuer.to_string(),
        "reason": revoked.reason,
        "revoked_at": revoked.at.format(&Rfc3339).unwrap_or_default(),
        "already": already,
        "recorded": recorded,
    });
    if let Some(fields) = report.as_object_mut() {
        fields.extend(successors.fields().map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(report)
}

/// Whose certificate is meant: of the one issuer that has the serial on record here, or else of the one that is trusted.
async fn the_issuer(
    ledger: &dyn Ledger,
    serial: &Serial,
    trusted: Vec<Authority>,
) -> Result<Pin, NotRevoked> {
    let filter = CertificateFilter { serial: Some(serial.clone()), ..CertificateFilter::default() };
    let found = ledger.certificates(filter).await.map_err(failed)?.entries;
    let on_record: Vec<Authority> = found
        .into_iter()
        .filter(|record| record.state.was_issued())
        .map(|record| Authority { subject: record.draft.issuer.name, key: record.draft.issuer.key })
        .collect();
    let candidates = if on_record.is_empty() { trusted } else { on_record };
    match candidates.as_slice() {
        [one] => Ok(one.key),
        [] => Err(NotRevoked::Unclear(
            "issuer_spki_sha256 is missing, and no authority is trusted with client certificates".to_owned(),
        )),
        several => {
            let named: Vec<String> = several
                .iter()
                .map(|authority| format!("{} ({})", authority.key, authority.subject))
                .collect();
            Err(NotRevoked::Unclear(format!(
                "issuer_spki_sha256 is missing, and the serial {serial} may be of: {}",
                named.join(", ")
            )))
        }
    }
}

fn no_ledger() -> NotRevoked {
    NotRevoked::NoLedger(
        "this node has no ledger to keep a revocation in; add one: ledger: { url: \"sqlite:///PATH/ledger.db\" }, \
         or add the serial to tls.<profile>.revocation.revoked_serials and reload"
            .to_owned(),
    )
}

fn failed(error: impl Into<Fault>) -> NotRevoked {
    let fault = error.into();
    tracing::error!(%fault, "a certificate was not revoked as asked");
    NotRevoked::Failed(told(&fault))
}

/// What an administrator hears of a fault: what failed and what to do; the cause is in the log.
pub(crate) fn told(fault: &Fault) -> String {
    match fault.remedy_text() {
        Some(remedy) => format!("{}; {remedy}", fault.what()),
        None => fault.what().to_owned(),
    }
}
