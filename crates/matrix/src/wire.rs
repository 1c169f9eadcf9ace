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
    pub spoken: Spoken,
    /// Below it: this version of TLS; none for clear text.
    pub tls: Option<TlsVersion>,
}

/// Every way that the matrix knows. A new transport joins by its line; until then its listeners are reported as not
/// covered, and the matrix fails.
const WIRES: &[Wire] = &[
    Wire { transport: "h2", spoken: Spoken::H2, tls: Some(TlsVersion::V1_3) },
    Wire { transport: "h2", spoken: Spoken::H1, tls: Some(TlsVersion::V1_3) },
    Wire { transport: "h2", spoken: Spoken::H1, tls: Some(TlsVersion::V1_2) },
    Wire { transport: "h1", spoken: Spoken::H1, tls: None },
];

impl Wire {
    /// The ways to speak to a listener of this transport.
    pub fn of(transport: &str) -> impl Iterator<Item = Self> {
        WIRES.iter().copied().filter(move |wire| wire.transport == transport)
    }

    /// The application protocol that a handshake offers.
    pub(crate) fn alpn(self) -> &'static str {
        match self.spoken {
            Spoken::H1 => "http/1.1",
            Spoken::H2 => "h2",
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tls {
            Some(version) => write!(f, "{} over TLS {}", self.alpn(), version.as_str()),
            None => write!(f, "{} in clear text", self.alpn()),
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
            Some(Transport::H2 | Transport::Postgres) => None,
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
