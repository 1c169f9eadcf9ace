//! Codecs without I/O: the messages of our protocols.
//!
//! - [`sql`]: statements and results as JSON, the body of `POST /<database>/query`.

pub mod sql;
