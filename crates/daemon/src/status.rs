//! The node described for administrators and for the start-up announcement.

use std::net::SocketAddr;

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
    /// Certificates that the node presents or trusts.
    pub certificates: Vec<CertificateShown>,
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
    /// `h1` or `h2`.
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
    /// `sqlite` for a file, `memory` for a shared one in memory.
    pub backend: &'static str,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
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

impl Announcement {
    /// The body of `/_admin/status`.
    pub(crate) fn status(&self, generation: u64, started: OffsetDateTime, now: OffsetDateTime) -> Value {
        json!({
            "status": "ok",
            "generation": generation,
            "uptime_seconds": (now - started).whole_seconds(),
            "listeners": self.listeners,
            "databases": self.databases,
            "certificates": self.certificates.iter().map(|shown| shown.status(now)).collect::<Vec<_>>(),
        })
    }
}

impl ListenerShown {
    /// The start-up line of the listener, in the one format that scripts may wait for.
    #[must_use]
    pub fn line(&self) -> String {
        let (name, tls) = if self.tls { ("HTTPS", "on") } else { ("HTTP", "off") };
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
