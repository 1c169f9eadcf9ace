use std::fmt;

use identity::Certificate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A node as it describes itself to the others.
///
/// What a newer program adds is read over, and what an older one leaves out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Drawn at random at its first start, and kept in its state folder.
    pub id: String,
    /// The name of its machine.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it started (RFC 3339).
    pub started: String,
    /// When it wrote this (RFC 3339).
    pub seen: String,
    /// The generation of what it serves by.
    pub generation: u64,
    /// The ledger's revision up to which it knows everything.
    pub revision: u64,
    /// Whom it believes about its clients.
    pub trust: Vec<Anchor>,
    /// Whether it went down in order.
    pub stopped: bool,
}

/// An authority that a node believes about its clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Anchor {
    /// Its subject, as text.
    pub subject: String,
    /// SHA-256 of its certificate, lower-case hex.
    pub sha256: String,
    /// SHA-256 of its public key (SPKI), lower-case hex.
    pub spki_sha256: String,
}

impl From<&Certificate> for Anchor {
    fn from(certificate: &Certificate) -> Self {
        let identity = certificate.identity();
        Self {
            subject: identity.subject().to_string(),
            sha256: certificate.fingerprint().to_string(),
            spki_sha256: identity.spki_sha256().to_string(),
        }
    }
}

/// How a node is, by its last note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It wrote lately.
    Up,
    /// It has not written for a while, and did not say that it would stop.
    Silent,
    /// It went down in order.
    Stopped,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
        })
    }
}

impl Node {
    /// How it is at `now`.
    #[must_use]
    pub fn standing(&self, now: OffsetDateTime) -> Standing {
        if self.stopped {
            return Standing::Stopped;
        }
        let lately = self.age(now).is_some_and(|age| age < SILENT_AFTER);
        if lately { Standing::Up } else { Standing::Silent }
    }

    /// What an administrator sees of it, where the ledger is at `revision`.
    #[must_use]
    pub fn shown(&self, now: OffsetDateTime, revision: u64, this: &str) -> Value {
        json!({
            "id": self.id,
            "this": self.id == this,
            "name": self.name,
            "state": self.standing(now).to_string(),
            "version": self.version,
            "started": self.started,
            "seen": self.seen,
            "seen_seconds": self.age(now).map(time::Duration::whole_seconds),
            "generation": self.generation,
            "revision": self.revision,
            "behind": revision.saturating_sub(self.revision),
            "trust": self.trust,
        })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|node: &Self| !node.id.is_empty())
    }

    pub(super) fn text(&self) -> String {
        json!(self).to_string()
    }

    pub(super) fn stopped(self) -> Self {
        Self { stopped: true, ..self }
    }

    fn age(&self, now: OffsetDateTime) -> Option<time::Duration> {
        let seen = OffsetDateTime::parse(&self.seen, &Rfc3339).ok()?;
        Some((now - seen).max(time::Duration::ZERO))
    }
}

/// A node that writes every five seconds and has not for so long is silent.
const SILENT_AFTER: time::Duration = time::Duration::seconds(20);
