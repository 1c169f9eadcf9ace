//! Certificates of minutes by which a server behind the door sees who comes. The node fills it in.

use std::sync::Arc;

use fault::Fault;
use identity::Credential;

use crate::Pending;

/// Makes credentials in principals' names, for servers that know people by certificates.
pub trait Minting: Send + Sync {
    /// A credential whose common name is the principal's, good for a while from now: a new one, or one that was made for
    /// the same principal before and is not near its end. Whoever asks for the same one meanwhile waits for the same.
    ///
    /// # Errors
    /// The fault that an operator reads: the authority cannot issue, or cannot put it on record.
    fn mint<'a>(&'a self, principal: &'a str) -> Pending<'a, Result<Arc<Credential>, Fault>>;

    /// Lets go of what was made for those who are principals no more. Nobody could ask for it any longer: this is so that their
    /// keys are not held until they end.
    fn keep_only(&self, known: &dyn Fn(&str) -> bool);
}
