//! The ledger on PostgreSQL: one record that several nodes share.
//!
//! - [`spec`]: which database, and how the server and we prove to each other who we are.
//! - `judging`: what is known to be revoked among the server's certificates, and who is asked.
//! - `dial`: a socket to the server, and the TLS on it, which is ours as everywhere else.
//! - `session`: one connection that is fit for a ledger; `link`: one that is opened again when it has ended.
//! - `schema`: the tables, and how older ones become them.
//! - `writer`: the one task that writes; `change` and `notes`: what it writes; `doubt`: what came of a commit that was
//!   cut off.
//! - `read` and `row`: what is asked, and what comes back; `text`: how a text is stored that PostgreSQL would not take.
//! - `watch`: hearing of what others have recorded.
//! - `lock`: what one node at a time may do.
//! - `trouble`: what a server's no means, and what to do about it.
//!
//! The ledger has a schema of its own, `countersign`, in a database that may hold other things.

mod change;
mod dial;
mod doubt;
mod judging;
mod ledger;
mod link;
mod lock;
mod notes;
mod read;
mod row;
mod schema;
mod session;
mod spec;
mod text;
mod trouble;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use self::judging::Judging;
pub use self::ledger::PostgresLedger;
pub use spec::{Address, PostgresSpec, Protection};
