//! The node described for administrators and for the start-up announcement.

use std::net::SocketAddr;

use registrar::rotation::Holdings;
use registrar::{Anchor, Lasting};
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a node says of itself once it listens.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The addresses where peers arrive.
    pub listeners: Vec<ListenerShown>,
    /// The databases behind the door.
    pub databases: Vec<DatabaseShown>,
    /// The servers behind the door.
    pub upstreams: Vec<UpstreamShown>,
    /// Certificates that the node presents or trusts.
    pub certificates: Vec<CertificateShown>,
    /// Revocation lists from files, for each TLS profile.
    pub lists: Vec<ListShown>,
    /// The authorities that the node serves with.
    pub holdings: Holdings,
    /// Whom the node believes about its clients.
    pub trust: Vec<Anchor>,
    /// What the node serves with and our authority made, each with its end.
    pub lasting: Vec<Lasting>,
}

/// A listener as the node announces it.
#[derive(Clone, Debug, Serialize)]
pub struct ListenerShown {
    /// Its name.
    pub name: String,
    /// The bound address.
    pub address: SocketAddr,
    /// The address as configured, where it says more than the bound one does (`:11023`).
    #[serde(skip)]
    pub written: String,
    /// `h1`, `h2` or `postgres`.
    pub transport: &'static str,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// `require`, `request`, or nothing where no client certificate is asked for.
    pub client_auth: Option<&'static str>,
    /// Accepted ways to sign in.
    pub auth: Vec<&'static str>,
    /// The one database of a node that the environment alone configures.
    #[serde(skip)]
    pub single: Option<String>,
}

/// A database as the node announces it.
#[derive(Clone, Debug, Serialize)]
pub struct DatabaseShown {
    /// Its name.
    pub name: String,
    /// `sqlite` for a file, `memory` for a shared one in memory, `ledger`, `postgres` for one on a server behind the door.
    pub backend: &'static str,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The server behind the door that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A PostgreSQL behind the door as the node announces it.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamShown {
    /// The service's name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// The database there.
    pub database: String,
    /// How the connection is protected.
    pub sslmode: &'static str,
    /// Whether the server's certificate is judged.
    pub judged: bool,
    /// `per_principal` or `shared`.
    pub identity: &'static str,
    /// Whether connections are kept for the next client.
    pub warm: bool,
}

/// A certificate that the node presents or trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateShown {
    /// What it is for: `tls.prod`, `tls.prod client_ca`.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its end.
    pub not_after: OffsetDateTime,
}

impl CertificateShown {
    pub(crate) fn new(name: String, certificate: &identity::Certificate) -> Self {
        let identity = certificate.identity();
        Self { name, subject: identity.subject().to_string(), not_after: identity.not_after() }
    }

    fn status(&self, now: OffsetDateTime) -> Value {
        json!({
            "name": self.name,
            "subject": self.subject,
            "not_after": self.not_after.format(&Rfc3339).unwrap_or_default(),
            "days": (self.not_after - now).whole_days(),
        })
    }
}

/// A revocation list from a file, as a TLS profile judges by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListShown {
    /// The TLS profile.
    pub tls: String,
    /// The file.
    pub source: String,
    /// The authority.
    pub issuer: String,
    /// Its number, where it has one.
    pub number: Option<String>,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// By when there is a newer one, where it says so.
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates it names.
    pub entries: usize,
}

impl ListShown {
    pub(crate) fn new(tls: &str, list: &identity::List) -> Self {
        let crl = list.crl();
        Self {
            tls: tls.to_owned(),
            source: list.name().to_owned(),
            issuer: crl.issuer().to_string(),
            number: crl.number().map(|number| number.to_string()),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            entries: crl.len(),
        }
    }

    /// Beside what was asked of authorities, in the form that they have there.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Value {
        json!({
            "method": "file",
            "tls": self.tls,
            "source": self.source,
            "issuer": self.issuer,
            "number": self.number,
            "this_update": self.this_update.format(&Rfc3339).unwrap_or_default(),
            "next_update": self.next_update.and_then(|at| at.format(&Rfc3339).ok()),
            "outdated": self.next_update.is_some_and(|end| end < now),
            "entries": self.entries,
        })
    }
}

impl Announcement {
    /// The body of `/_admin/status`.
    pub(crate) fn status(&self, generation: u64, started: OffsetDateTime, now: OffsetDateTime) -> Value {
        json!({
            "status": "ok",
            "generation": generation,
            "uptime_seconds": (now - started).whole_seconds(),
            "listeners": self.listeners,
            "databases": self.databases,
            "upstreams": self.upstreams,
            "certificates": self.certificates.iter().map(|shown| shown.status(now)).collect::<Vec<_>>(),
        })
    }
}

impl ListenerShown {
    /// The start-up line of the listener, in the one format that scripts may wait for.
    #[must_use]
    pub fn line(&self) -> String {
        let (name, tls) = match (self.transport, self.tls) {
            (POSTGRES, _) => ("PostgreSQL", "on"),
            (_, true) => ("HTTPS", "on"),
            (_, false) => ("HTTP", "off"),
        };
        let mtls = self.client_auth.map(|auth| format!(", mtls=on (clientAuth={auth})")).unwrap_or_default();
        match &self.single {
            Some(file) => {
                format!(
                    "countersign {name} listening on {} (mode=wr, db={file}, tls={tls}{mtls})",
                    self.written
                )
            }
            None => {
                let (address, transport) = (self.address, self.transport);
                format!("countersign {name} listening on {address} (transport={transport}, tls={tls}{mtls})")
            }
        }
    }
}

/// The word for it in a configuration.
const POSTGRES: &str = config::Transport::Postgres.as_str();
