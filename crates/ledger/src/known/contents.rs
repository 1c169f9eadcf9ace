use std::collections::BTreeMap;

use identity::Pin;
use time::OffsetDateTime;

use super::Mark;
use super::line::{Entry, Line, MAGIC};

/// What a file says, read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub(super) issuers: BTreeMap<u32, Pin>,
    /// In the order of their keys, each certificate once.
    pub(super) entries: Vec<Entry>,
    pub(super) numbers: BTreeMap<Pin, u64>,
    pub(super) mark: Option<Mark>,
    /// How many bytes say nothing that could be read.
    pub(super) damaged: usize,
}

impl Contents {
    /// Reads a file; an empty one says nothing, and one that begins otherwise is none of ours.
    ///
    /// What is damaged is skipped: each statement has a checksum of its own, and those behind the damage are found again.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut contents = Self::default();
        if bytes.is_empty() {
            return Some(contents);
        }
        let (mut rest, mut numbers) = (bytes.strip_prefix(MAGIC)?, BTreeMap::new());
        while let Some((_, behind)) = rest.split_first() {
            match Line::read(rest) {
                Some((line, length)) => {
                    contents.take(line, &mut numbers);
                    rest = rest.get(length..).unwrap_or_default();
                }
                None => {
                    contents.damaged += 1;
                    rest = behind;
                }
            }
        }
        contents.settle(numbers);
        Some(contents)
    }

    /// How many revocations it holds.
    #[must_use]
    pub fn revocations(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes say nothing that could be read.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// The same as bytes, with nothing superfluous.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + self.entries.len() * super::ROOM);
        bytes.extend(MAGIC);
        for (number, pin) in &self.issuers {
            Line::Issuer { number: *number, pin: *pin }.write(&mut bytes);
        }
        for entry in &self.entries {
            Line::Revocation(*entry).write(&mut bytes);
        }
        for (issuer, number) in &self.numbers {
            if let Some((issuer, _)) = self.issuers.iter().find(|(_, pin)| *pin == issuer) {
                Line::Number { issuer: *issuer, number: *number }.write(&mut bytes);
            }
        }
        if let Some(mark) = self.mark {
            Line::Mark(mark).write(&mut bytes);
        }
        bytes
    }

    /// Drops the revocations of certificates that ended before a moment.
    pub(super) fn drop_ended(&mut self, before: OffsetDateTime) {
        self.entries.retain(|entry| !entry.ended_before(before));
    }

    fn take(&mut self, line: Line, numbers: &mut BTreeMap<u32, u64>) {
        match line {
            Line::Issuer { number, pin } => drop(self.issuers.insert(number, pin)),
            Line::Revocation(entry) => self.entries.push(entry),
            Line::Number { issuer, number } => {
                let known = numbers.entry(issuer).or_default();
                *known = number.max(*known);
            }
            Line::Mark(mark) => self.mark = Some(mark),
        }
    }

    /// Only now is every issuer known by its number, wherever in the file it was introduced. They are numbered anew, so
    /// that there is none missing between them.
    fn settle(&mut self, numbers: BTreeMap<u32, u64>) {
        let anew: BTreeMap<u32, u32> = self.issuers.keys().copied().zip(0..).collect();
        let mut entries = std::mem::take(&mut self.entries);
        let all = entries.len();
        entries.retain_mut(|entry| match anew.get(&entry.key.issuer) {
            Some(number) => {
                entry.key.issuer = *number;
                true
            }
            None => false,
        });
        // Whose issuer is lost says nothing any more.
        self.damaged += all - entries.len();
        // The first that was noted of a certificate comes first, and stays.
        entries.sort_by_key(|entry| entry.key);
        entries.dedup_by_key(|entry| entry.key);
        self.entries = entries;
        let named = |(issuer, number)| self.issuers.get(&issuer).map(|pin| (*pin, number));
        self.numbers = numbers.into_iter().filter_map(named).collect();
        self.issuers =
            std::mem::take(&mut self.issuers).into_values().zip(0..).map(|(pin, n)| (n, pin)).collect();
    }
}
