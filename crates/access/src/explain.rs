use std::fmt;

use fault::{Code, Refusal};
use identity::{CommonName, Verified};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::claim::Claim;
use crate::directory::{Entry, Principal};
use crate::grants::{EVERY_DATABASE, EVERYONE};
use crate::{Accepted, Directory, Grants, Level, Peer, Permit, admit, admit_admin, recognize};

/// What a peer wants to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A database.
    Database(&'a str),
    /// The administrators' routes.
    ControlPlane,
}

/// Both decisions about a certificate, with everything that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The certificate's subject; none where none was presented.
    pub subject: Option<String>,
    /// The certificate's serial number in hex.
    pub serial: Option<String>,
    /// Every `mtls` entry of every principal.
    pub principals: Vec<Considered>,
    /// The principal that was recognized; none where anonymous or refused.
    pub principal: Option<String>,
    /// Every grant that is about the target.
    pub grants: Vec<GrantConsidered>,
    /// What came of it.
    pub outcome: Outcome,
}

/// One `mtls` entry that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Whose entry it is.
    pub principal: String,
    /// Whether that principal may sign in.
    pub active: bool,
    /// The entry's conditions.
    pub entry: String,
    /// Whether all of them hold.
    pub matched: bool,
    /// The first condition that does not hold, and what the certificate has instead.
    pub why_not: Option<String>,
}

/// One grant that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantConsidered {
    /// The database it is on, or `*`.
    pub database: String,
    /// Whom it speaks of, or `*`.
    pub principal: String,
    /// What it allows.
    pub level: Level,
    /// Whether it speaks of this peer.
    pub applies: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "decision")]
pub enum Outcome {
    /// The peer may.
    Admitted {
        /// What it may do.
        level: Level,
        /// Until when, in RFC 3339; none where nothing ends it.
        until: Option<String>,
    },
    /// The peer may not.
    Refused {
        /// The stable code.
        code: Code,
        /// What the peer hears.
        sentence: String,
        /// Why.
        cause: String,
        /// What to do next.
        remedy: String,
    },
}

/// Decides as [`recognize`](fn@recognize) and [`admit`](fn@admit) do, and tells what was compared on the way.
#[must_use]
pub fn explain(
    directory: &Directory,
    grants: &Grants,
    accepted: &[Accepted],
    verified: Option<&Verified>,
    target: Target<'_>,
    now: OffsetDateTime,
) -> Explanation {
    let recognized = recognize(directory, accepted, verified, now);
    let permit = match &recognized {
        Ok(peer) => match target {
            Target::Database(name) => admit(peer, grants, name, now),
            Target::ControlPlane => admit_admin(peer, grants, now),
        },
        Err(refusal) => Err(refusal.clone()),
    };
    let peer = recognized.ok();
    let identity = verified.map(|verified| verified.leaf().identity());
    Explanation {
        subject: identity.map(|identity| identity.subject().to_string()),
        serial: identity.map(|identity| identity.serial().to_string()),
        principals: verified.map(|verified| compared(directory, verified)).unwrap_or_default(),
        principal: peer.as_ref().and_then(Peer::principal).map(str::to_owned),
        grants: considered(grants, peer.as_ref(), target),
        outcome: outcome(permit),
    }
}

fn compared(directory: &Directory, verified: &Verified) -> Vec<Considered> {
    if directory.is_common_name_is_principal() {
        return vec![by_common_name(verified)];
    }
    directory.entries().map(|(principal, entry)| considered_entry(principal, entry, verified)).collect()
}

fn considered_entry(principal: &Principal, entry: &Entry, verified: &Verified) -> Considered {
    let conditions: Vec<String> = entry.claims.iter().map(ToString::to_string).collect();
    let failed = entry.claims.iter().find(|claim| !claim.holds(verified));
    let why_not =
        |claim: &Claim| format!("the certificate's {} is {}", claim.field(), claim.presented(verified));
    Considered {
        principal: principal.name.to_string(),
        active: principal.active,
        entry: conditions.join(", "),
        matched: failed.is_none(),
        why_not: failed.map(why_not),
    }
}

/// Where no principals are listed, the common name is compared with nothing.
fn by_common_name(verified: &Verified) -> Considered {
    let (principal, why_not) = match verified.leaf().identity().common_name() {
        CommonName::One(name) if name == EVERYONE => (name.clone(), Some("the name is reserved".to_owned())),
        CommonName::One(name) => (name.clone(), None),
        CommonName::None => (String::new(), Some("the certificate has no common name".to_owned())),
        CommonName::Unusable(why) => (String::new(), Some(format!("its common name cannot be used: {why}"))),
    };
    let entry = "the common name is the principal".to_owned();
    Considered { principal, active: true, entry, matched: why_not.is_none(), why_not }
}

fn considered(grants: &Grants, peer: Option<&Peer>, target: Target<'_>) -> Vec<GrantConsidered> {
    let name = peer.and_then(Peer::principal);
    match target {
        Target::Database(database) => grants
            .written()
            .iter()
            .filter(|grant| grant.database == database || grant.database == EVERY_DATABASE)
            .map(|grant| GrantConsidered {
                database: grant.database.clone(),
                principal: grant.principal.clone(),
                level: grant.level,
                applies: peer.is_some()
                    && (grant.principal == EVERYONE || Some(grant.principal.as_str()) == name),
            })
            .collect(),
        Target::ControlPlane => Vec::new(),
    }
}

fn outcome(decision: Result<Permit, Refusal>) -> Outcome {
    match decision {
        Ok(permit) => Outcome::Admitted {
            level: permit.level(),
            until: permit.until().and_then(|until| until.format(&Rfc3339).ok()),
        },
        Err(refusal) => Outcome::Refused {
            code: refusal.code(),
            sentence: refusal.sentence().to_owned(),
            cause: refusal.cause().to_owned(),
            remedy: refusal.code().remedy().to_owned(),
        },
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.subject, &self.serial) {
            (Some(subject), Some(serial)) => writeln!(f, "certificate {subject} (serial {serial})")?,
            _ => writeln!(f, "no certificate")?,
        }
        for considered in &self.principals {
            writeln!(f, "  {considered}")?;
        }
        if let Some(principal) = &self.principal {
            writeln!(f, "principal {principal}")?;
        }
        for grant in &self.grants {
            writeln!(f, "  {grant}")?;
        }
        self.outcome.fmt(f)
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.matched { "yes" } else { "no " };
        write!(f, "{mark} {}: {}", self.principal, self.entry)?;
        if let Some(why) = &self.why_not {
            write!(f, " ({why})")?;
        }
        if !self.active {
            f.write_str(" [switched off]")?;
        }
        Ok(())
    }
}

impl fmt::Display for GrantConsidered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.applies { "yes" } else { "no " };
        write!(f, "{mark} {} on {}: {}", self.principal, self.database, self.level)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted { level, until: Some(until) } => write!(f, "admitted: {level} until {until}"),
            Self::Admitted { level, until: None } => write!(f, "admitted: {level}"),
            Self::Refused { code, sentence, cause, remedy } => {
                write!(f, "refused: {code}: {sentence}\n  cause: {cause}\n  try: {remedy}")
            }
        }
    }
}
