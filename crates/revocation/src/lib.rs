//! Asking the authorities' own services: lists from distribution points, and OCSP.
//!
//! - [`fetch`]: one bounded request to a server that a certificate names.

pub mod fetch;

pub use fetch::Rewrite;
