//! Codecs without I/O: the messages of our protocols.
//!
//! - [`acme`]: asking an authority for certificates by RFC 8555: signed requests, objects, problems.
//! - [`query`]: the query of a URL.
//! - [`sql`]: statements and results as JSON, the body of `POST /<database>/query`.

pub mod acme;
pub mod query;
pub mod sql;
