//! What the ledger's note says of one service on one node: which leaf it presents, which ones it presented, and what
//! is under way. Never a key.

use fault::Fault;
use identity::{Certificate, Pin, RevocationReason, Serial};
use ledger::{CertificateId, CertificateRecord};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A leaf, as far as its replacement needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The issuer's public key.
    pub(crate) issuer: Pin,
    pub(crate) serial: Serial,
    pub(crate) issued_at: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

impl Leaf {
    /// Of a certificate that was issued at a moment.
    pub(crate) fn new(issuer: Pin, certificate: &Certificate, issued_at: OffsetDateTime) -> Self {
        let identity = certificate.identity();
        Self { issuer, serial: identity.serial().clone(), issued_at, not_after: identity.not_after() }
    }

    /// Of what is on record.
    pub(crate) fn recorded(record: &CertificateRecord) -> Self {
        let draft = &record.draft;
        Self {
            issuer: draft.issuer.key,
            serial: draft.serial.clone(),
            issued_at: record.issued_at.unwrap_or(draft.drafted_at),
            not_after: draft.not_after,
        }
    }

    /// What the ledger knows it by.
    pub(crate) fn id(&self) -> CertificateId {
        CertificateId { issuer: self.issuer, serial: self.serial.clone() }
    }
}

/// A leaf that was replaced and is still good beside the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Former {
    pub(crate) leaf: Leaf,
    /// When it is taken back.
    pub(crate) until: OffsetDateTime,
}

/// What becomes of the leaf that is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// Nothing: there is none, or it is past being of use.
    Gone,
    /// It stays good for a while.
    Overlaps,
    /// Its key is lost: it is taken back as soon as the new one is there.
    Lost,
    /// It is taken back as soon as the new one is there, and so are those before it that are still good.
    Revoked { reason: RevocationReason, by: String },
}

/// A replacement that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// What was drafted; none where a draft came to nothing and another one is wanted.
    pub(crate) drafted: Option<CertificateId>,
    pub(crate) since: OffsetDateTime,
    pub(crate) old: Old,
}

/// Everything that is kept of one service on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) current: Option<Leaf>,
    /// Oldest first.
    pub(crate) former: Vec<Former>,
    pub(crate) pending: Option<Pending>,
}

impl Kept {
    /// The replaced leaves that are still good at a moment.
    pub(crate) fn good_before(&self, now: OffsetDateTime) -> impl Iterator<Item = &Leaf> {
        self.former.iter().map(|former| &former.leaf).filter(move |leaf| leaf.not_after > now)
    }

    /// Every serial whose files are needed.
    pub(crate) fn serials(&self) -> impl Iterator<Item = &Serial> {
        let drafted = self.pending.iter().filter_map(|pending| pending.drafted.as_ref());
        let former = self.former.iter().map(|former| &former.leaf.serial);
        self.current.iter().map(|leaf| &leaf.serial).chain(former).chain(drafted.map(|id| &id.serial))
    }

    /// The text of the note.
    pub(crate) fn text(&self) -> String {
        json!({
            "current": self.current.as_ref().map(leaf_json),
            "former": self.former.iter().map(former_json).collect::<Vec<_>>(),
            "pending": self.pending.as_ref().map(pending_json),
        })
        .to_string()
    }

    /// Reads the text of a note.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let value: Value = serde_json::from_str(text).map_err(unreadable)?;
        kept(&value).ok_or_else(|| unreadable("it is not what this version writes"))
    }
}

fn leaf_json(leaf: &Leaf) -> Value {
    json!({
        "issuer": leaf.issuer.to_string(),
        "serial": leaf.serial,
        "issued_at": written(leaf.issued_at),
        "not_after": written(leaf.not_after),
    })
}

fn former_json(former: &Former) -> Value {
    json!({ "leaf": leaf_json(&former.leaf), "until": written(former.until) })
}

