use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use identity::RevocationReason::{self, KeyCompromise, RemoveFromCrl, Superseded, Unspecified};
use time::Duration;

use super::sample::{NOW, draft, issuer};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::{CertificateFilter, CertificateId, DraftRecord, Revocation, State};
use crate::revocation::RevocationRecord;

/// Drafts and issues the n-th certificate.
async fn issued(ledger: &dyn Ledger, n: u32) -> CertificateId {
    issue(ledger, draft(n)).await
}

async fn issue(ledger: &dyn Ledger, draft: DraftRecord) -> CertificateId {
    let id = draft.id();
    let der = format!("{} of {}", id.serial, draft.issuer.name).into_bytes();
    ledger.record(draft).await.expect("recorded");
    ledger.complete(id.clone(), der, NOW).await.expect("completed");
    id
}

/// Moment and reason come back, from the answer, the record and the list; the bytes stay.
pub async fn a_certificate_is_revoked_with_its_moment_and_reason(ledger: &dyn Ledger) {
    let id = issued(ledger, 1).await;
    let at = NOW + Duration::milliseconds(1234);
    let revoked = ledger.revoke(id.clone(), KeyCompromise, at).await.expect("revoked");
    let expected = RevocationRecord {
        issuer: id.issuer,
        serial: id.serial.clone(),
        reason: KeyCompromise,
        at,
        not_after: Some(draft(1).not_after),
        revision: ledger.revision().await.expect("asked"),
    };
    assert_eq!((&revoked.record, revoked.already), (&expected, false));
    assert_eq!(revoked.record.id(), id);
    let record = ledger.certificate(id).await.expect("asked").expect("on record");
    assert_eq!(record.state, State::Revoked);
    assert_eq!(record.revoked, Some(Revocation { at, reason: KeyCompromise }));
    assert_eq!((record.revision, record.draft), (expected.revision, draft(1)));
    assert!(record.der.is_some());
    assert_eq!(ledger.revocations(0, 0).await, Ok(vec![expected]));
    let filter = CertificateFilter { state: Some(State::Revoked), ..CertificateFilter::default() };
    assert_eq!(ledger.certificates(filter).await.expect("asked").entries.len(), 1);
    let filter = CertificateFilter { state: Some(State::Issued), ..CertificateFilter::default() };
    assert_eq!(ledger.certificates(filter).await.expect("asked").entries.len(), 0);
}

/// Every reason but the one that only delta lists give.
pub async fn every_reason_is_kept_and_remove_from_crl_is_none(ledger: &dyn Ledger) {
    for reason in RevocationReason::ALL {
        let id = issued(ledger, reason.number().into()).await;
        let answer = ledger.revoke(id.clone(), reason, NOW).await;
        if reason == RemoveFromCrl {
            assert_eq!(answer, Err(LedgerError::NoReason(RemoveFromCrl)));
            assert_eq!(
                ledger.certificate(id).await.expect("asked").map(|record| record.state),
                Some(State::Issued)
            );
        } else {
            assert_eq!(answer.expect("revoked").record.reason, reason);
        }
    }
    let kept = ledger.revocations(0, 0).await.expect("asked");
    assert_eq!(kept.len(), RevocationReason::ALL.len() - 1);
}

/// The first revocation stands: what comes later changes neither moment, reason nor revision.
pub async fn a_certificate_is_revoked_once(ledger: &dyn Ledger) {
    let id = issued(ledger, 1).await;
    let first = ledger.revoke(id.clone(), Superseded, NOW).await.expect("revoked");
    let again = ledger.revoke(id.clone(), KeyCompromise, NOW + Duration::HOUR).await.expect("answered");
    assert_eq!((again.record, again.already), (first.record.clone(), true));
    assert_eq!(ledger.revision().await, Ok(first.record.revision));
    // It does not become an issued one or a draft by any other way either.
    let answers = [
        ledger.complete(id.clone(), b"other".to_vec(), NOW).await,
        ledger.abandon(id, "late".into(), NOW).await,
    ];
    for answer in answers {
        assert!(matches!(answer, Err(LedgerError::NotDrafted { state: State::Revoked, .. })), "{answer:?}");
    }
    assert_eq!(ledger.revocations(0, 0).await, Ok(vec![first.record]));
}

/// A serial that was never drafted, a draft, an abandoned one: each says what it is. The issuer counts.
pub async fn only_what_was_issued_can_be_revoked(ledger: &dyn Ledger) {
    for n in 1..=2 {
        ledger.record(draft(n)).await.expect("recorded");
    }
    ledger.abandon(draft(2).id(), "the key failed".into(), NOW).await.expect("abandoned");
    let issued = issued(ledger, 3).await;
    let elsewhere = CertificateId { issuer: issuer("server").key, serial: issued.serial.clone() };
    let before = ledger.revision().await;
    let not_issued = |n: u32, state| LedgerError::NotIssued { serial: draft(n).serial, state };
    let asked = [
        (draft(1).id(), not_issued(1, State::Drafted)),
        (draft(2).id(), not_issued(2, State::Abandoned)),
        (draft(9).id(), LedgerError::Unknown(draft(9).serial)),
        (elsewhere, LedgerError::Unknown(issued.serial)),
    ];
    for (id, expected) in asked {
        assert_eq!(ledger.revoke(id, Unspecified, NOW).await, Err(expected));
    }
    assert_eq!(ledger.revision().await, before);
    assert_eq!(ledger.revocations(0, 0).await, Ok(Vec::new()));
}

