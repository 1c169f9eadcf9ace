use std::fmt;
use std::net::SocketAddr;

use identity::{Fingerprint, Serial};
use time::OffsetDateTime;

use crate::page::Cursor;

/// What kind of decision an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditKind {
    /// A peer was recognized.
    SignIn,
    /// A peer heard "no".
    Refusal,
    /// A certificate was issued.
    Issue,
    /// A certificate was taken back.
    Revoke,
    /// A session was ended before its peer was done with it.
    SessionEnd,
    /// A new configuration was published, or was refused.
    Reload,
    /// An administrator did something else.
    Admin,
}

impl AuditKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::SignIn, Self::Refusal, Self::Issue, Self::Revoke, Self::SessionEnd, Self::Reload, Self::Admin];

    /// The word for it, in the ledger and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Refusal => "refusal",
            Self::Issue => "issue",
            Self::Revoke => "revoke",
            Self::SessionEnd => "session-end",
            Self::Reload => "reload",
            Self::Admin => "admin",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for AuditKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One decision: who, by what evidence, from where, with which outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When, to the millisecond.
    pub at: OffsetDateTime,
    /// What kind of decision.
    pub kind: AuditKind,
    /// The principal, where one was recognized.
    pub principal: Option<String>,
    /// The method it signed in by: `mtls`, `none`.
    pub method: Option<String>,
    /// SHA-256 of the certificate that was presented.
    pub certificate: Option<Fingerprint>,
    /// That certificate's serial.
    pub serial: Option<Serial>,
    /// That certificate's issuer, as text.
    pub issuer: Option<String>,
    /// That certificate's common name; of one that did not verify it is a claim.
    pub name: Option<String>,
    /// The host name that the peer asked for in its TLS greeting.
    pub sni: Option<String>,
    /// The listener that it came to.
    pub listener: Option<String>,
    /// What it asked for, where a request was decided upon; none for what was decided in a handshake.
    pub target: Option<String>,
    /// Where the peer came from.
    pub remote: Option<SocketAddr>,
    /// The code of the refusal.
    pub code: Option<String>,
    /// Why, for the operator: the cause of a refusal, or what an administrator did.
    pub cause: Option<String>,
    /// The id that the peer was given with the refusal.
    pub refusal: Option<String>,
    /// The id that both ends know the TLS handshake by, where something was refused on it.
    pub handshake: Option<String>,
}

impl AuditEvent {
    /// An event of which nothing is known yet but its kind and moment.
    #[must_use]
    pub fn new(kind: AuditKind, at: OffsetDateTime) -> Self {
        Self {
            at,
            kind,
            principal: None,
            method: None,
            certificate: None,
            serial: None,
            issuer: None,
            name: None,
            sni: None,
            listener: None,
            target: None,
            remote: None,
            code: None,
            cause: None,
            refusal: None,
            handshake: None,
        }
    }
}

/// Which events to list; a field that is absent lets everything through.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The kind.
    pub kind: Option<AuditKind>,
    /// The principal.
    pub principal: Option<String>,
    /// The certificate's serial.
    pub serial: Option<Serial>,
    /// The refusal's id.
    pub refusal: Option<String>,
    /// The handshake's id.
    pub handshake: Option<String>,
    /// Only events from this moment on.
    pub since: Option<OffsetDateTime>,
    /// Only events from before this moment.
    pub until: Option<OffsetDateTime>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// At most this many in one page; 0 means [`Page::DEFAULT_LIMIT`](crate::Page::DEFAULT_LIMIT).
    pub limit: usize,
}