fn pending_json(pending: &Pending) -> Value {
    let old = match &pending.old {
        Old::Gone => json!("gone"),
        Old::Overlaps => json!("overlaps"),
        Old::Lost => json!("lost"),
        Old::Revoked { reason, by } => json!({ "reason": reason, "by": by }),
    };
    let drafted = pending.drafted.as_ref();
    json!({
        "drafted": drafted.map(|id| json!({ "issuer": id.issuer.to_string(), "serial": id.serial })),
        "since": written(pending.since),
        "old": old,
    })
}

fn kept(value: &Value) -> Option<Kept> {
    Some(Kept {
        current: optional(value.get("current")?, leaf)?,
        former: value.get("former")?.as_array()?.iter().map(former).collect::<Option<_>>()?,
        pending: optional(value.get("pending")?, pending)?,
    })
}

/// Null is nothing; anything else must be readable.
fn optional<T>(value: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

fn leaf(value: &Value) -> Option<Leaf> {
    let CertificateId { issuer, serial } = id(value)?;
    Some(Leaf {
        issuer,
        serial,
        issued_at: moment(value, "issued_at")?,
        not_after: moment(value, "not_after")?,
    })
}

fn former(value: &Value) -> Option<Former> {
    Some(Former { leaf: leaf(value.get("leaf")?)?, until: moment(value, "until")? })
}

fn pending(value: &Value) -> Option<Pending> {
    let old = match value.get("old")? {
        Value::String(word) if word == "gone" => Old::Gone,
        Value::String(word) if word == "overlaps" => Old::Overlaps,
        Value::String(word) if word == "lost" => Old::Lost,
        Value::Object(old) => Old::Revoked {
            reason: old.get("reason")?.as_str()?.parse().ok()?,
            by: old.get("by")?.as_str()?.to_owned(),
        },
        _ => return None,
    };
    Some(Pending { drafted: optional(value.get("drafted")?, id)?, since: moment(value, "since")?, old })
}

fn id(value: &Value) -> Option<CertificateId> {
    let issuer = Pin::parse(value.get("issuer")?.as_str()?).ok()?;
    Some(CertificateId { issuer, serial: Serial::parse(value.get("serial")?.as_str()?).ok()? })
}

fn moment(value: &Value, name: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.get(name)?.as_str()?, &Rfc3339).ok()
}

/// A moment as JSON has it.
pub(crate) fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn unreadable(why: impl std::fmt::Display) -> Fault {
    Fault::theirs("the ledger's note about a service cannot be read")
        .because(why)
        .remedy("see whether a newer version of this node wrote it")
}

#[cfg(test)]
mod tests {
    use identity::{Pin, RevocationReason, Serial};
    use ledger::CertificateId;
    use time::Duration;
    use time::macros::datetime;

    use super::{Former, Kept, Leaf, Old, Pending};

    #[test]
    fn a_note_says_after_reading_what_it_said_before_writing() {
        let at = datetime!(2026-11-26 12:00:00.25 UTC);
        let leaf = |n: u8| Leaf {
            issuer: Pin::of_spki(b"issuer"),
            serial: Serial::from_bytes(&[n; 16]),
            issued_at: at,
            not_after: at + Duration::days(90),
        };
        let drafted = CertificateId { issuer: Pin::of_spki(b"issuer"), serial: Serial::from_bytes(&[9; 16]) };
        for old in [
            Old::Gone,
            Old::Overlaps,
            Old::Lost,
            Old::Revoked { reason: RevocationReason::KeyCompromise, by: "admin \"x\"".into() },
        ] {
            for drafted in [None, Some(drafted.clone())] {
                let kept = Kept {
                    current: Some(leaf(1)),
                    former: vec![Former { leaf: leaf(2), until: at }],
                    pending: Some(Pending { drafted, since: at, old: old.clone() }),
                };
                assert_eq!(Kept::read(&kept.text()), Ok(kept));
            }
        }
        assert_eq!(Kept::read(&Kept::default().text()), Ok(Kept::default()));
        assert!(Kept::read("{}").is_err() && Kept::read("").is_err());
    }
}
