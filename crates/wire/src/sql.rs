//! SQL over HTTP: the request and the answer of `POST /<database>/query`.
//!
//! - [`Request`]: `{"sql","args"}` or `{"statements":[…]}`, read strictly; [`BadRequest`] says what is wrong.
//! - [`Value`] and [`ValueRef`]: what SQLite stores, owned for arguments and borrowed for results.
//! - [`ResultEncoder`]: writes results straight into the bytes that are sent.
//! - [`SqlError`]: what SQLite said, and the envelope it travels in.

mod argument;
mod encode;
mod error;
mod request;
mod text;
mod value;

pub use encode::ResultEncoder;
pub use error::SqlError;
pub use request::{Args, BadRequest, Request, Statement};
pub use value::{Value, ValueRef};
