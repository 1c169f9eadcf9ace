//! Who asks.

use fault::{Code, Refusal};
use gateway::{Ask, Asker};

/// The administrator who asks for what is for administrators: `what` says it in words.
///
/// # Errors
/// The refusal of anybody else.
pub(crate) fn administrator<'a>(ask: &Ask<'a>, what: &str) -> Result<&'a str, Refusal> {
    match ask.asker {
        Asker::Administrator(peer) => Ok(peer.principal().unwrap_or_default()),
        Asker::Known(peer) => {
            let who = peer.principal().unwrap_or("anonymous");
            let why =
                format!("principal {who:?} asked for {:?}, and {what} are for administrators", ask.path);
            Err(Refusal::new(Code::AdminOnly, why))
        }
        Asker::Stranger(Some(refusal)) => Err(refusal.clone()),
        Asker::Stranger(None) => {
            let why = format!("the peer is anonymous, and {what} are for administrators");
            Err(Refusal::new(Code::CredentialsRequired, why))
        }
    }
}
