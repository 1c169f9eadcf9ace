//! Serials in rows of fixed width, sorted, so that a million of them take 29 MB and are found in a fraction of a
//! microsecond.

use time::OffsetDateTime;

use super::RevocationReason;
use crate::Serial;

/// RFC 5280 §4.1.2.2: no serial number is longer.
const LONGEST_SERIAL: usize = 20;
const WIDTH: usize = LONGEST_SERIAL + 8 + 1;

/// One revoked serial: the number, big-endian and padded on the left; the second of its revocation; the reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry([u8; WIDTH]);

/// A serial number as entries are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key([u8; LONGEST_SERIAL]);

impl Key {
    /// `None` where the number is longer than any that a certificate may have.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut key = [0; LONGEST_SERIAL];
        let start = LONGEST_SERIAL.checked_sub(bytes.len())?;
        key.get_mut(start..)?.copy_from_slice(bytes);
        Some(Self(key))
    }
}

impl Entry {
    pub(crate) fn new(serial: Key, at: OffsetDateTime, reason: RevocationReason) -> Self {
        let mut row = [0; WIDTH];
        let second = at.unix_timestamp().to_be_bytes();
        let bytes = serial.0.into_iter().chain(second).chain([reason.number()]);
        row.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self(row)
    }

    fn key(&self) -> &[u8] {
        self.0.split_at(LONGEST_SERIAL).0
    }

    pub(crate) fn serial(&self) -> Serial {
        Serial::from_bytes(self.key())
    }

    pub(crate) fn at(&self) -> OffsetDateTime {
        let second = self.0.get(LONGEST_SERIAL..WIDTH - 1).and_then(|second| second.try_into().ok());
        let second = i64::from_be_bytes(second.unwrap_or_default());
        OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    pub(crate) fn reason(&self) -> RevocationReason {
        let [.., number] = self.0;
        RevocationReason::from_number(number).unwrap_or_default()
    }
}

/// Sorts entries by serial. Of two with one serial, the one that stands first stays.
pub(crate) fn sort(entries: &mut Vec<Entry>) {
    if !entries.is_sorted_by(|one, next| one.key() < next.key()) {
        entries.sort_by(|one, other| one.key().cmp(other.key()));
        entries.dedup_by(|later, first| later.key() == first.key());
    }
}

/// Two sorted rows of entries as one; where both have a serial, `newer` counts.
pub(crate) fn merge(older: &[Entry], newer: &[Entry]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(older.len() + newer.len());
    let mut left = older;
    for entry in newer {
        let before = left.partition_point(|one| one.key() < entry.key());
        let (lower, rest) = left.split_at(before);
        merged.extend_from_slice(lower);
        merged.push(*entry);
        left = match rest.split_first() {
            Some((same, after)) if same.key() == entry.key() => after,
            _ => rest,
        };
    }
    merged.extend_from_slice(left);
    merged
}

/// The entry of a serial among sorted ones.
pub(crate) fn find(entries: &[Entry], serial: Key) -> Option<Entry> {
    let at = entries.binary_search_by(|entry| entry.key().cmp(&serial.0)).ok()?;
    entries.get(at).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::{Entry, Key, find, merge, sort};
    use crate::{RevocationReason, Serial};

    fn entry(serial: &[u8], second: i64, reason: RevocationReason) -> Entry {
        let at = OffsetDateTime::from_unix_timestamp(second).unwrap();
        Entry::new(Key::of(serial).unwrap(), at, reason)
    }

    #[test]
    fn an_entry_keeps_what_was_put_into_it() {
        let entry = entry(&[1, 2, 3], 4_000_000_000, RevocationReason::AaCompromise);
        assert_eq!(entry.serial(), Serial::from_bytes(&[1, 2, 3]));
        assert_eq!(entry.at().unix_timestamp(), 4_000_000_000);
        assert_eq!(entry.reason(), RevocationReason::AaCompromise);
        assert!(Key::of(&[1; 21]).is_none(), "no certificate has so long a serial number");
    }

    proptest! {
        #[test]
        fn every_serial_of_both_is_found_in_a_merge_and_the_newer_counts(
            older in prop::collection::vec(1_u16..500, 0..80),
            newer in prop::collection::vec(1_u16..500, 0..80),
        ) {
            let row = |serials: &[u16], second| {
                let mut row: Vec<_> = serials
                    .iter()
                    .map(|serial| entry(&serial.to_be_bytes(), second, RevocationReason::Unspecified))
                    .collect();
                sort(&mut row);
                row
            };
            let merged = merge(&row(&older, 1), &row(&newer, 2));
            prop_assert!(merged.is_sorted_by(|one, next| one.key() < next.key()));
            for serial in 1_u16..500 {
                let found = find(&merged, Key::of(&serial.to_be_bytes()).unwrap());
                let wanted = match (newer.contains(&serial), older.contains(&serial)) {
                    (true, _) => Some(2),
                    (false, true) => Some(1),
                    (false, false) => None,
                };
                prop_assert_eq!(found.map(|entry| entry.at().unix_timestamp()), wanted);
            }
        }
    }
}
