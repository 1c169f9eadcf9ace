use identity::{Pin, Serial};
use time::{Duration, OffsetDateTime};

use crate::record::{DraftRecord, IssuerName};

/// The moment of the suite.
pub(super) const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);

/// The n-th draft: a serial of its own, a name of its own, one day longer than the one before.
pub(super) fn draft(n: u32) -> DraftRecord {
    DraftRecord {
        serial: Serial::from_bytes(&n.to_be_bytes()),
        issuer: issuer("client"),
        profile: "client".into(),
        subject: format!("CN=analyst-{n},O=test"),
        common_name: Some(format!("analyst-{n}")),
        sans: vec![
            format!("DNS:host-{n}.example.com"),
            "URI:spiffe://example.com/100%_real".into(),
            "IP:::1".into(),
        ],
        spki: Pin::of_spki(&n.to_be_bytes()),
        not_before: NOW,
        not_after: NOW + Duration::days(90 + i64::from(n)),
        drafted_at: NOW + Duration::milliseconds(i64::from(n)),
    }
}

/// An issuer of this name, with a key of its own.
pub(super) fn issuer(name: &str) -> IssuerName {
    IssuerName { name: format!("CN={name}"), key: Pin::of_spki(name.as_bytes()) }
}
