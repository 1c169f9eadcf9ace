//! Giving a ledger back what it has lost.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger::{AuditEvent, AuditKind, Denial, Ledger, LedgerError};
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// How a revocation came back on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// The certificate is on record, and is revoked again.
    Revoked,
    /// The record does not have the certificate; it is denied.
    Denied,
    /// Somebody else was faster.
    Already,
}

/// Hands back everything, with its first moment and reason, in parts; what was handed back is missing no more, so that a
/// failure costs nothing but time.
pub(super) async fn hand_back(
    ledger: &Arc<dyn Ledger>,
    missing: &mut VecDeque<Denial>,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let (mut revoked, mut denied, mut already) = (0_u64, 0_u64, 0_u64);
    while !missing.is_empty() {
        let part: Vec<Denial> = missing.iter().take(AT_ONCE).cloned().collect();
        let mut events = Vec::with_capacity(part.len());
        for (denial, back) in put_back(ledger, &part).await? {
            match back {
                Back::Revoked => revoked += 1,
                Back::Denied => denied += 1,
                Back::Already => already += 1,
            }
            events.extend((back != Back::Already).then(|| event(denial, back, now)));
        }
        missing.drain(..part.len());
        if let Err(error) = ledger.audit(events.clone()).await {
            tracing::error!(%error, ?events, "the ledger did not take audit events of what was handed back; they follow");
        }
    }
    if revoked + denied + already > 0 {
        tracing::warn!(revoked, denied, already, "what the ledger had lost was handed back to it");
    }
    Ok(())
}

/// All at once, so that they share the ledger's commits.
async fn put_back(ledger: &Arc<dyn Ledger>, part: &[Denial]) -> Result<Vec<(Denial, Back)>, LedgerError> {
    let mut under_way = JoinSet::new();
    for denial in part {
        let (ledger, denial) = (Arc::clone(ledger), denial.clone());
        under_way.spawn(async move { one(ledger.as_ref(), denial).await });
    }
    let mut done = Vec::with_capacity(part.len());
    while let Some(ended) = under_way.join_next().await {
        done.push(ended.map_err(|error| LedgerError::Storage(error.to_string()))??);
    }
    Ok(done)
}

async fn one(ledger: &dyn Ledger, denial: Denial) -> Result<(Denial, Back), LedgerError> {
    let revoked = ledger.revoke(denial.id(), denial.reason, denial.at).await;
    let (back, already) = match revoked {
        Ok(revoked) => (Back::Revoked, revoked.already),
        Err(LedgerError::Unknown(_) | LedgerError::NotIssued { .. }) => {
            (Back::Denied, ledger.deny(denial.clone()).await?.already)
        }
        Err(error) => return Err(error),
    };
    Ok((denial, if already { Back::Already } else { back }))
}

fn event(denial: Denial, back: Back, now: OffsetDateTime) -> AuditEvent {
    let how = match back {
        Back::Revoked | Back::Already => "revoked again",
        Back::Denied => "denied, because the certificate is not on record",
    };
    let cause = format!(
        "{}, since {}: the ledger had lost it; {how} by what a node was told",
        denial.reason, denial.at
    );
    AuditEvent {
        serial: Some(denial.serial),
        issuer: Some(denial.issuer.to_string()),
        cause: Some(cause),
        ..AuditEvent::new(AuditKind::Revoke, now)
    }
}

/// How many are on their way at once.
const AT_ONCE: usize = 256;
