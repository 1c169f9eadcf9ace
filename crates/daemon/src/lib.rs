//! Start, publish, serve, drain: the composition of the node.
//!
//! - [`prepare`](mod@prepare): a Plan with every file it names loaded and checked; `check` and `explain` stop here.
//! - [`serve`](mod@serve): a prepared Plan becomes a running node, and ends as one.
//! - [`publish`]: builds and publishes the snapshots that the gateway serves by.
//! - [`renew`]: keeps the certificates that our own authority issues to this node fresh.
//! - [`following`]: what our own ledger says is revoked, as it is recorded.
//! - [`weaker`]: by what one prepared configuration is weaker than another.
//! - [`serving`], [`reload`], [`watch`], [`adjust`]: what is served by now, and how it becomes what is written now.
//! - [`outage`]: how long the authority may be away before something breaks.
//! - [`registered`]: the registered services at the start.
//! - [`seat`], [`noted`]: who this node is among those that share its ledger.
//! - [`self_signed`]: a certificate for development.
//! - [`rotating`]: the node's part in replacing what is above the leaves.
//! - [`issuing`]: our own authority as the Plan describes it; [`acme`]: how it serves ACME.
//! - [`realm`]: a folder with everything a node needs.
//! - [`announce`], [`status`], [`metrics`]: what the node says of itself; [`administration`]: what may be asked of it.
//! - [`ledgers`]: opening the ledger, whichever kind it is.
//! - [`recorded`](mod@recorded): what the audit record has of refusals; [`audited`]: all of it, page by page.
//! - [`log`], [`journal`], [`auditor`], [`records`]: the log and the ledger, and where the gateway's reports go.

mod acme;
mod adjust;
mod administration;
mod announce;
pub mod audited;
mod auditor;
mod following;
mod inquirers;
pub mod issuing;
mod journal;
mod ledgers;
mod log;
mod metrics;
mod noted;
mod outage;
mod prepare;
mod publish;
pub mod realm;
mod recorded;
mod records;
mod registered;
mod reload;
mod renew;
mod revoking;
mod rotating;
mod seat;
mod secrets;
mod self_signed;
mod serve;
mod serving;
mod status;
mod upstreams;
mod watch;
mod weaker;

pub use acme::acme_root;
pub use ledgers::{make_ledger, open_ledger};
pub use metrics::reference as metrics_reference;
pub use prepare::{Prepared, TlsProfile, prepare};
pub use recorded::{recorded, recorded_of};
pub use serve::serve;
pub use status::{Announcement, CertificateShown, DatabaseShown, ListShown, ListenerShown, UpstreamShown};
