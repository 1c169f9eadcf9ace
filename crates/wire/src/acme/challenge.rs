//! What proves that an account controls a name.

use aws_lc_rs::digest;

use super::base64url;
use super::jwk::Jwk;

/// How control is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// A file on the web server of the name (RFC 8555 §8.3).
    Http01,
    /// A certificate in a TLS handshake with the name (RFC 8737).
    TlsAlpn01,
}

impl Method {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Http01, Self::TlsAlpn01];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }

    /// The method that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// Where a web server has the answer to http-01, less the token.
pub const WELL_KNOWN: &str = "/.well-known/acme-challenge/";

/// The protocol that tls-alpn-01 is spoken in.
pub const ALPN: &[u8] = b"acme-tls/1";

/// The extension of the certificate that tls-alpn-01 shows (id-pe-acmeIdentifier).
pub const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// A token of 256 random bits as text.
#[must_use]
pub fn token(random: &[u8; 32]) -> String {
    base64url::encode(random)
}

/// What only the holder of the account's key answers to this token (RFC 8555 §8.1).
#[must_use]
pub fn key_authorization(token: &str, account: &Jwk) -> String {
    format!("{token}.{}", account.thumbprint())
}

/// What the certificate of tls-alpn-01 carries: SHA-256 of the key authorization.
#[must_use]
pub fn key_authorization_digest(key_authorization: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let sum = digest::digest(&digest::SHA256, key_authorization.as_bytes());
    for (to, from) in out.iter_mut().zip(sum.as_ref()) {
        *to = *from;
    }
    out
}
