//! What a certificate proves: names, keys, trust, and the one function that verifies.
//!
//! Pure: bytes and `now` go in, values come out; no file, no socket, no clock.
//!
//! - [`certificate`]: a parsed X.509 certificate, version 1 or 3.
//! - [`identity`]: what the certificate says about its holder; [`name`], [`san`], [`serial`] and [`pin`] are its parts.
//! - [`key`]: private keys in every common form; [`secret`]: passwords that are wiped.
//! - [`credential`]: a chain with the key that belongs to its leaf.
//! - [`der`]: taking signed structures apart.
//! - [`tls_server_end_point`]: what binds what is said to the server's certificate.
//! - [`pem`]: certificates out of PEM or DER, and what else a file may hold.
//! - [`ocsp`]: asking an authority about one certificate, and judging what it answers.
//! - [`revocation`]: what is taken back before its end, and how strictly that is asked.
//! - [`trust`], [`verify`](mod@verify) and [`signature`]: whom we believe, and the one place that says yes.

mod certificate;
mod credential;
pub mod der;
mod end_point;
mod identity;
mod key;
mod malformed;
mod name;
pub mod ocsp;
mod pem;
mod pin;
mod revocation;
mod san;
mod secret;
mod serial;
mod signature;
mod trust;
mod verify;

pub use certificate::{Certificate, Usage};
pub use credential::{Credential, CredentialError};
pub use end_point::tls_server_end_point;
pub use identity::Identity;
pub use key::{KeyError, KeyKind, PrivateKey, Proof};
pub use malformed::Malformed;
pub use name::{CommonName, DistinguishedName};
pub use pem::{Found, PemError, certificates_from_pem};
pub use pin::{Fingerprint, Pin};
pub use revocation::{
    Crl, CrlCheck, CrlEntry, CrlError, CrlNumber, Denied, FailureMode, IssuerMatch, List, NamePattern,
    NotItsList, OcspCheck, OutdatedCrl, RecordedRevocation, RevocationPolicy, RevocationReason, Revocations,
    Revoked, Scope, UnknownReason, Unusable, Verification,
};
pub use san::San;
pub use secret::Secret;
pub use serial::Serial;
pub use signature::{BadSignature, handshake_schemes, verify_tls12_signature, verify_tls13_signature};
pub use trust::{Strictness, Trust};
pub use verify::{Asked, Method, Purpose, Verified, settle, verify, verify_again};
