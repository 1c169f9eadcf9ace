//! From a request to a certificate. Each step hands over the proof that the next one asks for:
//!
//! ```text
//! CSR ──▶ Request ──draft──▶ Draft ──record──▶ Recorded ──sign──▶ Issued
//! ```
//!
//! - [`request`]: what is asked for, with the proof that the asker holds the key; [`names`] are its names.
//! - [`csr`](mod@csr): the request of one who asks, made.
//! - [`allowance`]: which of them somebody who asks may have.
//! - [`profile`]: the rules for one kind of certificate; [`name_rules`] for its names, [`renewal`] for when the next one is due.
//! - [`rotation`]: when certificates are replaced, and what was replaced may go.
//! - [`authority`]: a signing key and its certificate, checked when it is loaded.
//! - [`distribution`]: where strangers read what it publishes.
//! - [`draft`]: the exact bytes to sign, checked against profile and issuer and [linted](lint).
//! - [`record`]: the proof that the ledger holds the draft.
//! - [`sign`]: the signature, which only a recorded draft can get.
//! - [`rank`]: who else falls with a certificate that is taken back.
//! - [`revoke`](mod@revoke): what was issued is taken back, on record before anybody hears of it.
//! - [`crl`]: the signed list of what was taken back.
//! - [`responder`]: who answers questions about single certificates in its name.
//! - [`tier`]: the root and the issuers below it.
//! - [`anew`]: what takes the place of a root or an issuer, and what joins the old to the new.

mod allowance;
mod anew;
mod authority;
mod compromised;
mod crl;
mod csr;
mod distribution;
mod draft;
mod issue;
mod key;
mod lifetime;
mod lineage;
mod lint;
mod name_rules;
mod names;
mod possession;
mod profile;
mod rank;
mod record;
mod renewal;
mod request;
mod responder;
mod revoke;
mod rotation;
mod sign;
mod stand_in;
mod tier;

pub use allowance::Allowance;
pub use anew::{Certified, succeed_root};
pub use authority::{Authority, Standing};
pub use compromised::is_compromised;
pub use crl::{Listed, Listing, SignedCrl};
pub use csr::csr;
pub use distribution::{Distribution, Shard, issuer_id};
pub use draft::Draft;
pub use lifetime::parse_lifetime;
pub use lineage::{Taking, revoke_successors, successors};
pub use name_rules::{
    CommonNamePattern, DnsPattern, EmailPattern, HostPattern, NameRules, Network, NoPattern, UriPattern,
};
pub use names::{Names, parse_san};
pub use profile::Profile;
pub use rank::Rank;
pub use record::Recorded;
pub use renewal::{Renewal, Window};
pub use request::Request;
pub use responder::Responder;
pub use revoke::{deny, revoke};
pub use rotation::RotationRules;
pub use sign::{Issued, to_pem};
pub use tier::{IssuerKind, NewTier, Tier, init_root};
