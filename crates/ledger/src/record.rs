use std::fmt;

use identity::{Pin, RevocationReason, Serial};
use time::OffsetDateTime;

use crate::page::Cursor;

/// Who issues: the name in the certificate, and the key behind the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerName {
    /// The issuer's distinguished name, as text.
    pub name: String,
    /// SHA-256 of the issuer's public key (SPKI). Two issuers of one name are told apart by it.
    pub key: Pin,
}

/// What names one certificate for ever: the issuer's key and the serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateId {
    /// SHA-256 of the issuer's public key (SPKI).
    pub issuer: Pin,
    /// The serial.
    pub serial: Serial,
}

/// The profile of certificates of minutes that nobody asked for by name: the node makes them for principals that it has let in,
/// many a day for each, and their records go some time after their end.
pub const MINTED: &str = "minted";

/// A draft as it goes on record: everything about the certificate except its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRecord {
    /// The serial, drawn already.
    pub serial: Serial,
    /// Who will sign.
    pub issuer: IssuerName,
    /// The profile that allowed it.
    pub profile: String,
    /// The subject's distinguished name, as text.
    pub subject: String,
    /// The subject's common name, where there is one.
    pub common_name: Option<String>,
    /// The subject alternative names, each with its kind in front: `DNS:localhost`, `URI:spiffe://…`.
    pub sans: Vec<String>,
    /// SHA-256 of the certified public key (SPKI).
    pub spki: Pin,
    /// First second of validity.
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    pub not_after: OffsetDateTime,
    /// When it was drafted.
    pub drafted_at: OffsetDateTime,
}

impl DraftRecord {
    /// What names it.
    #[must_use]
    pub fn id(&self) -> CertificateId {
        CertificateId { issuer: self.issuer.key, serial: self.serial.clone() }
    }

    /// Every name that a search may know it by: the common name and the alternative names without their kind.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let sans = self.sans.iter().map(|san| san.split_once(':').map_or(san.as_str(), |(_, name)| name));
        self.common_name.as_deref().into_iter().chain(sans)
    }
}

/// How far a certificate has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// On record and not known to be signed. After a crash this is all that is left of an unfinished issue.
    Drafted,
    /// Signed; the record holds the DER.
    Issued,
    /// Given up before it was signed.
    Abandoned,
    /// Issued and taken back.
    Revoked,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Drafted, Self::Issued, Self::Abandoned, Self::Revoked];

    /// The word for it, in the ledger and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Issued => "issued",
            Self::Abandoned => "abandoned",
            Self::Revoked => "revoked",
        }
    }

    /// Whether there is a certificate, good or taken back.
    #[must_use]
    pub const fn was_issued(self) -> bool {
        matches!(self, Self::Issued | Self::Revoked)
    }

    /// The state that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is on record of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// What was drafted.
    pub draft: DraftRecord,
    /// How far it has come.
    pub state: State,
    /// The certificate (DER), once issued.
    pub der: Option<Vec<u8>>,
    /// When it was signed.
    pub issued_at: Option<OffsetDateTime>,
    /// Why it was abandoned.
    pub abandoned_because: Option<String>,
    /// When and why it was revoked.
    pub revoked: Option<Revocation>,
    /// The ledger's revision when this record last changed.
    pub revision: u64,
}

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When, to the millisecond.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

/// Which certificates to list; a field that is absent lets everything through.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// A common name or alternative name; `*` and `?` stand for any characters and any one character.
    pub name: Option<String>,
    /// The serial.
    pub serial: Option<Serial>,
    /// The issuer's key.
    pub issuer: Option<Pin>,
    /// The issuer's distinguished name, as text; `*` and `?` as for `name`.
    pub issuer_name: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// Not those that are [minted](MINTED).
    pub lasting: bool,
    /// Only certificates of authorities: of roots, and of issuers of every kind.
    pub authorities: bool,
    /// Only those whose last second is before this moment.
    pub expires_before: Option<OffsetDateTime>,
    /// Only those whose last second is this moment or later.
    pub expires_after: Option<OffsetDateTime>,
    /// The state.
    pub state: Option<State>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// At most this many in one page; 0 means [`Page::DEFAULT_LIMIT`](crate::Page::DEFAULT_LIMIT).
    pub limit: usize,
}
