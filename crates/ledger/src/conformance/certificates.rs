use std::sync::Arc;

use identity::{Fingerprint, Serial};
use time::Duration;

use super::sample::{NOW, draft, issuer};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::{CertificateFilter, CertificateId, DraftRecord, State};

/// From draft to certificate: state, bytes and moments are as they were given.
pub async fn a_draft_becomes_a_certificate_with_its_bytes(ledger: &dyn Ledger) {
    let draft = draft(1);
    ledger.record(draft.clone()).await.expect("recorded");
    let der = b"signed".to_vec();
    ledger.complete(draft.id(), der.clone(), NOW + Duration::SECOND).await.expect("completed");
    let record = ledger.certificate(draft.id()).await.expect("asked").expect("on record");
    assert_eq!(record.draft, draft);
    assert_eq!((record.state, record.issued_at), (State::Issued, Some(NOW + Duration::SECOND)));
    let found = ledger.certificate_by_fingerprint(Fingerprint::of_der(&der)).await.expect("asked");
    assert_eq!(found.as_ref(), Some(&record));
    assert_eq!(record.der, Some(der));
}

/// What a crash between record and signature leaves behind.
pub async fn a_draft_that_is_never_signed_stays_a_draft(ledger: &dyn Ledger) {
    ledger.record(draft(1)).await.expect("recorded");
    let record = ledger.certificate(draft(1).id()).await.expect("asked").expect("on record");
    assert_eq!((record.state, record.der, record.issued_at), (State::Drafted, None, None));
}

/// Issued or abandoned, and never both; an abandoned one keeps its reason.
pub async fn a_draft_ends_only_once(ledger: &dyn Ledger) {
    for n in 1..=2 {
        ledger.record(draft(n)).await.expect("recorded");
    }
    let (issued, abandoned) = (draft(1).id(), draft(2).id());
    ledger.complete(issued.clone(), b"a".to_vec(), NOW).await.expect("completed");
    ledger.abandon(abandoned.clone(), "the key failed".into(), NOW).await.expect("abandoned");
    let again = [
        (ledger.complete(issued.clone(), b"b".to_vec(), NOW).await, State::Issued),
        (ledger.abandon(issued.clone(), "late".into(), NOW).await, State::Issued),
        (ledger.complete(abandoned.clone(), b"b".to_vec(), NOW).await, State::Abandoned),
    ];
    for (answer, state) in again {
        assert!(
            matches!(answer, Err(LedgerError::NotDrafted { state: found, .. }) if found == state),
            "{answer:?}"
        );
    }
    let record = ledger.certificate(issued).await.expect("asked").expect("on record");
    assert_eq!(record.der, Some(b"a".to_vec()));
    let record = ledger.certificate(abandoned).await.expect("asked").expect("on record");
    assert!(record.abandoned_because.is_some_and(|why| why.contains("the key failed")));
}

/// The same serial twice is refused, and leaves the first record alone; two issuers may use the same one.
pub async fn a_serial_is_used_once_for_each_issuer(ledger: &dyn Ledger) {
    let first = draft(1);
    let second = DraftRecord { common_name: Some("other".into()), ..first.clone() };
    let elsewhere = DraftRecord { issuer: issuer("server"), ..first.clone() };
    ledger.record(first.clone()).await.expect("recorded");
    assert_eq!(ledger.record(second).await, Err(LedgerError::Duplicate(first.serial.clone())));
    ledger.record(elsewhere).await.expect("another issuer's serial");
    let record = ledger.certificate(first.id()).await.expect("asked").expect("on record");
    assert_eq!(record.draft, first);
}

/// A serial that was never drafted is neither found nor completed.
pub async fn what_is_not_on_record_is_not_found(ledger: &dyn Ledger) {
    let id = CertificateId { issuer: issuer("client").key, serial: Serial::from_bytes(&[9]) };
    assert_eq!(ledger.certificate(id.clone()).await, Ok(None));
    assert_eq!(ledger.certificate_by_fingerprint(Fingerprint::of_der(b"?")).await, Ok(None));
    let unknown = Err(LedgerError::Unknown(id.serial.clone()));
    assert_eq!(ledger.complete(id.clone(), vec![1], NOW).await, unknown);
    assert_eq!(ledger.abandon(id, "why".into(), NOW).await, unknown);
}

