use identity::{Pin, RevocationReason, Serial};
use time::OffsetDateTime;

use super::checksum::checksum;
use super::{KnownRevocation, Mark};
use crate::id::LedgerId;

/// How every file begins.
pub(super) const MAGIC: &[u8] = b"countersign known revocations 1\n";

/// One statement of the file: its kind, how long it is, what it says, and a checksum over all that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The number that an issuer is named by from here on.
    Issuer { number: u32, pin: Pin },
    /// A certificate is revoked.
    Revocation(Entry),
    /// A list of this number was published.
    Number { issuer: u32, number: u64 },
    /// Everything up to here was told.
    Mark(Mark),
}

/// A revocation, short: milliseconds and seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: Key,
    at: i64,
    /// [`NEVER`] where it is not known.
    not_after: i64,
    reason: u8,
}

/// What names a certificate, in one order: the issuer's number, and the serial with its length in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) issuer: u32,
    length: u8,
    serial: [u8; LONGEST_SERIAL],
}

impl Key {
    /// None for a serial that is longer than any certificate's.
    pub(super) fn of(issuer: u32, serial: &Serial) -> Option<Self> {
        Self::of_bytes(issuer, serial.bytes())
    }

    fn of_bytes(issuer: u32, bytes: &[u8]) -> Option<Self> {
        let mut serial = [0; LONGEST_SERIAL];
        serial.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { issuer, length: u8::try_from(bytes.len()).ok()?, serial })
    }

    fn bytes(&self) -> &[u8] {
        self.serial.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(super) fn serial(&self) -> Serial {
        Serial::from_bytes(self.bytes())
    }
}

impl Entry {
    pub(super) fn reason(&self) -> RevocationReason {
        RevocationReason::from_number(self.reason).unwrap_or_default()
    }

    pub(super) fn at(&self) -> OffsetDateTime {
        moment(self.at)
    }

    pub(super) fn ended_before(&self, moment: OffsetDateTime) -> bool {
        self.not_after != NEVER && self.not_after < moment.unix_timestamp()
    }
}

impl Line {
    pub(super) fn revocation(key: Key, revocation: &KnownRevocation) -> Self {
        Self::Revocation(Entry {
            key,
            at: millis(revocation.at),
            not_after: revocation.not_after.map_or(NEVER, OffsetDateTime::unix_timestamp),
            reason: revocation.reason.number(),
        })
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend([0, self.kind()]);
        match self {
            Self::Issuer { number, pin } => {
                to.extend(number.to_be_bytes());
                to.extend(pin.bytes());
            }
            Self::Revocation(entry) => {
                to.extend(entry.key.issuer.to_be_bytes());
                to.push(entry.reason);
                to.extend(entry.at.to_be_bytes());
                to.extend(entry.not_after.to_be_bytes());
                to.extend(entry.key.bytes());
            }
            Self::Number { issuer, number } => {
                to.extend(issuer.to_be_bytes());
                to.extend(number.to_be_bytes());
            }
            Self::Mark(Mark { ledger, revision, at }) => {
                to.extend(ledger.bytes());
                to.extend(revision.to_be_bytes());
                to.extend(millis(*at).to_be_bytes());
            }
        }
        // The longest statement has 55 bytes.
        let length = u8::try_from(to.len() - begin + CHECKSUM).unwrap_or(u8::MAX);
        if let Some(first) = to.get_mut(begin) {
            *first = length;
        }
        let sum = checksum(to.get(begin..).unwrap_or_default());
        to.extend(sum.to_be_bytes());
    }

    /// The statement that these bytes begin with, and its length; none where they begin with none.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = usize::from(*bytes.first()?);
        let (whole, sum) = bytes.get(..length)?.split_last_chunk::<CHECKSUM>()?;
        let (&[_, kind], said) = whole.split_first_chunk::<2>()?;
        // Looked at first, so that searching through damage is quick.
        if !(ISSUER..=MARK).contains(&kind) || checksum(whole) != u32::from_be_bytes(*sum) {
            return None;
        }
        let mut said = Said(said);
        let line = match kind {
            ISSUER => {
                Self::Issuer { number: u32::from_be_bytes(said.take()?), pin: Pin::from_bytes(said.take()?) }
            }
            REVOCATION => Self::Revocation(said.entry()?),
            NUMBER => Self::Number {
                issuer: u32::from_be_bytes(said.take()?),
                number: u64::from_be_bytes(said.take()?),
            },
            _ => Self::Mark(Mark {
                ledger: LedgerId::from_bytes(said.take()?),
                revision: u64::from_be_bytes(said.take()?),
                at: moment(i64::from_be_bytes(said.take()?)),
            }),
        };
        said.0.is_empty().then_some((line, length))
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Issuer { .. } => ISSUER,
            Self::Revocation(_) => REVOCATION,
            Self::Number { .. } => NUMBER,
            Self::Mark(_) => MARK,
        }
    }
}

/// What is left of a statement.
struct Said<'a>(&'a [u8]);

impl Said<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn entry(&mut self) -> Option<Entry> {
        let (issuer, [reason]) = (u32::from_be_bytes(self.take()?), self.take()?);
        let (at, not_after) = (i64::from_be_bytes(self.take()?), i64::from_be_bytes(self.take()?));
        let key = Key::of_bytes(issuer, std::mem::take(&mut self.0))?;
        Some(Entry { key, at, not_after, reason })
    }
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// A moment that no calendar has is the first one.
fn moment(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

const ISSUER: u8 = 1;
const REVOCATION: u8 = 2;
const NUMBER: u8 = 3;
const MARK: u8 = 4;
const CHECKSUM: usize = 4;
const NEVER: i64 = i64::MAX;
/// As long as any certificate's serial number (RFC 5280 §4.1.2.2).
const LONGEST_SERIAL: usize = 20;
