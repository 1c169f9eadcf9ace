//! What our own authority answers over the door, and what it keeps in order by itself.
//!
//! The gateway has let a request in and says who asks; each office decides for whom it is there.
//!
//! - [`acme`]: certificates for servers that ask by RFC 8555.
//! - [`registrar`]: the offices, behind the gateway's trait.
//! - [`inventory`]: every certificate on record, for those who look for one.
//! - [`issuing`]: with what certificates are issued: replaced whole by a reload.
//! - [`enrolment`]: asking for a certificate over the door.
//! - [`keeping`]: what is done without being asked, until the node stops.
//! - [`lasting`]: until when what it keeps renewing is good.
//! - [`nonces`]: numbers that are good once. [`pace`]: how much one asker may ask.
//! - [`minted`](mod@minted): certificates of minutes in principals' names.
//! - [`nodes`](mod@nodes): the nodes that share the ledger, each with a note of itself.
//! - [`published`]: what everyone may fetch.
//! - [`reply`]: answers and their shapes.
//! - [`Successors`]: what was given in exchange for a certificate that is taken back.
//! - [`rotation`]: the authorities above the leaves, replaced without anybody noticing.
//! - [`services`]: registered services and their certificates.

pub mod acme;
mod asker;
pub mod enrolment;
pub mod inventory;
mod issuing;
mod keeping;
mod lasting;
mod minted;
mod nodes;
mod nonces;
mod pace;
mod published;
mod registrar;
mod reply;
mod revoking;
pub mod rotation;
mod services;
#[cfg(test)]
mod watched;

pub use issuing::{EnrolmentRules, Issuing, SERVICE, issuer_for, unknown_profile};
pub use keeping::keep;
pub use lasting::Lasting;
pub use minted::DESCRIBED as MINTED_METRICS;
pub use nodes::{Anchor, Node, Standing, keep_noted, nodes};
pub use published::{Metrics as PublishedMetrics, published_parts};
pub use registrar::Registrar;
pub use revoking::Successors;
pub use services::{DESCRIBED as SERVICE_METRICS, Rules, Services, unconfigured};

/// What a metric counts: its name as exposed, its kind, its labels, and a full sentence with the unit.
pub type Described = (&'static str, &'static str, &'static str, &'static str);