/// Each field of the filter narrows the answer; names match whole, with `*` and `?`, in any case.
pub async fn certificates_are_found_by_every_field(ledger: &dyn Ledger) {
    for n in 1..=3 {
        ledger.record(draft(n)).await.expect("recorded");
    }
    let server = DraftRecord { issuer: issuer("server"), profile: "server".into(), ..draft(4) };
    ledger.record(server).await.expect("recorded");
    ledger.complete(draft(2).id(), vec![2], NOW).await.expect("completed");
    let any = CertificateFilter::default;
    let named = |name: &str| CertificateFilter { name: Some(name.into()), ..any() };
    let asked = [
        (any(), vec![4, 3, 2, 1]),
        (named("analyst-2"), vec![2]),
        (named("ANALYST-2"), vec![2]),
        (named("analyst"), vec![]),
        (named("analyst-*"), vec![4, 3, 2, 1]),
        (named("host-?.example.com"), vec![4, 3, 2, 1]),
        (named("host-3.*"), vec![3]),
        (named("spiffe://example.com/100%_real"), vec![4, 3, 2, 1]),
        (named("spiffe://example.com/100%"), vec![]),
        (named("::1"), vec![4, 3, 2, 1]),
        (CertificateFilter { serial: Some(draft(3).serial), ..any() }, vec![3]),
        (CertificateFilter { issuer: Some(issuer("server").key), ..any() }, vec![4]),
        (CertificateFilter { issuer_name: Some("CN=server".into()), ..any() }, vec![4]),
        (CertificateFilter { issuer_name: Some("CN=cl*".into()), ..any() }, vec![3, 2, 1]),
        (CertificateFilter { authorities: true, ..any() }, vec![]),
        (CertificateFilter { profile: Some("client".into()), ..any() }, vec![3, 2, 1]),
        (CertificateFilter { state: Some(State::Issued), ..any() }, vec![2]),
        (CertificateFilter { expires_before: Some(draft(3).not_after), ..any() }, vec![2, 1]),
        (CertificateFilter { expires_after: Some(draft(3).not_after), ..any() }, vec![4, 3]),
        (
            CertificateFilter {
                expires_after: Some(draft(2).not_after),
                expires_before: Some(draft(4).not_after),
                profile: Some("client".into()),
                ..any()
            },
            vec![3, 2],
        ),
        (
            CertificateFilter { state: Some(State::Drafted), profile: Some("client".into()), ..any() },
            vec![3, 1],
        ),
    ];
    for (filter, expected) in asked {
        let page = ledger.certificates(filter.clone()).await.expect("asked");
        let found: Vec<Serial> = page.entries.into_iter().map(|record| record.draft.serial).collect();
        let expected: Vec<Serial> = expected.into_iter().map(|n| draft(n).serial).collect();
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(page.next, None, "{filter:?}");
    }
    for (n, profile) in [(5, "root"), (6, "service-issuer"), (7, "service")] {
        ledger.record(DraftRecord { profile: profile.into(), ..draft(n) }).await.expect("recorded");
    }
    let page = ledger.certificates(CertificateFilter { authorities: true, ..any() }).await.expect("asked");
    let found: Vec<String> = page.entries.into_iter().map(|record| record.draft.profile).collect();
    assert_eq!(found, ["service-issuer", "root"]);
}

/// Page after page gives every certificate once, also where new ones arrive in between.
pub async fn pages_of_certificates_meet_without_gap_or_overlap(ledger: &dyn Ledger) {
    for n in 1..=7 {
        ledger.record(draft(n)).await.expect("recorded");
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let filter = CertificateFilter { after, limit: 3, ..CertificateFilter::default() };
        let page = ledger.certificates(filter).await.expect("asked");
        seen.extend(page.entries.into_iter().map(|record| record.draft.serial));
        ledger.record(draft(100 + u32::try_from(seen.len()).unwrap_or(0))).await.expect("recorded");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<Serial> = (1..=7).rev().map(|n| draft(n).serial).collect();
    assert_eq!(seen, expected);
}

/// Record, complete and abandon each raise the revision; audit events and refused changes do not.
pub async fn every_change_raises_the_revision(ledger: &dyn Ledger) {
    let mut before = ledger.revision().await.expect("asked");
    for n in 1..=2 {
        ledger.record(draft(n)).await.expect("recorded");
        let now = ledger.revision().await.expect("asked");
        assert!(now > before);
        before = now;
    }
    ledger.complete(draft(1).id(), vec![1], NOW).await.expect("completed");
    let completed = ledger.revision().await.expect("asked");
    ledger.abandon(draft(2).id(), "why".into(), NOW).await.expect("abandoned");
    let abandoned = ledger.revision().await.expect("asked");
    assert!(before < completed && completed < abandoned);
    let record = ledger.certificate(draft(2).id()).await.expect("asked").expect("on record");
    assert_eq!(record.revision, abandoned);
    assert!(ledger.record(draft(1)).await.is_err());
    assert_eq!(ledger.revision().await.expect("asked"), abandoned);
}

/// 64 callers at once: each gets its own answer, and a refused one does not take others with it.
pub async fn many_callers_at_once_all_get_through<L: Ledger + 'static>(ledger: Arc<L>) {
    let callers: Vec<_> = (0..64)
        .map(|n| {
            let ledger = Arc::clone(&ledger);
            // Every fourth one uses a serial that another uses too.
            let draft = draft(if n % 4 == 3 { n - 1 } else { n });
            tokio::spawn(async move { ledger.record(draft).await })
        })
        .collect();
    let mut refused = 0;
    for caller in callers {
        match caller.await.expect("no panic") {
            Ok(()) => {}
            Err(error) => {
                assert!(matches!(error, LedgerError::Duplicate(_)), "{error:?}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 16);
    let filter = CertificateFilter { limit: 100, ..CertificateFilter::default() };
    assert_eq!(ledger.certificates(filter).await.expect("asked").entries.len(), 48);
}

/// After `close` every verb answers so, and closing again is no error.
pub async fn a_closed_ledger_says_so(ledger: &dyn Ledger) {
    ledger.record(draft(1)).await.expect("recorded");
    ledger.close().await.expect("closed");
    assert_eq!(ledger.record(draft(2)).await, Err(LedgerError::Closed));
    assert_eq!(ledger.certificate(draft(1).id()).await, Err(LedgerError::Closed));
    assert_eq!(ledger.revision().await, Err(LedgerError::Closed));
    ledger.close().await.expect("closed again");
}
