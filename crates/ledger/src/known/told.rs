use identity::Pin;

use super::line::{Entry, Key};
use crate::record::CertificateId;
use crate::revocation::Denial;

/// What a node knew before it read the ledger, to be compared with what the ledger says.
#[derive(Debug, Default)]
pub struct Told {
    issuers: Vec<Pin>,
    /// In the order of their keys.
    entries: Vec<Entry>,
    /// Which of them the ledger has.
    found: Vec<bool>,
    damaged: usize,
}

impl Told {
    pub(super) fn new(issuers: Vec<Pin>, entries: Vec<Entry>, damaged: usize) -> Self {
        let found = vec![false; entries.len()];
        Self { issuers, entries, found, damaged }
    }

    /// How many revocations the node knew.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knew none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes of the file said nothing that could be read.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// Notes that the ledger has this revocation, and answers whether the node knew it.
    pub fn found(&mut self, id: &CertificateId) -> bool {
        let Some(place) = self.place(id) else { return false };
        self.found.get_mut(place).map(|found| *found = true).is_some()
    }

    /// What the node knew and the ledger has not.
    pub fn missing(&self) -> impl Iterator<Item = Denial> {
        let missing = self.entries.iter().zip(&self.found).filter(|(_, found)| !**found);
        missing.filter_map(|(entry, _)| {
            let issuer = *self.issuers.get(usize::try_from(entry.key.issuer).ok()?)?;
            Some(Denial { issuer, serial: entry.key.serial(), reason: entry.reason(), at: entry.at() })
        })
    }

    fn place(&self, id: &CertificateId) -> Option<usize> {
        let issuer = self.issuers.iter().position(|issuer| *issuer == id.issuer)?;
        let key = Key::of(u32::try_from(issuer).ok()?, &id.serial)?;
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }
}
