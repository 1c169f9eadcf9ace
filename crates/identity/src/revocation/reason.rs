use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationReason {
    /// No reason was given.
    #[default]
    Unspecified,
    /// The holder's private key is known or suspected to be in other hands.
    KeyCompromise,
    /// The authority's private key is.
    CaCompromise,
    /// The holder's name or standing changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// It is on hold, and may come back.
    CertificateHold,
    /// A delta list takes it off hold; never a reason to revoke.
    RemoveFromCrl,
    /// A privilege that it states was withdrawn.
    PrivilegeWithdrawn,
    /// The attribute authority's private key is in other hands.
    AaCompromise,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// RFC 5280's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Whether it says that the certificate's key is, or may be, in other hands.
    #[must_use]
    pub const fn is_compromise(self) -> bool {
        matches!(self, Self::KeyCompromise | Self::CaCompromise | Self::AaCompromise)
    }

    /// The reason with this number; nothing for one that was never given.
    #[must_use]
    pub fn of_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| u64::from(reason.number()) == number)
    }

    /// Its number in a certificate revocation list; 7 was never given.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RevocationReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A word that is no reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownReason(String);

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = RevocationReason::ALL.map(RevocationReason::as_str);
        write!(f, "unknown reason {:?} (want {})", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownReason {}

/// RFC 5280's names, in any case and with or without dashes and underscores: `key_compromise`, `key-compromise`.
impl FromStr for RevocationReason {
    type Err = UnknownReason;

    fn from_str(word: &str) -> Result<Self, UnknownReason> {
        let plain = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
        let wanted = plain(word);
        Self::ALL
            .into_iter()
            .find(|reason| plain(reason.as_str()) == wanted)
            .ok_or_else(|| UnknownReason(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::RevocationReason;

    #[test]
    fn every_reason_is_read_back_by_name_and_number_in_every_spelling() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(RevocationReason::from_number(reason.number()), Some(reason));
        }
        for word in ["key_compromise", "key-compromise", "KEYCOMPROMISE"] {
            assert_eq!(word.parse(), Ok(RevocationReason::KeyCompromise), "{word}");
        }
        assert_eq!(RevocationReason::from_number(7), None);
    }

    #[test]
    fn an_unknown_reason_is_named_with_the_known_ones() {
        let said = "lost".parse::<RevocationReason>().unwrap_err().to_string();
        assert!(said.starts_with("unknown reason \"lost\" (want unspecified, keyCompromise, "), "{said}");
    }
}
