//! The keys by which clients may cancel what runs in their sessions.
//!
//! A client gets a key of ours and never the server's: whoever asks to cancel passes the door like everybody else, and is
//! heard where it is the principal of the session.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::rand;
use parking_lot::Mutex;
use wire::postgres::cancel::CancelKey;
use zeroize::Zeroizing;

use crate::upstream::Canceller;

/// The keys of live sessions: each has one at most, so they are as bounded as these.
pub(crate) struct Keys<C = Canceller>(Arc<Mutex<HashMap<u32, Held<C>>>>);

struct Held<C> {
    key: CancelKey,
    principal: Option<Box<str>>,
    canceller: C,
}

/// A key of a live session, good until this is dropped.
pub(crate) struct Enlisted<C = Canceller> {
    keys: Arc<Mutex<HashMap<u32, Held<C>>>>,
    key: CancelKey,
}

/// Whose word a request to cancel is.
#[derive(Clone, Copy)]
pub(crate) enum Asks<'a> {
    /// A peer's, by its principal; none where it has no name.
    Peer(Option<&'a str>),
    /// Whoever knows the key, as it came in clear text and the listener allows that.
    Anybody,
}

/// Why nothing is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotCancelled {
    /// No live session has this key.
    Unknown,
    /// It is the key of another principal's session.
    Foreign,
}

impl<C> Default for Keys<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<C: Clone> Keys<C> {
    /// Draws a key for a session of this principal; none where there is no randomness to draw from.
    pub(crate) fn enlist(&self, long: bool, principal: Option<&str>, canceller: C) -> Option<Enlisted<C>> {
        let mut keys = self.0.lock();
        let key = std::iter::repeat_with(|| draw(long))
            .take(MOST_DRAWS)
            .flatten()
            .find(|key| !keys.contains_key(&key.process()))?;
        let held = Held { key: key.clone(), principal: principal.map(Into::into), canceller };
        keys.insert(key.process(), held);
        Some(Enlisted { keys: Arc::clone(&self.0), key })
    }

    /// By what to cancel in the session that has this key.
    pub(crate) fn find(&self, key: &CancelKey, asks: Asks<'_>) -> Result<C, NotCancelled> {
        let keys = self.0.lock();
        let held = keys.get(&key.process()).filter(|held| held.key.is(key)).ok_or(NotCancelled::Unknown)?;
        match asks {
            Asks::Peer(principal) if held.principal.as_deref() != principal => Err(NotCancelled::Foreign),
            Asks::Peer(_) | Asks::Anybody => Ok(held.canceller.clone()),
        }
    }
}

impl<C> Enlisted<C> {
    pub(crate) fn key(&self) -> &CancelKey {
        &self.key
    }
}

impl<C> Drop for Enlisted<C> {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.key.process());
    }
}

/// Draws a key at random. Process ids are positive numbers, for clients that have only these.
fn draw(long: bool) -> Option<CancelKey> {
    let mut random = Zeroizing::new([0; PROCESS + LONG]);
    rand::fill(&mut *random).ok()?;
    let (process, secret) = random.split_first_chunk::<PROCESS>()?;
    let process = u32::from_be_bytes(*process) >> 1;
    CancelKey::new(process.max(1), secret.get(..if long { LONG } else { SHORT })?)
}

const PROCESS: usize = 4;
/// Bytes of a secret before protocol 3.2.
const SHORT: usize = 4;
/// Bytes of a secret since.
const LONG: usize = 32;
/// More than it takes to find a process id that is free, while there are far fewer sessions than such ids.
const MOST_DRAWS: usize = 64;

#[cfg(test)]
mod tests {
    use wire::postgres::cancel::CancelKey;

    use super::{Asks, Keys, NotCancelled};

    #[test]
    fn a_key_is_heard_from_its_principal_alone_unless_anybody_may_ask() {
        let keys = Keys::default();
        let ada = keys.enlist(true, Some("ada"), 1).unwrap();
        let nobody = keys.enlist(false, None, 2).unwrap();
        assert_eq!(keys.find(ada.key(), Asks::Peer(Some("ada"))), Ok(1));
        assert_eq!(keys.find(ada.key(), Asks::Peer(Some("bob"))), Err(NotCancelled::Foreign));
        assert_eq!(keys.find(ada.key(), Asks::Peer(None)), Err(NotCancelled::Foreign));
        assert_eq!(keys.find(nobody.key(), Asks::Peer(Some("ada"))), Err(NotCancelled::Foreign));
        assert_eq!(keys.find(nobody.key(), Asks::Peer(None)), Ok(2));
        assert_eq!(keys.find(ada.key(), Asks::Anybody), Ok(1));
    }

    #[test]
    fn a_key_dies_with_its_session_and_a_wrong_secret_is_no_key() {
        let keys = Keys::default();
        let held = keys.enlist(false, Some("ada"), ()).unwrap();
        let key = held.key().clone();
        let wrong = CancelKey::new(key.process(), &[0; 5]).unwrap();
        assert_eq!(keys.find(&wrong, Asks::Peer(Some("ada"))), Err(NotCancelled::Unknown));
        drop(held);
        assert_eq!(keys.find(&key, Asks::Peer(Some("ada"))), Err(NotCancelled::Unknown));
        assert!(keys.0.lock().is_empty());
    }

    #[test]
    fn process_ids_are_positive_and_secrets_as_long_as_the_protocol_has_them() {
        let keys = Keys::default();
        for (long, bytes) in [(false, 12 + 4), (true, 12 + 32)] {
            let held = keys.enlist(long, None, ()).unwrap();
            assert!(i32::try_from(held.key().process()).is_ok_and(|process| process > 0));
            assert_eq!(held.key().request().len(), bytes);
        }
    }
}
