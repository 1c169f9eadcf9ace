//! Codecs without I/O: the messages of our protocols.
//!
//! - [`acme`]: asking an authority for certificates by RFC 8555: signed requests, objects, problems.
//! - [`libpq`]: where a PostgreSQL database is, as its own programs write it.
//! - [`postgres`]: the messages of PostgreSQL, as far as a door between client and server needs them.
//! - [`query`]: the query of a URL.
//! - [`sql`]: statements and results as JSON, the body of `POST /<database>/query`.

pub mod acme;
pub mod libpq;
pub mod postgres;
pub mod query;
pub mod sql;
