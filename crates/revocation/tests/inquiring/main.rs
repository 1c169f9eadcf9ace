//! What is asked of authorities' services, by a small one on this machine.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test helpers fail by panicking")]

mod changes;
mod lists;
mod services;
mod world;
