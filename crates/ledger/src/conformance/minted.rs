use identity::RevocationReason;
use time::Duration;

use super::sample::{NOW, draft};
use crate::ledger::Ledger;
use crate::record::{CertificateFilter, DraftRecord, MINTED, State};

fn minted(n: u32) -> DraftRecord {
    let not_after = NOW + Duration::minutes(i64::from(n));
    DraftRecord { profile: MINTED.into(), not_after, ..draft(n) }
}

/// Minted certificates that are over leave the record, whether or not they were completed; everything else stays, and so does
/// one that was revoked.
pub async fn minted_certificates_leave_when_they_are_over(ledger: &dyn Ledger) {
    ledger.record(DraftRecord { not_after: NOW, ..draft(9) }).await.expect("recorded");
    for n in 1..=4 {
        ledger.record(minted(n)).await.expect("recorded");
    }
    for n in [1, 2, 4] {
        ledger.complete(minted(n).id(), n.to_be_bytes().to_vec(), NOW).await.expect("completed");
    }
    ledger.revoke(minted(2).id(), RevocationReason::Superseded, NOW).await.expect("revoked");
    let before = ledger.revision().await.expect("asked");
    assert_eq!(ledger.prune_minted(NOW + Duration::minutes(1)).await, Ok(0));
    assert_eq!(ledger.prune_minted(NOW + Duration::minutes(4)).await, Ok(2));
    assert_eq!(ledger.revision().await, Ok(before), "no record has changed");
    for (n, state) in [(1, None), (2, Some(State::Revoked)), (3, None), (4, Some(State::Issued))] {
        let found = ledger.certificate(minted(n).id()).await.expect("asked");
        assert_eq!(found.map(|record| record.state), state, "{n}");
    }
    assert!(ledger.certificate(draft(9).id()).await.expect("asked").is_some());
    assert_eq!(ledger.revocations(0, 0).await.expect("asked").len(), 1);
}

/// Who asks for what lasts is not told of certificates of minutes.
pub async fn minted_certificates_are_told_from_those_that_last(ledger: &dyn Ledger) {
    ledger.record(minted(1)).await.expect("recorded");
    ledger.record(draft(2)).await.expect("recorded");
    for (lasting, found) in [(false, 2), (true, 1)] {
        let filter = CertificateFilter { lasting, ..CertificateFilter::default() };
        assert_eq!(ledger.certificates(filter).await.expect("asked").entries.len(), found);
    }
}
