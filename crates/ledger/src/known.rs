//! What one node was told of the ledger, on the node's own disk: every revocation, how far it was told, and the numbers
//! of the lists that were published.
//!
//! A ledger that is put back from a backup has forgotten what came after it. The node has not: it goes on refusing, and
//! hands back what is missing.

mod checksum;
mod contents;
mod line;
mod told;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fault::Fault;
use identity::{Pin, RevocationReason, Serial};
use time::OffsetDateTime;

use crate::id::LedgerId;
use crate::revocation::RevocationRecord;
pub use contents::Contents;
use line::{Key, Line};
pub use told::Told;

/// How far a node was told: everything up to a revision of one ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The ledger.
    pub ledger: LedgerId,
    /// Its revision by then.
    pub revision: u64,
    /// When.
    pub at: OffsetDateTime,
}

/// A revocation that a node was told once, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRevocation {
    /// SHA-256 of the issuer's public key (SPKI).
    pub issuer: Pin,
    /// The serial.
    pub serial: Serial,
    /// Why.
    pub reason: RevocationReason,
    /// When it was revoked, to the millisecond.
    pub at: OffsetDateTime,
    /// Last second of the certificate's validity, where it is known.
    pub not_after: Option<OffsetDateTime>,
}

impl From<&RevocationRecord> for KnownRevocation {
    fn from(record: &RevocationRecord) -> Self {
        let RevocationRecord { issuer, serial, reason, at, not_after, revision: _ } = record;
        Self { issuer: *issuer, serial: serial.clone(), reason: *reason, at: *at, not_after: *not_after }
    }
}

/// The file, open at its end. What is noted is on disk when the verb answers.
///
/// Nothing of a certificate but its issuer's key and its serial is in it, and no secret.
#[derive(Debug)]
pub struct Known {
    path: PathBuf,
    file: File,
    /// How much of the file is whole.
    length: u64,
    /// Whether something may stand behind that, from an append that failed.
    torn: bool,
    /// The issuers by the number that entries name them by.
    issuers: Vec<Pin>,
    numbers: BTreeMap<Pin, u64>,
    mark: Option<Mark>,
}

impl Known {
    /// Opens the file, creating it (mode 0600) where there is none, and reads what is in it. What is damaged is left
    /// out and counted. Revocations of certificates that ended long before `now` are dropped.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is something else.
    pub fn open(path: &Path, now: OffsetDateTime) -> Result<(Self, Told), Fault> {
        let failed = |error: io::Error| unusable(path, error);
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let mut contents = Contents::read(&bytes).ok_or_else(|| {
            Fault::yours("the file is no record of known revocations")
                .in_file(path)
                .remedy("move it away: the node makes one of its own there")
        })?;
        contents.drop_ended(now - KEPT_FOR);
        let whole = contents.write();
        // Little to gain is not worth the writing, unless something is wrong with what is there.
        if contents.damaged > 0 || bytes.len() > whole.len() + whole.len() / 4 + SLACK || bytes.is_empty() {
            replace(path, &whole).map_err(failed)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let Contents { issuers, entries, numbers, mark, damaged } = contents;
        let known =
            Self { path: path.to_owned(), file, length, torn: false, issuers: Vec::new(), numbers, mark };
        let issuers: Vec<Pin> = issuers.into_values().collect();
        let told = Told::new(issuers.clone(), entries, damaged);
        Ok((Self { issuers, ..known }, told))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far the node was told when it was last noted.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// The highest number of a list that is known of each issuer.
    #[must_use]
    pub fn numbers(&self) -> &BTreeMap<Pin, u64> {
        &self.numbers
    }

    /// Notes revocations, and how far the ledger is told with them.
    ///
    /// # Errors
    /// Where the disk does not take them; nothing of them is then in the file.
    pub fn note(&mut self, revocations: &[KnownRevocation], mark: Mark) -> Result<(), Fault> {
        let mut bytes = Vec::with_capacity(revocations.len() * ROOM);
        let mut new = Vec::new();
        for revocation in revocations {
            let number = self.number_of(revocation.issuer, &mut new, &mut bytes);
            // No certificate that is accepted has a longer serial number.
            if let Some(key) = Key::of(number, &revocation.serial) {
                Line::revocation(key, revocation).write(&mut bytes);
            }
        }
        Line::Mark(mark).write(&mut bytes);
        self.append(&bytes)?;
        self.issuers.extend(new);
        self.mark = Some(mark);
        Ok(())
    }

    /// Notes numbers of lists; a number that is not greater than the known one changes nothing.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub fn note_numbers(&mut self, numbers: &[(Pin, u64)]) -> Result<(), Fault> {
        let (mut bytes, mut new) = (Vec::new(), Vec::new());
        let greater =
            |(issuer, number): &&(Pin, u64)| self.numbers.get(issuer).is_none_or(|known| known < number);
        let greater: Vec<(Pin, u64)> = numbers.iter().filter(greater).copied().collect();
        for (issuer, number) in &greater {
            let issuer = self.number_of(*issuer, &mut new, &mut bytes);
            Line::Number { issuer, number: *number }.write(&mut bytes);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.append(&bytes)?;
        self.issuers.extend(new);
        self.numbers.extend(greater);
        Ok(())
    }

    /// The number that an issuer is named by; one that is new is introduced first.
    fn number_of(&self, issuer: Pin, new: &mut Vec<Pin>, bytes: &mut Vec<u8>) -> u32 {
        let known = self.issuers.iter().chain(new.iter()).position(|known| *known == issuer);
        let number = known.unwrap_or(self.issuers.len() + new.len());
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if known.is_none() {
            Line::Issuer { number, pin: issuer }.write(bytes);
            new.push(issuer);
        }
        number
    }

    /// All of it, synced, or none.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let appended = self.try_append(bytes);
        self.torn = appended.is_err();
        if self.torn {
            // Where this fails, too, it is tried again before the next append.
            self.torn = self.file.set_len(self.length).is_err();
        } else {
            self.length += bytes.len() as u64;
        }
        appended.map_err(|error| unusable(&self.path, error))
    }

    fn try_append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
        }
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

/// Puts a whole file in the place of what is there: a new one beside it, synced, renamed, its folder synced.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    })();
    if written.is_err() {
        // What it failed of is told; that half a file is left behind is not worth a second word.
        std::fs::remove_file(&beside).ok();
    }
    written
}

fn unusable(path: &Path, error: io::Error) -> Fault {
    Fault::theirs("what the ledger said is revoked cannot be kept on this node's own disk")
        .in_file(path)
        .because(error)
        .remedy("see that the folder exists, that this user may write to it, and that its disk has room")
}

/// How long after a certificate's end its revocation is kept: longer than one may be renewed after its end.
const KEPT_FOR: time::Duration = time::Duration::days(100);
/// So much may be superfluous in the file before it is written anew.
const SLACK: usize = 64 * 1024;
/// About the length of one revocation in the file.
const ROOM: usize = 64;
