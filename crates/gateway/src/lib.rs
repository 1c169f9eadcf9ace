//! The door: accept, verify, recognize, admit, serve.
//!
//! Bytes arrive at a [`Listener`], pass its TLS settings, become a `Verified` chain, then a `Peer`, and every
//! request on the way asks for a `Permit`. All of it is judged by one immutable [`Snapshot`].
//!
//! - [`snapshot`]: everything the gateway decides by at one moment, replaced whole.
//! - [`callers`]: handshakes as registered services see them.
//! - [`listener`]: an address where peers arrive.
//! - [`gateway`]: the published snapshot with the sinks.
//! - [`listening`]: the listeners that are open; they come and go while the gateway runs, and are drained at its end.
//! - [`accept`]: the accept loop; capacity is taken before a connection is.
//! - [`slots`]: how many connections there may be, in all and from one address.
//! - [`session`]: one live connection: its peer, the permits that it uses, and when it must end.
//! - [`judged`]: who its peer is by one snapshot, and what another one changes about that.
//! - [`sessions`], [`live`]: every live session by its id, its certificate, its principal; known from first to last.
//! - [`shown`]: a session as administrators see it.
//! - [`sweep`]: live sessions are judged again by each new snapshot.
//! - [`ending`]: the end of a session before its peer is done with it, whatever the cause.
//! - [`pace`]: deadlines of a connection that is slow, silent or idle.
//! - [`http`]: what is served over HTTP/1.1 and HTTP/2.
//! - [`postgres`]: what is served over PostgreSQL's protocol.
//! - [`administration`]: what administrators may ask of the node, as a trait that the node fills in.
//! - [`registrar`]: what our own authority answers over the door, as a trait that the node fills in.
//! - [`observed`]: the chains that came lately, to try other rules on.
//! - [`retiring`]: who still comes by way of an authority that is to go.
//! - [`journal`]: what the gateway reports, as traits that the node fills in.
//! - [`metrics`]: counters and gauges.
//! - [`refusals`]: what was refused lately, kept for those who ask why.
//! - [`room`]: memory for large bodies and answers.
//! - [`rate`]: requests per second for each principal.

mod accept;
mod administration;
mod callers;
mod ending;
mod gateway;
mod http;
mod journal;
mod judged;
mod listener;
mod listening;
mod live;
mod metrics;
mod minting;
mod observed;
mod pace;
mod postgres;
mod rate;
mod refusals;
mod refused;
mod registrar;
mod retiring;
mod room;
mod session;
mod sessions;
mod shown;
mod slots;
mod snapshot;
mod sweep;
mod upstream;

pub use administration::{
    Administration, AllowWeaker, Authority, NoNodes, NotListed, NotRevoked, Pending, Reload, Reloaded, Revoke,
};
pub use callers::Callers;
pub use ending::{EndReason, Ended};
pub use gateway::{Drained, Gateway, Sinks};
pub use journal::{AccessLine, AuditEvent, AuditKind, Journal};
pub use listener::{Listener, Spoken};
pub use metrics::{Described, Metrics};
pub use minting::Minting;
pub use observed::{Difference, Verdict};
pub use refusals::Named;
pub use refused::RefusalId;
pub use registrar::{Ask, Asker, Office, Registrar, Scope};
pub use retiring::{Noted, Passage, Retiring};
pub use sessions::{Revoked, Selected, SessionId};
pub use shown::{CertificateOfSession, PermitOfSession, SessionShown, UpstreamOfSession};
pub use slots::SlotLimits;
pub use snapshot::{Entrance, HttpLimits, Served, Snapshot};
pub use upstream::{Identifies, SharedIdentity, SslMode, Upstream, UpstreamAddress, UpstreamSpec, Warm};
