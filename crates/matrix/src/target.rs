use std::collections::HashMap;
use std::net::SocketAddr;

use fault::Fault;

use crate::moment::Stage;

/// A running node that the matrix is tried on.
pub trait Target {
    /// Where a listener is.
    fn address(&self, listener: &str) -> Option<SocketAddr>;

    /// Takes the node to a stage, the first included; it decides by the new state when this returns.
    ///
    /// # Errors
    /// It did not get there. Every cell of the stage is then one that was not run.
    fn advance(&mut self, stage: Stage) -> Result<(), Fault>;

    /// Stops the node, and says which refusals are on its record, by the address of the peer; nothing where it keeps no
    /// record.
    ///
    /// # Errors
    /// The record cannot be read.
    fn record(&mut self) -> Result<Option<HashMap<SocketAddr, String>>, Fault>;
}
