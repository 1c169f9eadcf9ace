//! What one issuer has taken back, as its lists and answers need it: in the order of serial numbers, 44 bytes each.

use std::collections::BTreeMap;

use authority::{Listed, Shard};
use identity::{RevocationReason, Serial};
use ledger::RevocationRecord;
use time::{Duration, OffsetDateTime};

/// A serial number with zeros in front, in the 20 bytes that RFC 5280 allows at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key([u8; 20]);

impl Key {
    /// `None` where the number is longer than a certificate's may be.
    pub(crate) fn of(serial: &Serial) -> Option<Self> {
        let (bytes, mut key) = (serial.bytes(), [0; 20]);
        key.get_mut(20_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// The number without zeros in front.
    fn bytes(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }
}

/// One revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// In seconds since 1970, as lists and answers tell it.
    at: i64,
    /// The certificate's last second; the largest number where nobody knows.
    until: i64,
    pub(crate) reason: RevocationReason,
}

impl Row {
    pub(crate) fn at(&self) -> OffsetDateTime {
        moment(self.at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn not_after(&self) -> Option<OffsetDateTime> {
        Some(self.until).filter(|until| *until != i64::MAX).and_then(moment)
    }
}

fn moment(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// Everything that one issuer has taken back.
#[derive(Debug, Default)]
pub(crate) struct Taken(BTreeMap<Key, Row>);

impl Taken {
    /// Adds what is on record and answers its key; nothing where it was there already, or can be no certificate's.
    pub(crate) fn add(&mut self, record: &RevocationRecord) -> Option<Key> {
        let key = Key::of(&record.serial)?;
        let until = record.not_after.map_or(i64::MAX, OffsetDateTime::unix_timestamp);
        let row = Row { at: record.at.unix_timestamp(), until, reason: record.reason };
        (self.0.insert(key, row) != Some(row)).then_some(key)
    }

    pub(crate) fn find(&self, key: Key) -> Option<Row> {
        self.0.get(&key).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What falls into a part of the list, in the order of serial numbers.
    pub(crate) fn part(&self, shard: Shard) -> Vec<(Key, Row)> {
        let held = self.0.iter().filter(|(key, _)| shard.holds(&key.0));
        held.map(|(key, row)| (*key, *row)).collect()
    }

    /// Forgets what no list of this lifetime tells of any more.
    pub(crate) fn forget(&mut self, lifetime: Duration, now: OffsetDateTime) {
        self.0.retain(|key, row| listed(key, row).is_remembered(lifetime, now));
    }
}

/// A revocation as a list tells of it.
pub(crate) fn listed<'a>(key: &'a Key, row: &Row) -> Listed<'a> {
    Listed { serial: key.bytes(), reason: row.reason, at: row.at(), not_after: row.not_after() }
}

impl Key {
    /// Whether a part of a list holds it.
    pub(crate) fn is_in(&self, shard: Shard) -> bool {
        shard.holds(&self.0)
    }
}
