//! SQL databases served through the door, read-only enforced by the engine.
//!
//! - [`Database`]: one open database; [`run`](Database::run) takes a request and gives the body of its answer.
//! - [`Settings`], [`Backend`], [`OpenMode`]: where it lives; [`Limits`], [`Reach`]: what a request may.
//! - [`RunError`]: why a request has no result.
//!
//! A request takes one of three lanes, and every statement starts in the narrowest that may hold it:
//!
//! - `express` runs statements known to be cheap at once, on the caller's thread;
//! - `reader` threads run every other read, beside each other and beside the writer;
//! - the `writer` thread runs all writes, many requests in one commit.
//!
//! `policy` is asked by SQLite about everything a statement does, `shown` is what it lets be read where only some views are
//! shown of a file, and `verdicts` remembers which lane it took.

mod anchor;
mod bind;
mod database;
mod execute;
mod express;
mod job;
mod open;
mod outcome;
mod policy;
mod program;
mod queue;
mod reader;
mod settings;
mod shown;
mod verdicts;
mod watch;
mod writer;

pub use database::Database;
pub use outcome::RunError;
pub use settings::{Backend, Limits, OpenMode, Reach, Settings, View};
