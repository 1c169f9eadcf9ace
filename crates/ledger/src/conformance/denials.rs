use identity::RevocationReason::{self, KeyCompromise, RemoveFromCrl, Superseded, Unspecified};
use identity::{Pin, Serial};
use time::Duration;

use super::sample::{NOW, draft, issuer};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::State;
use crate::revocation::{Denial, RevocationRecord};

/// The n-th serial of an authority that is not ours.
fn denial(n: u32, reason: RevocationReason) -> Denial {
    Denial {
        issuer: Pin::of_spki(b"foreign"),
        serial: Serial::from_bytes(&n.to_be_bytes()),
        reason,
        at: NOW + Duration::milliseconds(i64::from(n)),
    }
}

/// Moment and reason come back; the first denial stands, and issuer and serial together say what is denied.
pub async fn a_certificate_is_denied_once(ledger: &dyn Ledger) {
    let Denial { issuer: foreign, serial, reason, at } = denial(1, KeyCompromise);
    let first = ledger.deny(denial(1, KeyCompromise)).await.expect("denied");
    let revision = ledger.revision().await.expect("asked");
    let expected = RevocationRecord { issuer: foreign, serial, reason, at, not_after: None, revision };
    assert_eq!((&first.record, first.already), (&expected, false));
    assert_eq!(first.record.id(), denial(1, KeyCompromise).id());
    let again = Denial { at: NOW + Duration::HOUR, ..denial(1, Superseded) };
    let again = ledger.deny(again).await.expect("answered");
    assert_eq!((&again.record, again.already), (&expected, true));
    assert_eq!(ledger.revision().await, Ok(revision));
    let elsewhere = Denial { issuer: issuer("other").key, ..denial(1, Superseded) };
    assert!(!ledger.deny(elsewhere).await.expect("denied").already);
    assert_eq!(ledger.deny(denial(2, RemoveFromCrl)).await, Err(LedgerError::NoReason(RemoveFromCrl)));
    assert_eq!(ledger.revocations(0, 0).await.expect("asked").len(), 2);
    assert_eq!(ledger.certificate(denial(1, Superseded).id()).await, Ok(None));
}

/// What was issued here, or revoked, is not denied; a draft of which nobody knows whether it was signed may be.
pub async fn what_was_issued_here_is_not_denied(ledger: &dyn Ledger) {
    for n in 1..=3 {
        ledger.record(draft(n)).await.expect("recorded");
    }
    for n in 1..=2 {
        ledger.complete(draft(n).id(), n.to_be_bytes().to_vec(), NOW).await.expect("completed");
    }
    ledger.revoke(draft(2).id(), Unspecified, NOW).await.expect("revoked");
    let ours = |n| Denial { issuer: draft(n).issuer.key, serial: draft(n).serial, ..denial(n, Superseded) };
    for (n, state) in [(1, State::Issued), (2, State::Revoked)] {
        let expected = LedgerError::OnRecord { serial: draft(n).serial, state };
        assert_eq!(ledger.deny(ours(n)).await, Err(expected));
    }
    assert!(!ledger.deny(ours(3)).await.expect("denied").already);
    assert_eq!(ledger.revocations(0, 0).await.expect("asked").len(), 2);
}

/// Revocations and denials are one sequence: whoever reads it in parts misses neither.
pub async fn denials_are_told_among_the_revocations_in_their_order(ledger: &dyn Ledger) {
    for n in 1..=6 {
        ledger.record(draft(n)).await.expect("recorded");
        ledger.complete(draft(n).id(), n.to_be_bytes().to_vec(), NOW).await.expect("completed");
    }
    let mut expected = Vec::new();
    for n in 1..=6 {
        let denied = async || ledger.deny(denial(n, Superseded)).await.expect("denied").record;
        let revoked = ledger.revoke(draft(n).id(), KeyCompromise, NOW);
        if n % 2 == 0 {
            expected.push(denied().await);
            expected.push(revoked.await.expect("revoked").record);
        } else {
            expected.push(revoked.await.expect("revoked").record);
            expected.push(denied().await);
        }
    }
    let (mut seen, mut since) = (Vec::new(), 0);
    loop {
        let page = ledger.revocations(since, 5).await.expect("asked");
        let Some(last) = page.last() else { break };
        since = last.revision;
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

/// A denial is a change that wakes whoever waits for one; a closed ledger takes none.
pub async fn who_waits_for_a_change_hears_of_a_denial(ledger: &dyn Ledger) {
    let before = ledger.revision().await.expect("asked");
    let (heard, denied) = tokio::join!(ledger.changed(before), ledger.deny(denial(1, Superseded)));
    assert_eq!(heard, Ok(denied.expect("denied").record.revision));
    ledger.close().await.expect("closed");
    assert_eq!(ledger.deny(denial(2, Superseded)).await, Err(LedgerError::Closed));
}
