//! Asking the authorities' own services: lists from distribution points, and OCSP.
//!
//! - [`inquiries`]: asks, remembers, and asks again in time; the one thing that others use.
//! - [`subject`]: one certificate and everybody who can be asked about it; [`look`]: what memory says.
//! - [`lists`] and [`answers`]: the two methods; [`kept`]: an answer with its times, for both;
//!   [`rejected`]: why what was fetched is not kept.
//! - [`early`]: lists that are fetched at the start; [`taken_back`]: what was once revoked and is not forgotten.
//! - [`fetch`]: one bounded request to a server that a certificate names.
//! - [`metrics`] and [`shown`]: what the node says of all that.

mod answers;
mod early;
mod fetch;
mod inquiries;
mod kept;
mod lists;
mod look;
mod metrics;
mod rejected;
mod shown;
mod subject;
mod taken_back;

pub use fetch::Rewrite;
pub use inquiries::{Inquiries, Settings};
pub use metrics::{Described, Metrics};
pub use shown::SourceShown;
