//! The connection between nodes.

use super::RevocationPlan;

/// How the connection between nodes that share a ledger is judged: that of each to the ledger's server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicationPlan {
    /// What counts as revoked among the server's certificates, and who is asked.
    pub revocation: RevocationPlan,
}
