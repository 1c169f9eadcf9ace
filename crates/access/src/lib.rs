//! Who is at the other end and what they may do.
//!
//! - [`level`]: a [`Level`] of access, ordered.
//! - [`principal`]: what an operator writes about a principal and the ways to be it.
//! - [`claim`]: one condition on a certificate, and whether a certificate meets it.
//! - [`directory`]: all principals, indexed so that looking one up costs a few hash lookups.
//! - [`recognize`](mod@recognize): [`Verified`](identity::Verified) → [`Peer`], the proof of who it is.
//! - [`grants`]: who may do what on which database.
//! - [`admit`](mod@admit): [`Peer`] → [`Permit`], the proof that a grant lets it.
//! - [`weaker`](mod@weaker): by what new rules are weaker than old ones.
//! - [`explain`](mod@explain): the same two decisions with everything that was compared.

mod admit;
mod claim;
mod directory;
mod explain;
mod grants;
mod level;
mod principal;
mod recognize;
mod role;
mod weaker;

#[cfg(test)]
mod tests;

pub use admit::{Permit, admit, admit_admin};
pub use directory::Directory;
pub use explain::{Considered, Explanation, GrantConsidered, Outcome, Target, explain};
pub use grants::{EVERY_DATABASE, EVERYONE, GrantSpec, Grants};
pub use level::{Level, UnknownLevel};
pub use principal::{Method, MtlsMatch, PrincipalSpec};
pub use recognize::{Accepted, Peer, recognize};
pub use role::{Mapping, Role, RoleRules};
pub use weaker::{ServedBefore, Weakening, weaker};
