//! Handshakes with real clients: `openssl s_client`, `curl`, and our own dialling.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test helpers fail by panicking, and write plain files"
)]

mod alerts;
mod dialling;
mod greeting;
mod memory;
mod names;
mod pki;
mod protocol;
mod resumption;
mod revoked;
mod server;
mod version1;
