use std::fmt;
use std::sync::Arc;

use fault::Fault;
use identity::{Certificate, Revocations};
use transport::Online;

/// What is known to be revoked among the certificates of a ledger's server, and who is asked about the others. It counts
/// where the server is judged at all: with [`Protection::Chain`](crate::Protection::Chain) and
/// [`Protection::Full`](crate::Protection::Full).
pub trait Judging: fmt::Debug + Send + Sync {
    /// What is revoked among the certificates that these authorities vouch for, by the files as they are now. It is asked
    /// for each new connection.
    ///
    /// # Errors
    /// The files cannot be used. Nobody is connected to then.
    fn revocations(&self, anchors: &[Certificate]) -> Result<Arc<Revocations>, Fault>;

    /// Who asks the authorities' services; none where nobody is asked.
    fn online(&self) -> Option<&Arc<dyn Online>>;
}
