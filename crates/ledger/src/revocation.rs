use identity::{Pin, RevocationReason, Serial};
use time::OffsetDateTime;

use crate::record::CertificateId;

/// What is on record of one revocation: all that a list or a door needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRecord {
    /// SHA-256 of the issuer's public key (SPKI).
    pub issuer: Pin,
    /// The serial.
    pub serial: Serial,
    /// Why.
    pub reason: RevocationReason,
    /// When, to the millisecond.
    pub at: OffsetDateTime,
    /// Last second of the certificate's validity; behind it nobody needs the revocation any more. None where the
    /// certificate itself is not on record, but was [denied](crate::Ledger::deny).
    pub not_after: Option<OffsetDateTime>,
    /// The ledger's revision by this revocation. No two have the same.
    pub revision: u64,
}

impl RevocationRecord {
    /// What names the certificate.
    #[must_use]
    pub fn id(&self) -> CertificateId {
        CertificateId { issuer: self.issuer, serial: self.serial.clone() }
    }
}

/// A certificate that is not on record here, and is refused all the same: another authority's, as a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// SHA-256 of the issuer's public key (SPKI).
    pub issuer: Pin,
    /// The serial.
    pub serial: Serial,
    /// Why.
    pub reason: RevocationReason,
    /// When, to the millisecond.
    pub at: OffsetDateTime,
}

impl Denial {
    /// What names the certificate.
    #[must_use]
    pub fn id(&self) -> CertificateId {
        CertificateId { issuer: self.issuer, serial: self.serial.clone() }
    }
}

/// What [`revoke`](crate::Ledger::revoke) and [`deny`](crate::Ledger::deny) answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The revocation on record.
    pub record: RevocationRecord,
    /// Whether it was on record before; then nothing has changed, and its moment and reason are the first one's.
    pub already: bool,
}
