//! The other side of the door: connecting with a credential, and understanding what comes back.
//!
//! - [`endpoint`]: where a door is, as a URL.
//! - [`connector`]: opens the door with a credential and keeps it open; every way that can fail says what to do.
//! - [`reply`]: what the door answered: an answer, a refusal, a fault of SQL.
//! - [`answer`]: rows, with every digit they arrived with.

mod answer;
mod connector;
mod encode;
mod endpoint;
mod reply;

pub use answer::{Answer, Cell};
pub use connector::{Broken, Connection, Connector, Spoken, authority_of};
pub use endpoint::{Endpoint, Scheme};
pub use reply::Reply;
