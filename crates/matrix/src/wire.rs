//! What is spoken on a listener, and how the matrix speaks it: one line for each.

use std::fmt;

use client::Spoken;
use config::TlsVersion;
use serde::{Serialize, Serializer};

/// A way to speak to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The listener's transport, as the configuration names it.
    pub transport: &'static str,
    /// What is spoken.
    pub spoken: Tongue,
    /// Below it: this version of TLS; none for clear text.
    pub tls: Option<TlsVersion>,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// HTTP.
    Http(Spoken),
    /// PostgreSQL's protocol, version 3.
    Postgres(Begins),
}

/// How a PostgreSQL client comes to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// It asks for it first (SSLRequest).
    Asking,
    /// It begins with it (`sslnegotiation=direct`).
    Directly,
}

/// Every way that the matrix knows. A new transport joins by its line; until then its listeners are reported as not
/// covered, and the matrix fails.
const WIRES: &[Wire] = &[
    Wire { transport: "h2", spoken: Tongue::Http(Spoken::H2), tls: Some(TlsVersion::V1_3) },
    Wire { transport: "h2", spoken: Tongue::Http(Spoken::H1), tls: Some(TlsVersion::V1_3) },
    Wire { transport: "h2", spoken: Tongue::Http(Spoken::H1), tls: Some(TlsVersion::V1_2) },
    Wire { transport: "h1", spoken: Tongue::Http(Spoken::H1), tls: None },
    Wire { transport: "postgres", spoken: Tongue::Postgres(Begins::Asking), tls: Some(TlsVersion::V1_3) },
    Wire { transport: "postgres", spoken: Tongue::Postgres(Begins::Asking), tls: Some(TlsVersion::V1_2) },
    Wire { transport: "postgres", spoken: Tongue::Postgres(Begins::Directly), tls: Some(TlsVersion::V1_3) },
];

impl Wire {
    /// The ways to speak to a listener of this transport.
    pub fn of(transport: &str) -> impl Iterator<Item = Self> {
        WIRES.iter().copied().filter(move |wire| wire.transport == transport)
    }

    /// The application protocol that a handshake offers.
    pub(crate) fn alpn(self) -> &'static str {
        match self.spoken {
            Tongue::Http(Spoken::H1) => "http/1.1",
            Tongue::Http(Spoken::H2) => "h2",
            Tongue::Postgres(_) => "postgresql",
        }
    }

    fn name(self) -> &'static str {
        match self.spoken {
            Tongue::Http(_) => self.alpn(),
            Tongue::Postgres(Begins::Asking) => "postgresql (SSLRequest)",
            Tongue::Postgres(Begins::Directly) => "postgresql (direct)",
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tls {
            Some(version) => write!(f, "{} over TLS {}", self.name(), version.as_str()),
            None => write!(f, "{} in clear text", self.name()),
        }
    }
}

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use config::Transport;

    use super::Wire;

    #[test]
    fn every_transport_that_can_be_configured_is_covered() {
        // A match without a wildcard: whoever adds a transport meets it here.
        let next = |transport: Option<Transport>| match transport {
            None => Some(Transport::H1),
            Some(Transport::H1) => Some(Transport::H2),
            Some(Transport::H2) => Some(Transport::Postgres),
            Some(Transport::Postgres) => None,
        };
        let mut transport = None;
        while let Some(known) = next(transport) {
            assert!(Wire::of(known.as_str()).next().is_some(), "{}", known.as_str());
            transport = Some(known);
        }
    }

    #[test]
    fn a_transport_without_a_line_has_no_wire() {
        assert!(Wire::of("carrier-pigeon").next().is_none());
    }
}
