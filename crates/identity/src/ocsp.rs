//! Asking an authority about one certificate, and judging what it answers (OCSP, RFC 6960).
//!
//! - [`CertId`]: how a certificate is named by its issuer and serial number.
//! - [`Request`]: the question, in both directions.
//! - [`may_answer`]: whom an authority lets answer for it.
//! - [`verify`]: judges an answer; [`sign`] makes one.

mod answer;
mod asn1;
mod cert_id;
mod delegate;
mod path;
mod request;
mod signed;
#[cfg(test)]
mod tests;

pub use self::answer::{Answer, MOST_ANSWER_BYTES, OcspError, Status, verify};
pub use self::cert_id::{CertId, IdHash, IssuerId};
pub use self::delegate::may_answer;
pub use self::request::{MOST_REQUEST_BYTES, Request};
pub use self::signed::{Failure, Reply, Signature, Single, sign};
