//! What is taken back before its end, and how strictly that is asked.
//!
//! - [`reason`]: why a certificate was revoked, in RFC 5280's words.
//! - [`policy`]: which sources are asked, for how long an answer counts, and what happens without one.

mod policy;
mod reason;

pub use policy::{CrlCheck, FailureMode, OcspCheck, OutdatedCrl, RevocationPolicy, Verification};
pub use reason::{RevocationReason, UnknownReason};
