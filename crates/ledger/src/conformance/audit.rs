use identity::{Fingerprint, Serial};
use time::Duration;

use super::sample::NOW;
use crate::audit::{AuditEvent, AuditFilter, AuditKind};
use crate::ledger::Ledger;

/// The n-th event, n seconds after the first.
fn event(n: i64) -> AuditEvent {
    let kind = if n % 2 == 0 { AuditKind::SignIn } else { AuditKind::Refusal };
    AuditEvent {
        principal: (n % 2 == 0).then(|| format!("principal-{n}")),
        refusal: (n % 2 == 1).then(|| format!("rf_{n}")),
        code: (n % 2 == 1).then(|| "unknown-issuer".into()),
        ..AuditEvent::new(kind, NOW + Duration::seconds(n))
    }
}

/// Everything of an event comes back, and each field of the filter narrows the answer.
pub async fn events_are_found_by_every_field_newest_first(ledger: &dyn Ledger) {
    let full = AuditEvent {
        at: NOW + Duration::milliseconds(4001),
        kind: AuditKind::Admin,
        principal: Some("admin".into()),
        method: Some("mtls".into()),
        certificate: Some(Fingerprint::of_der(b"certificate")),
        serial: Some(Serial::from_bytes(&[1, 2, 3])),
        issuer: Some("CN=client".into()),
        name: Some("admin".into()),
        sni: Some("db.example.com".into()),
        listener: Some("main".into()),
        target: Some("/_admin/reload".into()),
        remote: Some(([127, 0, 0, 1], 4711).into()),
        code: Some("no-grant".into()),
        cause: Some("reload\nwith a line break and a \u{0} in it".into()),
        refusal: Some("rf_full".into()),
        handshake: Some("ch_full".into()),
    };
    ledger.audit(vec![event(1), event(2), event(3)]).await.expect("appended");
    ledger.audit(vec![full.clone()]).await.expect("appended");
    ledger.audit(Vec::new()).await.expect("nothing appended");
    let any = AuditFilter::default;
    let asked = [
        (any(), vec![full.clone(), event(3), event(2), event(1)]),
        (AuditFilter { kind: Some(AuditKind::Refusal), ..any() }, vec![event(3), event(1)]),
        (AuditFilter { principal: Some("principal-2".into()), ..any() }, vec![event(2)]),
        (AuditFilter { serial: full.serial.clone(), ..any() }, vec![full.clone()]),
        (AuditFilter { refusal: Some("rf_full".into()), ..any() }, vec![full.clone()]),
        (AuditFilter { handshake: Some("ch_full".into()), ..any() }, vec![full.clone()]),
        (AuditFilter { since: Some(event(3).at), ..any() }, vec![full, event(3)]),
        (AuditFilter { until: Some(event(2).at), ..any() }, vec![event(1)]),
    ];
    for (filter, expected) in asked {
        let page = ledger.audit_events(filter.clone()).await.expect("asked");
        assert_eq!(page.entries, expected, "{filter:?}");
    }
}

/// What was written late stands where it belongs, and a page that begins at an event that is gone begins behind it.
pub async fn events_are_told_in_the_order_of_their_moments(ledger: &dyn Ledger) {
    for n in [5, 2, 4, 3] {
        ledger.audit(vec![event(n)]).await.expect("appended");
    }
    let page = |after| AuditFilter { after, limit: 2, ..AuditFilter::default() };
    let first = ledger.audit_events(page(None)).await.expect("asked");
    assert_eq!(first.entries, [event(5), event(4)]);
    let second = ledger.audit_events(page(first.next)).await.expect("asked");
    assert_eq!(second.entries, [event(3), event(2)]);
    assert_eq!(second.next, None);
}

/// Page after page gives every event once.
pub async fn pages_of_events_meet_without_gap_or_overlap(ledger: &dyn Ledger) {
    ledger.audit((0..10).map(event).collect()).await.expect("appended");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = ledger
            .audit_events(AuditFilter { after, limit: 4, ..AuditFilter::default() })
            .await
            .expect("asked");
        seen.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..10).rev().map(event).collect::<Vec<_>>());
}

/// Retention: what is older than the moment goes, the moment itself stays.
pub async fn pruning_removes_what_is_older_and_nothing_else(ledger: &dyn Ledger) {
    ledger.audit((0..10).map(event).collect()).await.expect("appended");
    assert_eq!(ledger.prune_audit(event(4).at).await, Ok(4));
    assert_eq!(ledger.prune_audit(event(4).at).await, Ok(0));
    let left = ledger.audit_events(AuditFilter::default()).await.expect("asked").entries;
    assert_eq!(left, (4..10).rev().map(event).collect::<Vec<_>>());
}
