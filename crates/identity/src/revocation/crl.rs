//! Certificate revocation lists (RFC 5280 §5).

mod number;
mod proof;
mod read;
mod scope;
#[cfg(test)]
mod tests;

use std::fmt;

use time::OffsetDateTime;

pub use self::number::CrlNumber;
pub use self::proof::NotItsList;
use self::proof::Proof;
pub use self::scope::Scope;
use super::RevocationReason;
use super::entries::{Entry, Index, Key};
use crate::pem::{Found, blocks};
use crate::{Certificate, DistinguishedName, Pin, Serial};

/// A parsed certificate revocation list.
///
/// What it lists is kept in rows of 29 bytes and found by serial number in a fraction of a microsecond; its DER is
/// kept only until [`verify_issuer`](Self::verify_issuer) has found the key that signed it. Before that it says nothing.
pub struct Crl {
    issuer: DistinguishedName,
    authority_key_id: Option<Box<[u8]>>,
    number: Option<CrlNumber>,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    scope: Scope,
    entries: Index,
    proof: Proof,
}

/// A certificate on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

impl Crl {
    /// Parses one list of version 1 or 2.
    ///
    /// # Errors
    /// [`CrlError::Malformed`] where the bytes are not exactly one list, [`CrlError::Unusable`] where the list says
    /// something that we must not pass over and cannot follow.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        read::read(der)
    }

    /// Every list in PEM (`X509 CRL`), or the one in bare DER, in file order.
    ///
    /// # Errors
    /// [`CrlError`] where there is none, or one that cannot be used.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CrlError> {
        if bytes.first() == Some(&crate::der::SEQUENCE) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let blocks = blocks(bytes).map_err(|broken| CrlError::Malformed(broken.to_string()))?;
        let lists = blocks.iter().filter(|block| matches!(block.label.as_str(), "X509 CRL" | "CRL"));
        let lists = lists.map(|block| Self::from_der(&block.content)).collect::<Result<Vec<_>, _>>()?;
        if lists.is_empty() {
            return Err(CrlError::Malformed(format!("no revocation list in it: {}", Found::of(bytes))));
        }
        Ok(lists)
    }

    /// Establishes that `issuer` signed the list: its name, its key, the right to sign lists, and the signature by an
    /// algorithm that we take for certificates. The outcome is remembered, so that asking again is a comparison.
    ///
    /// # Errors
    /// [`NotItsList`], which says whether it is another authority's list or one that pretends.
    pub fn verify_issuer(&self, issuer: &Certificate) -> Result<(), NotItsList> {
        proof::verify(self, issuer)
    }

    /// The key that was found to have signed the list.
    #[must_use]
    pub fn signed_by(&self) -> Option<Pin> {
        self.proof.signed_by()
    }

    /// The name of the authority that the list claims to be of.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The list's number, which grows from one list of an authority to its next.
    #[must_use]
    pub fn number(&self) -> Option<CrlNumber> {
        self.number
    }

    /// When the list was made.
    #[must_use]
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// When the next list comes at the latest, where the list says so.
    #[must_use]
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }

    /// Which certificates it speaks of.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// How many certificates it lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it lists none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// The entry of a serial number.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<CrlEntry> {
        self.entries.find(Key::of(serial.bytes())?).map(CrlEntry::of)
    }

    /// Every entry, in no order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = CrlEntry> {
        self.entries.entries().iter().copied().map(CrlEntry::of)
    }

    /// Whether it is a later list than `other`, which has the same issuer and scope.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        (self.number, self.this_update) > (other.number, other.this_update)
    }
}

impl CrlEntry {
    fn of(entry: Entry) -> Self {
        Self { serial: entry.serial(), at: entry.at(), reason: entry.reason() }
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer.to_string())
            .field("number", &self.number)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// Why bytes are no list that we can go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlError {
    /// They are not exactly one list; says why.
    Malformed(String),
    /// They are a list of a kind that we do not follow.
    Unusable(Unusable),
}

/// What a list says that we must not pass over and cannot follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is a delta list: it tells only what has changed since another one.
    Delta,
    /// It is an indirect list: it speaks for other authorities than the one that signed it.
    Indirect,
    /// The list has a critical extension that we do not know, by its dotted identifier.
    Extension(String),
    /// The entry of this serial number has a critical extension that we do not know, by its dotted identifier.
    EntryExtension(Serial, String),
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "not a certificate revocation list: {why}"),
            Self::Unusable(why) => write!(f, "the revocation list cannot be used: {why}"),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta => f.write_str("it is a delta list; provide the complete one"),
            Self::Indirect => f.write_str("it is an indirect list, which speaks for other authorities"),
            Self::Extension(oid) => write!(f, "it has the critical extension {oid}, which we do not know"),
            Self::EntryExtension(serial, oid) => {
                write!(f, "its entry {serial} has the critical extension {oid}, which we do not know")
            }
        }
    }
}

impl std::error::Error for CrlError {}
