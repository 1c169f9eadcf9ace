//! What a client saw.

use std::fmt;

use rustls::AlertDescription;

/// What came of a client's knock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A TLS alert, by its name in RFC 8446.
    Alert(String),
    /// The question was answered to this principal; none: to an anonymous peer.
    Answered {
        /// Its name.
        principal: Option<String>,
    },
    /// The question was refused.
    Refused {
        /// The status.
        status: u16,
        /// The code in the body.
        code: String,
    },
    /// The connection ended without a word.
    Closed,
    /// Nothing came for as long as a client waits.
    Silence,
    /// Something else, in the words of whoever noticed.
    Other(String),
}

impl Seen {
    pub(crate) fn alert(alert: AlertDescription) -> Self {
        Self::Alert(name(alert))
    }

    /// What a failure on the connection amounts to.
    pub(crate) fn failure(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(alert) => Self::alert(*alert),
            other => Self::Other(other.to_string()),
        }
    }

    /// What an I/O error amounts to; TLS hides its own inside.
    pub(crate) fn broken(error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::failure(tls),
            None if matches!(
                error.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
            ) =>
            {
                Self::Closed
            }
            None => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => write!(f, "alert {alert}"),
            Self::Answered { principal: Some(name) } => write!(f, "let in as {name}"),
            Self::Answered { principal: None } => f.write_str("let in, anonymous"),
            Self::Refused { status, code } => write!(f, "{status} {code}"),
            Self::Closed => f.write_str("closed without a word"),
            Self::Silence => f.write_str("silence"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// The name in RFC 8446: rustls' name in small letters, with the words apart.
fn name(alert: AlertDescription) -> String {
    if alert == AlertDescription::UnknownCA {
        return "unknown_ca".to_owned();
    }
    let mut name = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::name;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        for (alert, wanted) in [
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::CertificateRequired, "certificate_required"),
            (AlertDescription::BadCertificate, "bad_certificate"),
            (AlertDescription::ProtocolVersion, "protocol_version"),
        ] {
            assert_eq!(name(alert), wanted);
        }
    }
}
