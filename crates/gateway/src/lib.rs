//! The door: accept, verify, recognize, admit, serve.
//!
//! Bytes arrive at a [`Listener`], pass its TLS settings, become a `Verified` chain, then a `Peer`, and every
//! request on the way asks for a `Permit`. All of it is judged by one immutable [`Snapshot`].
//!
//! - [`snapshot`]: everything the gateway decides by at one moment, replaced whole.
//! - [`listener`]: an address where peers arrive.
//! - [`gateway`]: the published snapshot with the sinks.
//! - [`listening`]: the listeners that are open; they come and go while the gateway runs, and are drained at its end.
//! - [`accept`]: the accept loop; capacity is taken before a connection is.
//! - [`slots`]: how many connections there may be, in all and from one address.
//! - [`session`]: one live connection: its peer, and when it must end.
//! - [`pace`]: deadlines of a connection that is slow, silent or idle.
//! - [`http`]: what is served over HTTP/1.1 and HTTP/2.
//! - [`administration`]: what administrators may ask of the node, as a trait that the node fills in.
//! - [`journal`]: what the gateway reports, as traits that the node fills in.
//! - [`metrics`]: counters and gauges.
//! - [`refusals`]: what was refused lately, kept for those who ask why.
//! - [`room`]: memory for large bodies and answers.
//! - [`rate`]: requests per second for each principal.

mod accept;
mod administration;
mod gateway;
mod http;
mod journal;
mod listener;
mod listening;
mod metrics;
mod pace;
mod rate;
mod refusals;
mod refused;
mod room;
mod session;
mod slots;
mod snapshot;

pub use administration::{Administration, AllowWeaker, Pending, Reload, Reloaded};
pub use gateway::{Drained, Gateway, Sinks};
pub use journal::{AccessLine, AuditEvent, AuditKind, Journal};
pub use listener::{Listener, Spoken};
pub use metrics::{Described, Metrics};
pub use refusals::Named;
pub use refused::RefusalId;
pub use slots::SlotLimits;
pub use snapshot::{Entrance, HttpLimits, Served, Snapshot};
