//! The durable record of what was drafted, issued, revoked and decided.
//!
//! - [`ledger`]: the [`Ledger`] trait, in the verbs of the domain.
//! - [`record`]: what is kept of a certificate, from draft to end.
//! - [`revocation`]: what is kept of a certificate that was taken back or denied.
//! - [`note`]: small documents that acts keep: a service's state, an invitation, a rotation.
//! - [`audit`]: what is kept of a decision: sign-in, refusal, issue, revocation, act of an administrator.
//! - [`lock`]: what one node at a time may do.
//! - [`page`]: answers that come in parts.
//! - [`id`]: what tells one ledger from another.
//! - [`known`]: what one node was told of the ledger, on its own disk.
//! - [`error`]: why a verb failed.
//! - [`sqlite`]: the ledger in one SQLite file.
//! - [`conformance`]: the suite that every implementation passes.

mod audit;
pub mod conformance;
mod error;
mod id;
mod known;
mod ledger;
mod lock;
mod note;
mod page;
mod record;
mod revocation;
mod sqlite;

pub use audit::{AuditEvent, AuditFilter, AuditKind};
pub use error::LedgerError;
pub use id::LedgerId;
pub use known::{Contents, Known, KnownRevocation, Mark, Told};
pub use ledger::{Answer, Ledger};
pub use lock::{Holding, Lock};
pub use note::{NewNote, Note, Shelf};
pub use page::{Cursor, Page};
pub use record::{
    CertificateFilter, CertificateId, CertificateRecord, DraftRecord, IssuerName, MINTED, Revocation, State,
};
pub use revocation::{Denial, RevocationRecord, Revoked};
pub use sqlite::SqliteLedger;
pub use sqlite::views::{VIEWS, View};
