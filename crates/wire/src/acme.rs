//! ACME (RFC 8555): what clients send, checked before it is believed, and the objects that they are sent.
//!
//! - [`Jws`]: a signed request (RFC 7515, flattened). Its payload comes out as [`Signed`], once the signature holds.
//! - [`Jwk`]: a public key (RFC 7517), its thumbprint (RFC 7638) and the signatures that it checks.
//! - [`Binding`]: the proof that the one who asks for an account holds a key that the authority gave out.
//! - [`Problem`]: a "no", as RFC 7807 writes it.
//! - [`Identifier`]: a name that a certificate is asked for.
//! - [`asked`]: what the payloads say. [`shown`]: the objects that are answered.
//! - [`challenge`]: what proves the control of a name (RFC 8555 §8, RFC 8737, RFC 8738).
//! - [`CertId`]: how RFC 9773 names a certificate.

pub mod asked;
mod base64url;
mod binding;
mod cert_id;
pub mod challenge;
mod envelope;
mod identifier;
mod jwk;
mod jws;
mod object;
mod problem;
pub mod shown;

pub use binding::Binding;
pub use cert_id::CertId;
pub use identifier::Identifier;
pub use jwk::Jwk;
pub use jws::{Jws, Signed, Signer};
pub use problem::{Problem, Trouble};
