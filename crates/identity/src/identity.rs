use time::OffsetDateTime;

use crate::{CommonName, DistinguishedName, Pin, San, Serial};

/// What a certificate says about its holder; whether that is true is for [`crate::verify()`] to establish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) subject: DistinguishedName,
    pub(crate) common_name: CommonName,
    pub(crate) sans: Vec<San>,
    pub(crate) serial: Serial,
    pub(crate) issuer: DistinguishedName,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    pub(crate) spki_sha256: Pin,
}

impl Identity {
    /// The subject's distinguished name.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The subject's one common name, or why there is none to go by.
    #[must_use]
    pub fn common_name(&self) -> &CommonName {
        &self.common_name
    }

    /// The subject's organizations (`O`), in certificate order.
    #[must_use]
    pub fn organizations(&self) -> Vec<String> {
        self.subject.values("O")
    }

    /// The subject's organizational units (`OU`), in certificate order.
    #[must_use]
    pub fn organizational_units(&self) -> Vec<String> {
        self.subject.values("OU")
    }

    /// The subject alternative names, in certificate order.
    #[must_use]
    pub fn sans(&self) -> &[San] {
        &self.sans
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// The issuer's distinguished name.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The first moment of validity (UTC).
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// The last moment of validity (UTC).
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// SHA-256 of the public key, as `spki_sha256` in a configuration names it.
    #[must_use]
    pub fn spki_sha256(&self) -> Pin {
        self.spki_sha256
    }
}