/// Of all issuers, oldest first, without gap or overlap, whatever happens in between; the revision is where to go on.
pub async fn revocations_are_told_in_the_order_in_which_they_were_recorded(ledger: &dyn Ledger) {
    let mut expected = Vec::new();
    // Not in the order of issue, and from two issuers.
    for n in 1..=9 {
        let issuer = issuer(if n % 2 == 0 { "server" } else { "client" });
        issue(ledger, DraftRecord { issuer, ..draft(n) }).await;
    }
    for n in [5, 2, 9, 1, 8, 3, 7] {
        let id = CertificateId {
            issuer: issuer(if n % 2 == 0 { "server" } else { "client" }).key,
            serial: draft(n).serial,
        };
        let revoked = ledger.revoke(id, Superseded, NOW).await.expect("revoked").record;
        expected.push(revoked);
    }
    let (mut seen, mut since) = (Vec::new(), 0);
    loop {
        let page = ledger.revocations(since, 3).await.expect("asked");
        let full = page.len() == 3;
        since = page.last().map_or(since, |record| record.revision);
        seen.extend(page);
        if !full {
            break;
        }
        ledger.record(draft(100 + u32::try_from(seen.len()).unwrap_or(0))).await.expect("recorded");
    }
    assert_eq!(seen, expected);
    assert_eq!(ledger.revocations(since, 3).await, Ok(Vec::new()));
    assert_eq!(ledger.revocations(u64::MAX, 3).await, Ok(Vec::new()));
}

/// 1, 2, 3 for each issuer by itself; many who ask at once get different ones.
pub async fn list_numbers_grow_for_each_issuer_and_none_is_given_twice<L: Ledger + 'static>(ledger: Arc<L>) {
    let (client, server) = (issuer("client").key, issuer("server").key);
    for n in 1..=3 {
        assert_eq!(ledger.next_crl_number(client).await, Ok(n));
    }
    assert_eq!(ledger.next_crl_number(server).await, Ok(1));
    let callers: Vec<_> = (0..32)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move { ledger.next_crl_number(client).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for caller in callers {
        numbers.push(caller.await.expect("no panic").expect("answered"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (4..36).collect::<Vec<u64>>());
}

/// A number that was published elsewhere is taken in; a smaller one changes nothing.
pub async fn list_numbers_are_raised_and_never_lowered(ledger: &dyn Ledger) {
    let (client, server) = (issuer("client").key, issuer("server").key);
    assert_eq!(ledger.crl_numbers().await, Ok(Vec::new()));
    assert_eq!(ledger.raise_crl_number(client, 40).await, Ok(40));
    assert_eq!(ledger.next_crl_number(client).await, Ok(41));
    assert_eq!(ledger.raise_crl_number(client, 7).await, Ok(41));
    assert_eq!(ledger.next_crl_number(client).await, Ok(42));
    assert_eq!(ledger.next_crl_number(server).await, Ok(1));
    let mut numbers = ledger.crl_numbers().await.expect("asked");
    numbers.sort_by_key(|(_, number)| *number);
    assert_eq!(numbers, [(server, 1), (client, 42)]);
}

/// The id is drawn once.
pub async fn a_ledger_keeps_its_id_and_no_other_has_it(ledger: &dyn Ledger, other: &dyn Ledger) {
    let id = ledger.id().await.expect("asked");
    issued(ledger, 1).await;
    assert_eq!(ledger.id().await, Ok(id));
    assert_ne!(other.id().await, Ok(id));
    assert_eq!(id.to_string().parse(), Ok(id));
}

/// What is past already is answered at once; what is not is answered when it happens, and audit events are nothing.
pub async fn who_waits_for_a_change_hears_of_it(ledger: &dyn Ledger) {
    let id = issued(ledger, 1).await;
    let before = ledger.revision().await.expect("asked");
    assert_eq!(ledger.changed(before - 1).await, Ok(before));
    let mut waiting = ledger.changed(before);
    let early = poll_fn(|task| Poll::Ready(waiting.as_mut().poll(task).is_ready())).await;
    assert!(!early, "nothing has changed yet");
    let (heard, revoked) = tokio::join!(waiting, ledger.revoke(id, Unspecified, NOW));
    assert_eq!(heard, Ok(revoked.expect("revoked").record.revision));
}

/// Nobody waits for ever on a ledger that will say nothing more.
pub async fn who_waits_hears_that_the_ledger_was_closed(ledger: &dyn Ledger) {
    let waiting = ledger.changed(u64::MAX);
    let (heard, closed) = tokio::join!(waiting, ledger.close());
    assert_eq!((heard, closed), (Err(LedgerError::Closed), Ok(())));
    assert_eq!(ledger.changed(0).await, Err(LedgerError::Closed));
    assert_eq!(ledger.revoke(draft(1).id(), Unspecified, NOW).await, Err(LedgerError::Closed));
    assert_eq!(ledger.revocations(0, 0).await, Err(LedgerError::Closed));
    assert_eq!(ledger.next_crl_number(issuer("client").key).await, Err(LedgerError::Closed));
}
