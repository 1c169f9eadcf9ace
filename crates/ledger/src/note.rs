use std::fmt;

use time::OffsetDateTime;

/// What notes are about; keys of different shelves have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// Where a registered service's certificates stand.
    Services,
    /// Who was invited to ask for a first certificate.
    Invitations,
    /// The keys that were given out for binding ACME accounts: their names and limits, never the keys.
    AcmeKeys,
    /// ACME accounts.
    AcmeAccounts,
    /// ACME orders.
    AcmeOrders,
    /// Whose holders are asked to renew before it is time.
    Renewals,
    /// How far the rotation of an issuer or a root is.
    Rotations,
    /// The nodes that share the ledger.
    Nodes,
    /// Certificates that were uploaded.
    Uploads,
    /// Who does alone what one node at a time may do.
    Leases,
    /// Which certificate was given in exchange for which.
    Lineage,
    /// The keys that were given up as compromised.
    CompromisedKeys,
}

impl Shelf {
    /// Every shelf.
    pub const ALL: [Self; 12] = [
        Self::Services,
        Self::Invitations,
        Self::AcmeKeys,
        Self::AcmeAccounts,
        Self::AcmeOrders,
        Self::Renewals,
        Self::Rotations,
        Self::Nodes,
        Self::Uploads,
        Self::Leases,
        Self::Lineage,
        Self::CompromisedKeys,
    ];

    /// The word for it on record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Invitations => "invitations",
            Self::AcmeKeys => "acme-keys",
            Self::AcmeAccounts => "acme-accounts",
            Self::AcmeOrders => "acme-orders",
            Self::Renewals => "renewals",
            Self::Rotations => "rotations",
            Self::Nodes => "nodes",
            Self::Uploads => "uploads",
            Self::Leases => "leases",
            Self::Lineage => "lineage",
            Self::CompromisedKeys => "compromised-keys",
        }
    }
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A small document that is replaced whole, and only by who has seen its newest version.
///
/// A secret is no part of one: whoever reads the ledger reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about; one note for each key of a shelf.
    pub key: String,
    /// The document, as JSON.
    pub text: String,
    /// Grows each time it is written, from 1; a note that was removed and written again begins anew.
    pub version: u64,
    /// From when on it may be removed; a reader decides for itself what an expired one is worth.
    pub expires_at: Option<OffsetDateTime>,
}

/// A note as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNote {
    /// What it is about.
    pub key: String,
    /// The document, as JSON.
    pub text: String,
    /// From when on it may be removed.
    pub expires_at: Option<OffsetDateTime>,
    /// The version that it takes the place of; none where there must be no note yet.
    pub seen: Option<u64>,
}

impl Note {
    /// The same note with another text, for who has seen this version.
    #[must_use]
    pub fn rewritten(&self, text: impl Into<String>) -> NewNote {
        NewNote {
            key: self.key.clone(),
            text: text.into(),
            expires_at: self.expires_at,
            seen: Some(self.version),
        }
    }
}
