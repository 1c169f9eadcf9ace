//! Asking the authorities' own services: lists from distribution points, and OCSP.
//!
//! - [`inquiries`]: asks, remembers, and asks again in time; the one thing that others use.
//! - [`subject`]: one certificate and everybody who can be asked about it; [`look`]: what memory says.
//! - [`lists`] and [`answers`]: the two methods; [`kept`]: an answer with its times, for both;
//!   [`rejected`]: why what was fetched is not kept.
//! - [`early`]: lists that are fetched at the start.
//! - [`past`]: what is never forgotten: [`taken_back`], who was once revoked; [`high_water`], how new the newest lists were.
//! - [`fetch`]: one bounded request to a server that a certificate names.
//! - [`metrics`] and [`shown`]: what the node says of all that.

mod answers;
mod early;
mod fetch;
mod high_water;
mod inquiries;
mod kept;
mod lists;
mod look;
mod metrics;
mod past;
mod rejected;
mod shown;
mod subject;
mod taken_back;

pub use fetch::Rewrite;
pub use inquiries::{Around, Inquiries, Settings};
pub use metrics::{Described, Metrics};
pub use past::Past;
pub use shown::SourceShown;
