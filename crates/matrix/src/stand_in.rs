//! Authorities and certificates made on the spot, in place of those that the configuration names: nobody's keys are
//! touched.
//!
//! - [`authority`](StandIn): a root, two client issuers, a server issuer.
//! - [`leaf`]: certificates with exactly one flaw.
//! - [`point`]: where their revocation lists can be fetched.
//! - [`server`](Server): a PostgreSQL that says who came.
//! - [`surgery`]: what rcgen does not make: X.509 version 1 and signatures with SHA-1.

mod authority;
mod leaf;
mod point;
mod server;
mod surgery;

pub(crate) use authority::{Purpose, StandIn, key};
pub(crate) use leaf::{Leaf, Shape};
pub(crate) use point::Point;
pub(crate) use server::Server;

use fault::Fault;

/// Why something could not be made.
pub(crate) fn unmade(what: &str) -> impl FnOnce(rcgen::Error) -> Fault {
    move |error| Fault::ours(format!("cannot make {what}")).because(error)
}
