//! The authorities above the leaves, replaced without anybody noticing: trust first, then leaves, then the old ones go.
//!
//! - [`record`]: what takes whose place, and how far it is; one rotation at a time, in the ledger.
//! - [`turn`]: one at a time takes a step, under the ledger's lock.
//! - [`act`]: the steps, each on record before its first file changes.
//! - [`files`]: what lies where in each phase.
//! - [`report`]: what each node holds, and whom it lets in by the old ones.
//! - [`keep`](mod@keep): what a node does for that, by itself.
//! - [`progress`]: how far it is, as a node last heard.
//! - [`evidence`]: whether the next step may be taken, and who speaks against it.
//! - [`below`](mod@below): whose certificates stand below the old one alone.
//! - [`status`]: all of that, to be told.

mod act;
mod below;
mod evidence;
mod files;
mod keep;
mod progress;
mod record;
mod report;
mod status;
#[cfg(test)]
mod tests;
mod turn;

pub use act::{Done, NewKey};
pub use below::{Below, Holder};
pub use evidence::Waiting;
pub use files::Places;
pub use keep::{Node, keep};
pub use progress::Progress;
pub use record::{ByHand, Change, Of, OnRecord, Phase, ROOT, Rotation, on_record};
pub use report::{Holdings, Report, Sighting};
pub use status::Status;
pub use turn::{Hands, Turn};
