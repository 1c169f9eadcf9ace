//! Files on disk: modes, atomic writes, and the loading of credentials and trust.
//!
//! The only crate that opens a file with a secret or a certificate in it.
//!
//! - [`read`](mod@read): whole files, with a limit.
//! - [`write`](mod@write): whole files, atomically, with their mode set before their content is there.
//! - [`pair`]: a certificate and its key in two files.
//! - [`swap`]: several files that belong together, replaced at once.
//! - [`permission`]: who may read a file with a secret in it.
//! - [`certificates`], [`key`], [`password`], [`credential`]: what a listener or a client presents.
//! - [`validity`]: whether a certificate's days have come, are over, or soon will be.
//! - [`client_ca`]: whom a listener trusts.
//! - [`revocation_list`]: what authorities took back.
//! - [`link`]: links that are replaced in one step, and leftovers.
//! - [`place`]: how one file takes another's place in steps that a crash may cut off.

mod certificates;
mod client_ca;
mod credential;
mod key;
mod link;
mod pair;
mod password;
mod permission;
mod place;
mod read;
mod revocation_list;
mod swap;
mod validity;
mod write;

pub use certificates::load_certificates;
pub use client_ca::load_client_ca;
pub use credential::{load_credential, load_server_credential};
pub use key::load_key;
pub use link::{clear, point};
pub use pair::{mend_pair, replace_pair};
pub use password::load_password;
pub use place::{copy_secret, next, old, remove, rename};
pub use read::{read, read_limited};
pub use revocation_list::load_revocation_lists;
pub use swap::{Item, remove_folder, swap_folder};
pub use write::{create_folder, create_public, create_secret, replace_secret, write_public};
