//! What is taken back before its end, and how strictly that is asked.
//!
//! - [`reason`]: why a certificate was revoked, in RFC 5280's words.
//! - [`crl`]: certificate revocation lists.
//! - [`denied`], [`recorded`]: what an operator and our own ledger say; [`entries`] holds a million of them.
//! - [`known`]: all of it together, and what it says about a path.
//! - [`policy`]: which sources are asked, for how long an answer counts, and what happens without one.

mod crl;
mod denied;
mod entries;
pub(crate) mod known;
mod policy;
mod reason;
mod recorded;

pub use crl::{Crl, CrlEntry, CrlError, CrlNumber, NotItsList, Scope, Unusable};
pub use denied::{Denied, IssuerMatch, NamePattern};
pub use known::{List, Revocations, Revoked};
pub use policy::{CrlCheck, FailureMode, OcspCheck, OutdatedCrl, RevocationPolicy, Verification};
pub use reason::{RevocationReason, UnknownReason};
pub use recorded::RecordedRevocation;
