//! What went wrong, whose doing it was and what to do next.
//!
//! - [`fault`]: a [`Fault`] names the thing, the place, the cause and the remedy; [`Faults`] are reported together.
//! - [`refusal`]: a [`Refusal`] is a "no" with a stable [`Code`].
//! - [`tag`]: 80 bits that name one thing for people.
//! - [`text`]: the one place that turns a fault into what a person reads.
//! - [`nearest`](mod@nearest): the known word closest to a misspelt one, for remedies.

mod fault;
mod nearest;
mod refusal;
mod tag;
mod text;

pub use fault::{Blame, Fault, Faults, Place};
pub use nearest::nearest;
pub use refusal::{Code, Refusal};
pub use tag::{NoTag, Tag};
