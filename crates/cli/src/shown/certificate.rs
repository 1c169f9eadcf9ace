use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use identity::{Certificate, CommonName, KeyKind, RevocationReason, San, Usage};
use ledger::Revocation;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::moment::{self, SOON_DAYS, days, distance, rfc3339};
use super::printable;

/// Everything a certificate says, and what deserves a look.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    subject: String,
    issuer: String,
    serial: String,
    version: u8,
    not_before: String,
    not_after: String,
    days_left: i64,
    sans: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usages: Option<Vec<String>>,
    is_ca: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_length: Option<u32>,
    key: String,
    sha256: String,
    spki_sha256: String,
    pin: String,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<Revoked>,
    #[serde(skip)]
    valid: String,
}

/// When and why it was taken back, as the ledger has it.
#[derive(Clone, Debug, Serialize)]
struct Revoked {
    at: String,
    reason: RevocationReason,
    #[serde(skip)]
    said: String,
}

impl Shown {
    /// Reads a certificate as of `now`.
    pub(crate) fn new(certificate: &Certificate, now: OffsetDateTime) -> Self {
        let identity = certificate.identity();
        let (from, until) = (identity.not_before(), identity.not_after());
        let pin = identity.spki_sha256();
        Self {
            subject: identity.subject().to_string(),
            issuer: identity.issuer().to_string(),
            serial: identity.serial().to_string(),
            version: certificate.version(),
            not_before: rfc3339(from),
            not_after: rfc3339(until),
            days_left: days(until, now),
            sans: identity.sans().iter().map(ToString::to_string).collect(),
            usages: certificate.usages().map(|usages| usages.iter().map(usage).collect()),
            is_ca: certificate.is_ca(),
            path_length: certificate.path_len(),
            key: certificate
                .key_kind()
                .map_or_else(|| "of an unknown kind".to_owned(), |kind| kind.to_string()),
            sha256: certificate.fingerprint().to_string(),
            spki_sha256: pin.to_string(),
            pin: format!("sha256//{}", BASE64_STANDARD.encode(pin.bytes())),
            warnings: warnings(certificate, now),
            revoked: None,
            valid: format!("{} to {} ({})", moment::moment(from), moment::moment(until), ends(until, now)),
        }
    }

    /// With what the ledger says of its revocation.
    pub(crate) fn revoked(self, revocation: Option<Revocation>) -> Self {
        let revoked = revocation.map(|Revocation { at, reason }| Revoked {
            at: rfc3339(at),
            reason,
            said: format!("{}, {reason}", moment::moment(at)),
        });
        Self { revoked, ..self }
    }

    /// What deserves a look.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usages = match &self.usages {
            Some(usages) => usages.join(", "),
            None => "any (no extended key usage)".to_owned(),
        };
        let authority = match (self.is_ca, self.path_length) {
            (false, _) => "no".to_owned(),
            (true, None) => "yes".to_owned(),
            (true, Some(length)) => format!("yes, path length {length}"),
        };
        let sans = if self.sans.is_empty() { "none".to_owned() } else { self.sans.join(", ") };
        writeln!(f, "subject      {}", printable(&self.subject))?;
        writeln!(f, "issuer       {}", printable(&self.issuer))?;
        writeln!(f, "serial       {}", self.serial)?;
        writeln!(f, "version      {}", self.version)?;
        writeln!(f, "valid        {}", self.valid)?;
        if let Some(revoked) = &self.revoked {
            writeln!(f, "revoked      {}", revoked.said)?;
        }
        writeln!(f, "names        {}", printable(&sans))?;
        writeln!(f, "usages       {usages}")?;
        writeln!(f, "authority    {authority}")?;
        writeln!(f, "key          {}", self.key)?;
        writeln!(f, "sha256       {}", self.sha256)?;
        writeln!(f, "spki_sha256  {}", self.spki_sha256)?;
        write!(f, "pin          {}", self.pin)
    }
}

fn ends(until: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{} {}", if until < now { "ended" } else { "ends" }, distance(until, now))
}

fn usage(usage: &Usage) -> String {
    match usage {
        Usage::ServerAuth => "serverAuth".to_owned(),
        Usage::ClientAuth => "clientAuth".to_owned(),
        Usage::Any => "any".to_owned(),
        Usage::Other(oid) => oid.clone(),
    }
}

fn warnings(certificate: &Certificate, now: OffsetDateTime) -> Vec<String> {
    let identity = certificate.identity();
    let (from, until) = (identity.not_before(), identity.not_after());
    let serves = certificate.usages().is_some_and(|usages| usages.contains(&Usage::ServerAuth))
        && !certificate.is_ca();
    let named = identity.sans().iter().any(|san| matches!(san, San::Dns(_) | San::Ip(_)));
    let mut warnings = Vec::new();
    let mut warn = |when: bool, text: String| {
        if when {
            warnings.push(text);
        }
    };
    warn(now > until, format!("expired {}", distance(until, now)));
    warn(now < from, format!("not valid yet: valid {}", distance(from, now)));
    warn(now <= until && days(until, now) < SOON_DAYS, format!("ends {}", distance(until, now)));
    warn(
        serves && until - from > Duration::days(LONGEST_SERVER_DAYS + 1),
        format!("valid for more than {LONGEST_SERVER_DAYS} days: browsers refuse such server certificates"),
    );
    warn(serves && !named, "no DNS or IP name: clients compare host names with those alone".to_owned());
    warn(certificate.version() == 1, "X.509 version 1: it carries no usages and no names".to_owned());
    if let Some(KeyKind::Rsa(bits)) = certificate.key_kind() {
        warn(bits < 2048, format!("an RSA key of {bits} bits is too weak: 2048 are the least"));
    }
    if let CommonName::Unusable(why) = identity.common_name() {
        warn(true, format!("cannot be mapped by common name: {why}"));
    }
    warnings
}

const LONGEST_SERVER_DAYS: i64 = 398;
