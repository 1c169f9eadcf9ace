//! What is served over PostgreSQL's protocol.
//!
//! - [`relay`]: client and server joined, until one of them leaves or the session ends.

pub(crate) mod relay;
