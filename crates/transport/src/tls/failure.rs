//! Why a handshake failed.

use std::fmt;
use std::io;

use fault::{Code, Refusal};
use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};
use rustls_pki_types::CertificateDer;

use super::hello::HelloId;
use super::notes::{self, Notes};

/// What kind of failure it was; [`as_str`](Self::as_str) is its label in logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// We said no: the failure carries a [`Refusal`].
    Refused,
    /// The client speaks no version of TLS that we do.
    Version,
    /// The client offered application protocols, and none of ours.
    Alpn,
    /// No cipher suite, key exchange or signature scheme in common.
    NothingInCommon,
    /// The client did not show that it holds its certificate's key.
    Unproven,
    /// Plaintext HTTP on a TLS port.
    Plaintext,
    /// Bytes in clear text where TLS was asked for and had not begun: somebody between the two put them there, or the client
    /// did not wait for the answer.
    Injected,
    /// The client sent an alert: most often it does not trust our certificate.
    Alert,
    /// The client went away.
    Closed,
    /// What came is no TLS, or broken TLS.
    Garbage,
    /// The handshake took longer than it may.
    Timeout,
    /// A defect or a lack of resources of ours.
    Ours,
}

impl FailureKind {
    /// The label in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Version => "version",
            Self::Alpn => "alpn",
            Self::NothingInCommon => "nothing-in-common",
            Self::Unproven => "unproven",
            Self::Plaintext => "plaintext",
            Self::Injected => "injected",
            Self::Alert => "alert",
            Self::Closed => "closed",
            Self::Garbage => "garbage",
            Self::Timeout => "timeout",
            Self::Ours => "ours",
        }
    }

    /// What anybody may hear of it: true for every cause.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Refused => "the handshake was refused",
            Self::Version => "no version of TLS in common",
            Self::Alpn => "no application protocol in common",
            Self::NothingInCommon => "no cipher suite, key exchange or signature scheme in common",
            Self::Unproven => "the client did not prove that it holds its key",
            Self::Plaintext => "plaintext HTTP on a TLS port",
            Self::Injected => "received unencrypted data after SSL request",
            Self::Alert => "the client ended the handshake",
            Self::Closed => "the client went away",
            Self::Garbage => "what came is no TLS",
            Self::Timeout => "the handshake took too long",
            Self::Ours => "the server failed",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Refused => "see the refusal's own code",
            Self::Version => "allow TLS 1.2 or 1.3 in the client, and no less in min_version than it speaks",
            Self::Alpn => "check that this port is the one for what the client wants to speak",
            Self::NothingInCommon => {
                "give the client a current TLS library with its default cipher suites and key exchanges"
            }
            Self::Unproven => {
                "give the client the key of its certificate: openssl x509 -pubkey -noout -in CERT and openssl pkey -pubout -in KEY must print the same"
            }
            Self::Plaintext => "ask again with https://",
            Self::Injected => {
                "look for who stands between client and server; a client that sends more before its request for TLS is answered has a defect"
            }
            Self::Alert => {
                "most often the client does not trust the server's certificate: give it the authority that issued it, and connect by a name that the certificate carries"
            }
            Self::Closed => "look at the client's own log",
            Self::Garbage => "check that the client speaks TLS, and nothing before it",
            Self::Timeout => {
                "look for a slow network or a client that waits for the server to speak first, or raise limits.handshake_timeout"
            }
            Self::Ours => "see the server's log",
        }
    }

    /// Whether the client was sent something that it should have time to read.
    pub(crate) fn has_last_words(self) -> bool {
        !matches!(self, Self::Alert | Self::Closed | Self::Timeout | Self::Ours)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A handshake that came to nothing; the client has been told what TLS lets us tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeFailure {
    kind: FailureKind,
    cause: Box<str>,
    refusal: Option<Refusal>,
    sni: Option<Box<str>>,
    hello: Option<HelloId>,
    presented: Box<[CertificateDer<'static>]>,
}

impl HandshakeFailure {
    pub(crate) fn new(kind: FailureKind, cause: impl Into<Box<str>>) -> Self {
        Self { kind, cause: cause.into(), refusal: None, sni: None, hello: None, presented: Box::default() }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        let cause = refusal.to_string().into();
        Self {
            kind: FailureKind::Refused,
            cause,
            refusal: Some(refusal),
            sni: None,
            hello: None,
            presented: Box::default(),
        }
    }

    pub(crate) fn asked_for(mut self, sni: Option<Box<str>>) -> Self {
        self.sni = sni;
        self
    }

    pub(crate) fn greeted_by(mut self, hello: Option<HelloId>) -> Self {
        self.hello = hello;
        self
    }

    /// What rustls' error and the handshake's notes amount to; `ours` are the protocols that we speak.
    pub(crate) fn of(error: &io::Error, notes: Notes, ours: &[Vec<u8>]) -> Self {
        let Notes { refusal, presented, sni, foreign_alpn, .. } = notes;
        let failure = match refusal {
            Some(refusal) => Self::refused(refusal),
            None => match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(error) => Self::of_tls(error, foreign_alpn, ours),
                None => Self::new(FailureKind::Closed, gone(error)),
            },
        };
        Self { presented: presented.into(), ..failure.asked_for(sni) }
    }

    fn of_tls(error: &Error, foreign_alpn: Option<String>, ours: &[Vec<u8>]) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::refused(Refusal::new(
                Code::CertificateRequired,
                "tls: client didn't provide a certificate",
            )),
            Error::NoApplicationProtocol => {
                let offered = foreign_alpn.unwrap_or_default();
                let ours = notes::listed(ours.iter().map(Vec::as_slice));
                let cause =
                    format!("tls: no application protocol: the client offered {offered}; we speak {ours}");
                Self::new(FailureKind::Alpn, cause)
            }
            Error::AlertReceived(alert) => Self::new(FailureKind::Alert, told(*alert)),
            Error::PeerIncompatible(why) => of_incompatible(why),
            Error::InvalidCertificate(_) => Self::new(
                FailureKind::Unproven,
                format!("the client did not prove that it holds its key: {error}"),
            ),
            Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
                Self::new(FailureKind::Version, "the client speaks no version of TLS that we know")
            }
            Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::PeerMisbehaved(_)
            | Error::PeerSentOversizedRecord
            | Error::DecryptError => Self::new(FailureKind::Garbage, error.to_string()),
            other => Self::new(FailureKind::Ours, other.to_string()),
        }
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Why, for the operator.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Our own no, where it was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// The name that the client asked for, where it came so far.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }

    /// The certificate that was refused, as the client sent it: whatever it says is a claim and no more.
    #[must_use]
    pub fn presented(&self) -> Option<&[u8]> {
        self.presented.first().map(AsRef::as_ref)
    }

    /// The whole chain that was refused, leaf first; nothing where none was presented.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.presented
    }

    /// The id that the client may ask about the handshake by, where its hello came so far.
    #[must_use]
    pub fn hello(&self) -> Option<HelloId> {
        self.hello
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for HandshakeFailure {}

fn of_incompatible(why: &PeerIncompatible) -> HandshakeFailure {
    let (kind, cause) = match why {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic
        // TLS 1.2 brought the extension: who lacks it speaks an older version.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            (FailureKind::Version, "the client offers only versions of TLS that we do not speak")
        }
        _ => (FailureKind::NothingInCommon, "the client and we have no cipher suite, key exchange or signature in common"),
    };
    HandshakeFailure::new(kind, format!("{cause} ({why:?})"))
}

/// An alert of the client in words.
fn told(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::UnknownCA => "unknown ca: it does not trust the authority of our certificate",
        AlertDescription::BadCertificate => {
            "bad certificate: it does not accept our certificate, often for its names"
        }
        AlertDescription::CertificateExpired => "certificate expired: our certificate, or the client's clock",
        AlertDescription::CertificateUnknown => "certificate unknown: it does not accept our certificate",
        AlertDescription::UnsupportedCertificate => {
            "unsupported certificate: our certificate is not for servers"
        }
        AlertDescription::CertificateRevoked => "certificate revoked: it holds our certificate for revoked",
        _ => return format!("the client ended the handshake with the alert {alert:?}"),
    };
    format!("the client ended the handshake with {why}")
}

fn gone(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the client closed in the middle of the handshake".to_owned(),
        _ => format!("the connection broke in the middle of the handshake: {error}"),
    }
}
