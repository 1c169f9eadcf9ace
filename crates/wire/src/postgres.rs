//! PostgreSQL's protocol, version 3, as a server and a relay speak it; what a client says is the library's.
//!
//! - [`border`]: where messages begin and end, in chunks of a stream.
//! - [`first`]: the eight bytes that every client begins with, and what they ask for.
//! - [`startup`]: who a client wants to be, and where.
//! - [`cancel`]: the key by which a statement that runs can be stopped from another connection.
//! - [`reply`]: what a server says until it is ready for the first statement, and its last words.
//! - [`turns`]: whether a server has answered all that its client asked.

pub mod border;
pub mod cancel;
pub mod first;
pub mod reply;
pub mod startup;
pub mod turns;

/// Why a message could not be read, in the words of PostgreSQL where it has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub(crate) &'static str);

impl Malformed {
    /// The first message is longer than any may be, or none at all.
    pub const LENGTH: Self = Self("invalid length of startup packet");
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}
