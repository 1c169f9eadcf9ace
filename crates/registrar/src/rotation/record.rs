//! The rotation on record: what takes whose place, and how far it has come.

use std::collections::BTreeMap;
use std::fmt;

use authority::to_pem;
use fault::Fault;
use identity::{Certificate, Fingerprint, certificates_from_pem};
use ledger::{Ledger, LedgerError, NewNote, Note, Shelf};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What is rotated: the root with everything directly below it, or one issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// The root.
    Root,
    /// The issuer of this name.
    Issuer(String),
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Issuer(name) => write!(f, "issuer {name}"),
        }
    }
}

/// How far a rotation has come. A phase is on record before the first file is changed for it, so that whatever is cut
/// off is finished by the same command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The new certificates are made and on record.
    Begun,
    /// The new certificates are in the files of everybody who verifies, beside the old ones.
    Distributed,
    /// Everybody who can be asked holds them.
    Acknowledged,
    /// The new issuers issue; the old ones are still believed.
    Moved,
    /// The old ones are gone.
    Removed,
    /// It was given up before anything was issued by the new ones.
    Aborted,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Distributed => "distributed",
            Self::Acknowledged => "acknowledged",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::Aborted => "aborted",
        }
    }

    /// Whether the rotation is still under way.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Removed | Self::Aborted)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One certificate that takes another's place, with what goes out beside each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The issuer's name; [`ROOT`] for the root.
    pub name: String,
    /// PEM: the old certificate, and those above it that its file holds.
    pub old: String,
    /// PEM: the new certificate; for whoever still believes the old root alone, with what leads there.
    pub new: String,
    /// PEM: the same when the old one is gone.
    pub settled: String,
    /// Whether the new one has a key of its own.
    pub rekeyed: bool,
}

/// Somebody who cannot be asked, and of whom an operator has said that they hold the new certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Who.
    pub name: String,
    /// Who said so.
    pub by: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// A rotation as the ledger keeps it. There are no secrets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// What is rotated.
    pub of: Of,
    /// How far it has come.
    pub phase: Phase,
    /// When each phase was reached, in seconds since 1970.
    pub reached: BTreeMap<Phase, i64>,
    /// What takes whose place; empty until it is certified.
    pub changes: Vec<Change>,
    /// Who was said to hold the new certificates.
    pub by_hand: Vec<ByHand>,
}

/// The one rotation on record, with the version that a change of it must name.
#[derive(Clone, Debug)]
pub struct OnRecord {
    /// The rotation.
    pub rotation: Rotation,
    version: u64,
}

impl Rotation {
    /// One that begins now.
    #[must_use]
    pub fn begin(of: Of, now: OffsetDateTime) -> Self {
        let mut begun = Self {
            of,
            phase: Phase::Begun,
            reached: BTreeMap::new(),
            changes: Vec::new(),
            by_hand: Vec::new(),
        };
        begun.reach(Phase::Begun, now);
        begun
    }

    /// Comes to a phase; where it was there before, the first moment stays.
    pub fn reach(&mut self, phase: Phase, now: OffsetDateTime) {
        self.phase = phase;
        self.reached.entry(phase).or_insert(now.unix_timestamp());
    }

    /// When it came to a phase.
    #[must_use]
    pub fn since(&self, phase: Phase) -> Option<OffsetDateTime> {
        self.reached.get(&phase).and_then(|at| OffsetDateTime::from_unix_timestamp(*at).ok())
    }

    /// Whether old and new are believed side by side.
    #[must_use]
    pub fn overlaps(&self) -> bool {
        self.phase.is_open() && !self.changes.is_empty()
    }

    /// Whether this certificate takes another's place in it, so that to believe it is no weakening.
    #[must_use]
    pub fn brings(&self, certificate: &Fingerprint) -> bool {
        self.overlaps()
            && self.changes.iter().filter_map(Change::new_one).any(|new| new.fingerprint() == *certificate)
    }

    /// That what is on record can be read.
    ///
    /// # Errors
    /// A certificate in it cannot.
    fn check(self) -> Result<Self, Fault> {
        for change in &self.changes {
            for pem in [&change.old, &change.new, &change.settled] {
                certificates_from_pem(pem.as_bytes())
                    .map_err(|error| unreadable().because(format!("{}: {error}", change.name)))?;
            }
        }
        Ok(self)
    }
}

impl Change {
    /// The certificate that is replaced.
    #[must_use]
    pub fn old_one(&self) -> Option<Certificate> {
        leading(&self.old)
    }

    /// The certificate that takes its place.
    #[must_use]
    pub fn new_one(&self) -> Option<Certificate> {
        leading(&self.new)
    }

    /// Whether it is the root's.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.name == ROOT
    }
}

/// Certificates as one text.
#[must_use]
pub(super) fn pem(certificates: &[Certificate]) -> String {
    certificates.iter().map(to_pem).collect()
}

fn leading(pem: &str) -> Option<Certificate> {
    certificates_from_pem(pem.as_bytes()).ok()?.into_iter().next()
}

/// The rotation on record, under way or over; none where there never was one.
///
/// # Errors
/// The ledger fails, or what it holds cannot be read.
pub async fn on_record(ledger: &dyn Ledger) -> Result<Option<OnRecord>, Fault> {
    ledger.note(Shelf::Rotations, CURRENT.to_owned()).await?.map(read).transpose()
}

fn read(note: Note) -> Result<OnRecord, Fault> {
    let rotation: Rotation = serde_json::from_str(&note.text).map_err(|error| unreadable().because(error))?;
    Ok(OnRecord { rotation: rotation.check()?, version: note.version })
}

impl OnRecord {
    /// Puts a rotation on record in the place of the one that is over, or of none.
    ///
    /// # Errors
    /// Somebody else was faster, or the ledger fails.
    pub async fn begin(ledger: &dyn Ledger, over: Option<&Self>, rotation: Rotation) -> Result<Self, Fault> {
        let version = write(ledger, &rotation, over.map(|over| over.version)).await?;
        Ok(Self { rotation, version })
    }

    /// Puts a change of it on record, durably.
    ///
    /// # Errors
    /// Somebody else has changed it, or the ledger fails; then nothing has changed.
    pub async fn amend(
        &mut self,
        ledger: &dyn Ledger,
        change: impl FnOnce(&mut Rotation),
    ) -> Result<(), Fault> {
        let mut rotation = self.rotation.clone();
        change(&mut rotation);
        self.version = write(ledger, &rotation, Some(self.version)).await?;
        self.rotation = rotation;
        Ok(())
    }
}

async fn write(ledger: &dyn Ledger, rotation: &Rotation, seen: Option<u64>) -> Result<u64, Fault> {
    let text = serde_json::to_string(rotation)
        .map_err(|error| Fault::ours("a rotation could not be written").because(error))?;
    let note = NewNote { key: CURRENT.to_owned(), text, expires_at: None, seen };
    match ledger.write_note(Shelf::Rotations, note).await {
        Ok(version) => Ok(version),
        Err(LedgerError::Changed { .. }) => {
            Err(Fault::theirs("somebody else has changed the rotation meanwhile")
                .because("there is one rotation at a time, and its record is another than a moment ago")
                .remedy("see what is on record now: countersign ca rotate status"))
        }
        Err(error) => Err(error.into()),
    }
}

fn unreadable() -> Fault {
    Fault::theirs("the rotation on record cannot be read")
        .remedy("use the countersign that began it, or restore the ledger from a backup")
}

/// The name of the root among the changes; no issuer may have it.
pub const ROOT: &str = "root";
/// There is one rotation at a time.
const CURRENT: &str = "current";
