//! What our own ledger says: a sorted base that seldom changes, and small rows before it that take what is new.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::RevocationReason;
use super::entries::{Entry, Index, Key};
use crate::{Pin, Serial};

/// How many entries each row but the base may hold, newest row first. To add one costs a copy of the first row, every
/// 256 times one of the second, every 65,536 times one of the base.
const MOST_IN_ROW: [usize; 2] = [256, 65_536];
const ROWS: usize = MOST_IN_ROW.len() + 1;

/// A revocation that our own ledger holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRevocation {
    /// The public key of the authority that issued the certificate.
    pub issuer: Pin,
    /// The certificate's serial number.
    pub serial: Serial,
    /// Why it was revoked.
    pub reason: RevocationReason,
    /// When.
    pub at: OffsetDateTime,
}

/// Recorded revocations by the key of the issuer; a clone shares everything.
#[derive(Clone, Default)]
pub(super) struct Recorded(HashMap<Pin, Rows>);

/// Newest first.
#[derive(Clone, Default)]
struct Rows([Arc<Index>; ROWS]);

impl Recorded {
    /// With these added. One that is there already is replaced.
    pub(super) fn with(&self, new: impl IntoIterator<Item = RecordedRevocation>) -> Self {
        let mut by_issuer: HashMap<Pin, Vec<Entry>> = HashMap::new();
        for RecordedRevocation { issuer, serial, reason, at } in new {
            // No certificate that is accepted has a longer serial number than a key holds.
            if let Some(key) = Key::of(serial.bytes()) {
                by_issuer.entry(issuer).or_default().push(Entry::new(key, at, reason));
            }
        }
        let mut extended = self.clone();
        for (issuer, entries) in by_issuer {
            extended.0.entry(issuer).or_default().add(Index::new(&entries));
        }
        extended
    }

    pub(super) fn find(&self, issuer: Pin, serial: &Serial) -> Option<Entry> {
        self.0.get(&issuer)?.find(Key::of(serial.bytes())?)
    }

    /// The serial number of whatever issuer, for a certificate whose own issuer is not at hand.
    pub(super) fn find_of_any(&self, serial: &Serial) -> Option<Entry> {
        let key = Key::of(serial.bytes())?;
        self.0.values().find_map(|rows| rows.find(key))
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().flat_map(|rows| &rows.0).map(|row| row.len()).sum()
    }
}

impl Rows {
    fn find(&self, serial: Key) -> Option<Entry> {
        self.0.iter().find_map(|row| row.find(serial))
    }

    fn add(&mut self, new: Index) {
        let mut new = new;
        let most = MOST_IN_ROW.into_iter().chain([usize::MAX]);
        for (row, most) in self.0.iter_mut().zip(most) {
            if row.len() > 0 {
                new = Index::merged(&new, row);
            }
            if new.len() <= most {
                *row = Arc::new(new);
                return;
            }
            *row = Arc::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Recorded, RecordedRevocation};
    use crate::{Pin, RevocationReason, Serial};

    fn revocation(issuer: Pin, number: u32) -> RecordedRevocation {
        let serial = Serial::from_bytes(&number.to_be_bytes());
        let at = datetime!(2026-06-01 12:00 UTC);
        RecordedRevocation { issuer, serial, reason: RevocationReason::Superseded, at }
    }

    #[test]
    fn every_recorded_revocation_is_found_however_they_came() {
        let (ours, other) = (Pin::of_spki(b"ours"), Pin::of_spki(b"other"));
        let mut recorded = Recorded::default().with((0..70_000).map(|n| revocation(ours, n * 2)));
        for n in 0..600 {
            recorded = recorded.with([revocation(ours, n * 2 + 1)]);
        }
        assert_eq!(recorded.len(), 70_600);
        let found = |pin, n: u32| recorded.find(pin, &Serial::from_bytes(&n.to_be_bytes())).is_some();
        assert!((0..1200).all(|n| found(ours, n)));
        assert!((600..70_000).all(|n| found(ours, n * 2) && !found(ours, n * 2 + 1)));
        assert!(!(0..1200).any(|n| found(other, n)), "a serial number counts for its own issuer alone");
    }

    #[test]
    fn what_was_handed_out_before_is_not_changed_by_what_is_added() {
        let ours = Pin::of_spki(b"ours");
        let before = Recorded::default().with([revocation(ours, 1)]);
        let after = before.with([revocation(ours, 2), revocation(ours, 1)]);
        assert_eq!((before.len(), after.len()), (1, 2));
    }
}
