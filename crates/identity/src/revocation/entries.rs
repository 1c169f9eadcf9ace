//! Serials in rows of fixed width, so that a million of them take 30 MB and are found in a fraction of a microsecond.

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

/// Entries in buckets by a hash of their serial numbers, so that one is found by touching two or three lines of memory,
/// however its authority draws its numbers and however long nobody has asked.
#[derive(Default)]
pub(crate) struct Index {
    /// Bucket after bucket, within each by serial number.
    entries: Box<[Entry]>,
    /// Where each bucket begins, and where the last one ends.
    starts: Box<[u32]>,
}

/// How many entries a bucket has on average, at most.
const IN_BUCKET: usize = 8;

impl Index {
    /// An index of entries in any order. Of two with one serial number, the one that stands first stays.
    pub(crate) fn new(entries: &[Entry]) -> Self {
        let index = Self::with_twins(entries);
        let is_first = |n: usize| {
            n == 0 || index.entries.get(n - 1).map(Entry::key) != index.entries.get(n).map(Entry::key)
        };
        if (0..index.entries.len()).all(is_first) {
            return index;
        }
        let firsts: Vec<Entry> =
            index.entries.iter().enumerate().filter(|(n, _)| is_first(*n)).map(|(_, entry)| *entry).collect();
        Self::with_twins(&firsts)
    }

    /// One index of both; where both have a serial number, `newer` counts.
    pub(crate) fn merged(newer: &Self, older: &Self) -> Self {
        Self::new(&[&newer.entries[..], &older.entries[..]].concat())
    }

    fn with_twins(entries: &[Entry]) -> Self {
        let count = (entries.len() / IN_BUCKET).next_power_of_two();
        let mut starts = vec![0_u32; count + 1];
        for entry in entries {
            if let Some(size) = starts.get_mut(bucket(entry.key(), count) + 1) {
                *size += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut placed = vec![Entry([0; WIDTH]); entries.len()];
        for entry in entries {
            let Some(at) = next.get_mut(bucket(entry.key(), count)) else { continue };
            if let Some(place) = placed.get_mut(*at as usize) {
                *place = *entry;
            }
            *at += 1;
        }
        let mut index = Self { entries: placed.into(), starts: starts.into() };
        (0..count).for_each(|n| index.sort(n));
        index
    }

    fn sort(&mut self, bucket: usize) {
        let range = self.range(bucket);
        if let Some(entries) = self.entries.get_mut(range) {
            entries.sort_by(|one, other| one.key().cmp(other.key()));
        }
    }

    fn range(&self, bucket: usize) -> std::ops::Range<usize> {
        let at = |n: usize| self.starts.get(n).map_or(0, |start| *start as usize);
        at(bucket)..at(bucket + 1)
    }

    /// The entry of a serial number.
    pub(crate) fn find(&self, serial: Key) -> Option<Entry> {
        let bucket = bucket(&serial.0, self.starts.len().checked_sub(1)?);
        let entries = self.entries.get(self.range(bucket))?;
        let at = entries.binary_search_by(|entry| entry.key().cmp(&serial.0)).ok()?;
        entries.get(at).copied()
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The bucket of a serial number among `count`, a power of two.
fn bucket(serial: &[u8], count: usize) -> usize {
    let mut hash = 0_u64;
    let (words, rest) = serial.as_chunks::<8>();
    words.iter().for_each(|word| hash = mixed(hash ^ u64::from_be_bytes(*word)));
    rest.iter().for_each(|byte| hash = hash << 8 ^ hash >> 56 ^ u64::from(*byte));
    // What is left after the mask is below `count`.
    mixed(hash) as usize & (count - 1)
}

/// Every bit of the outcome hangs on every bit of the number (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators").
fn mixed(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::{Entry, Index, Key};
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
            let index = |serials: &[u16], second| {
                let entries: Vec<_> = serials
                    .iter()
                    .map(|serial| entry(&serial.to_be_bytes(), second, RevocationReason::Unspecified))
                    .collect();
                Index::new(&entries)
            };
            let merged = Index::merged(&index(&newer, 2), &index(&older, 1));
            let all: std::collections::BTreeSet<_> = older.iter().chain(&newer).collect();
            prop_assert_eq!(merged.len(), all.len());
            for serial in 1_u16..500 {
                let found = merged.find(Key::of(&serial.to_be_bytes()).unwrap());
                let wanted = match (newer.contains(&serial), older.contains(&serial)) {
                    (true, _) => Some(2),
                    (false, true) => Some(1),
                    (false, false) => None,
                };
                prop_assert_eq!(found.map(|entry| entry.at().unix_timestamp()), wanted);
            }
        }
    }

    #[test]
    fn serials_that_are_counted_up_spread_as_well_as_those_that_are_drawn() {
        let counted: Vec<_> =
            (0..10_000_u32).map(|n| entry(&n.to_be_bytes(), 0, RevocationReason::Unspecified)).collect();
        let index = Index::new(&counted);
        let buckets = index.starts.len() - 1;
        let fullest = (0..buckets).map(|bucket| index.range(bucket).len()).max().unwrap();
        assert!(fullest < 40, "{fullest} of 10,000 in one of {buckets} buckets");
    }
}
