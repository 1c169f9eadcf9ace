//! Problem documents (RFC 7807) of the kinds that RFC 8555 §6.7 and RFC 9773 name.

use std::fmt;

use serde_json::{Value, json};

use super::identifier::Identifier;
use super::jwk::ALGORITHMS;

/// Declares every kind of trouble once: variant, the word after `urn:ietf:params:acme:error:`, HTTP status.
macro_rules! troubles {
    ($($(#[$said:meta])+ $variant:ident = $word:literal, $status:literal;)+) => {
        /// What kind of "no" it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trouble { $($(#[$said])+ $variant,)+ }

        impl Trouble {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word behind `urn:ietf:params:acme:error:`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The status that it usually travels with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

troubles! {
    /// No account has this key or this address.
    AccountDoesNotExist = "accountDoesNotExist", 400;
    /// The certificate has been replaced by another order already.
    AlreadyReplaced = "alreadyReplaced", 409;
    /// The certificate is revoked already.
    AlreadyRevoked = "alreadyRevoked", 400;
    /// The certificate request cannot be certified.
    BadCsr = "badCSR", 400;
    /// The nonce is used, too old, or not ours: try again with the one that comes with the answer.
    BadNonce = "badNonce", 400;
    /// The key is too weak or of a kind that is not taken.
    BadPublicKey = "badPublicKey", 400;
    /// The reason is none that a certificate can be revoked for here.
    BadRevocationReason = "badRevocationReason", 400;
    /// The signature's algorithm is not taken, or not the key's.
    BadSignatureAlgorithm = "badSignatureAlgorithm", 400;
    /// The server for the name could not be reached.
    Connection = "connection", 400;
    /// The name could not be resolved.
    Dns = "dns", 400;
    /// An account needs a key from the authority's operator.
    ExternalAccountRequired = "externalAccountRequired", 403;
    /// The server for the name answered something else than the challenge asks for.
    IncorrectResponse = "incorrectResponse", 403;
    /// A contact cannot be used.
    InvalidContact = "invalidContact", 400;
    /// The request cannot be read.
    Malformed = "malformed", 400;
    /// The order cannot be finalized as it is.
    OrderNotReady = "orderNotReady", 403;
    /// Too much was asked for.
    RateLimited = "rateLimited", 429;
    /// No certificate is issued for the name.
    RejectedIdentifier = "rejectedIdentifier", 400;
    /// It failed, and not by the client's doing.
    ServerInternal = "serverInternal", 500;
    /// The TLS handshake with the server for the name failed.
    Tls = "tls", 400;
    /// The account may not do this.
    Unauthorized = "unauthorized", 403;
    /// A contact is of a kind that is not taken.
    UnsupportedContact = "unsupportedContact", 400;
    /// A name is of a kind that is not certified.
    UnsupportedIdentifier = "unsupportedIdentifier", 400;
    /// Somebody has to read something first.
    UserActionRequired = "userActionRequired", 403;
}

/// A "no" to an ACME client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    trouble: Trouble,
    detail: String,
    status: u16,
    retry_after: Option<u32>,
    parts: Vec<(Identifier, Problem)>,
}

impl Problem {
    /// A problem of this kind; `detail` is what the client's user reads.
    #[must_use]
    pub fn new(trouble: Trouble, detail: impl Into<String>) -> Self {
        Self {
            trouble,
            detail: detail.into(),
            status: trouble.status(),
            retry_after: None,
            parts: Vec::new(),
        }
    }

    /// A request that cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Trouble::Malformed, detail)
    }

    /// Travels with another status than usual.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Tells the client after how many seconds it may try again.
    #[must_use]
    pub fn retried_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Says what is wrong with each of several names (RFC 8555 §6.7.1).
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<(Identifier, Self)>) -> Self {
        self.parts = parts;
        self
    }

    /// Its kind.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// What the client's user reads.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status that it travels with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// After how many seconds the client may try again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// The document.
    #[must_use]
    pub fn shown(&self) -> Value {
        let kind = format!("urn:ietf:params:acme:error:{}", self.trouble.as_str());
        let mut document = json!({ "type": kind, "detail": self.detail, "status": self.status });
        let Some(fields) = document.as_object_mut() else { return document };
        if self.trouble == Trouble::BadSignatureAlgorithm {
            fields.insert("algorithms".to_owned(), json!(ALGORITHMS));
        }
        if !self.parts.is_empty() {
            let part = |(identifier, problem): &(Identifier, Self)| {
                let mut shown = problem.shown();
                if let Some(fields) = shown.as_object_mut() {
                    fields.remove("status");
                    fields.insert("identifier".to_owned(), identifier.shown());
                }
                shown
            };
            fields.insert("subproblems".to_owned(), self.parts.iter().map(part).collect());
        }
        document
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trouble.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::{Problem, Trouble};
    use crate::acme::Identifier;

    #[test]
    fn a_problem_says_its_kind_and_which_name_it_is_about() {
        let name = Identifier::parse("dns", "a.example").unwrap();
        let part = Problem::new(Trouble::RejectedIdentifier, "no");
        let shown =
            Problem::new(Trouble::RejectedIdentifier, "see below").with_parts(vec![(name, part)]).shown();
        assert_eq!(shown["type"], "urn:ietf:params:acme:error:rejectedIdentifier");
        assert_eq!(shown["status"], 400);
        assert_eq!(shown["subproblems"][0]["identifier"]["value"], "a.example");
    }

    #[test]
    fn who_signs_with_an_unknown_algorithm_is_told_the_known_ones() {
        let shown = Problem::new(Trouble::BadSignatureAlgorithm, "HS256").shown();
        assert_eq!(shown["algorithms"], serde_json::json!(["ES256", "ES384", "EdDSA", "RS256"]));
    }
}
