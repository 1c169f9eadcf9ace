//! What a client presents: the rows of the table.

use std::fmt;

use fault::Code;
use serde::{Serialize, Serializer};

/// What a client presents.
///
/// All but the last few are the certificate of somebody who would be let in, with one flaw: a check that is missing
/// shows as an open door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Case {
    /// Nothing.
    NoCertificate,
    /// Signed by an authority that the listener does not trust now; after the swap, by the one that it trusted before.
    OtherAuthority,
    /// Its last day is over.
    Expired,
    /// Its first day has not come.
    NotYetValid,
    /// Revoked, as the source says; after a reload, one that was good until then.
    Revoked(Source),
    /// Extended key usage is serverAuth alone.
    ServerOnly,
    /// Good, and belongs to no principal.
    Unmapped,
    /// Good, and belongs to two principals.
    Ambiguous,
    /// X.509 version 1, as `openssl x509 -req` makes it without extensions.
    Version1,
    /// An RSA key of 1024 bits.
    WeakKey,
    /// Signed with SHA-1.
    WeakSignature,
    /// Carries a name that its issuer may not vouch for.
    NameConstraint,
    /// Nothing wrong with it.
    Valid,
}

/// Who says that a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The configuration's list of serials.
    DenyList,
    /// A revocation list in a file.
    List,
    /// A revocation list that the certificate says where to fetch.
    Fetched,
    /// The node's own ledger.
    Ledger,
}

impl Case {
    /// Every case, where these sources of revocation can be asked.
    #[must_use]
    pub fn all(sources: &[Source]) -> Vec<Self> {
        let before = [Self::NoCertificate, Self::OtherAuthority, Self::Expired, Self::NotYetValid];
        let after = [
            Self::ServerOnly,
            Self::Unmapped,
            Self::Ambiguous,
            Self::Version1,
            Self::WeakKey,
            Self::WeakSignature,
            Self::NameConstraint,
            Self::Valid,
        ];
        before.into_iter().chain(sources.iter().copied().map(Self::Revoked)).chain(after).collect()
    }

    /// The code of the flaw that ends every handshake, where there is such a flaw.
    pub(crate) fn flaw(self) -> Option<Code> {
        match self {
            Self::OtherAuthority => Some(Code::UnknownIssuer),
            Self::Expired => Some(Code::CertificateExpired),
            Self::NotYetValid => Some(Code::CertificateNotYetValid),
            Self::Revoked(_) => Some(Code::CertificateRevoked),
            Self::ServerOnly => Some(Code::WrongPurpose),
            Self::WeakKey | Self::WeakSignature => Some(Code::WeakCertificate),
            Self::NameConstraint => Some(Code::NameNotAllowed),
            Self::NoCertificate | Self::Unmapped | Self::Ambiguous | Self::Version1 | Self::Valid => None,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "no certificate",
            Self::OtherAuthority => "of another authority",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::Revoked(Source::DenyList) => "revoked by serial number",
            Self::Revoked(Source::List) => "revoked by a list (CRL)",
            Self::Revoked(Source::Fetched) => "revoked by a list that is fetched",
            Self::Revoked(Source::Ledger) => "revoked by our own authority",
            Self::ServerOnly => "for servers only",
            Self::Unmapped => "of no principal",
            Self::Ambiguous => "of two principals",
            Self::Version1 => "X.509 version 1",
            Self::WeakKey => "weak key (RSA 1024)",
            Self::WeakSignature => "weak signature (SHA-1)",
            Self::NameConstraint => "name constraint broken",
            Self::Valid => "valid",
        })
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
