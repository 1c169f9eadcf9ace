//! Who still comes by way of an authority that is to go, noted while one is rotated and at no other time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use identity::{Fingerprint, Pin, Serial, Verified};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::gateway::Gateway;
use crate::session::Session;

/// The authorities that are to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retiring {
    /// Keys that leaves are signed with, and will not be.
    pub keys: HashSet<Pin>,
    /// Certificates that peers send along, of issuers that keep their key: only what leads up from them is to go.
    pub certificates: HashSet<Fingerprint>,
}

/// A certificate whose chain was accepted by way of an authority that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The principal, where there was one.
    pub principal: Option<String>,
    /// The leaf's subject.
    pub subject: String,
    /// The leaf's serial.
    pub serial: String,
    /// When it came last.
    pub at: OffsetDateTime,
}

/// Passages since somebody began to look, each certificate once.
#[derive(Debug, Default)]
pub(crate) struct Passages {
    retiring: ArcSwapOption<Retiring>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    passages: HashMap<(Pin, Serial), Passage>,
    /// Those that there was no room for.
    unnamed: Option<(u64, OffsetDateTime)>,
}

/// What was noted: the passages, how many more there were, and when the last of those came.
pub type Noted = (Vec<Passage>, Option<(u64, OffsetDateTime)>);

impl Gateway {
    /// From now on notes who comes by way of these; nobody, where there are none. What was noted for others is forgotten.
    pub fn retire(&self, retiring: Option<Retiring>) {
        let held = self.passages.retiring.load_full();
        if held.as_deref() == retiring.as_ref() {
            return;
        }
        self.passages.retiring.store(retiring.map(Arc::new));
        *self.passages.seen.lock() = Seen::default();
    }

    /// Who came that way since then, and who is here now that came that way.
    #[must_use]
    pub fn passages(&self) -> Noted {
        if let Some(retiring) = self.passages.retiring.load_full() {
            for session in self.sessions.all() {
                let by_key = |verified: &&Verified| retiring.signed(verified);
                if let Some(verified) = session.verified().filter(by_key) {
                    self.passages.note(&session, verified, self.now());
                }
            }
        }
        let seen = self.passages.seen.lock();
        (seen.passages.values().cloned().collect(), seen.unnamed)
    }
}

impl Passages {
    /// Whether a peer sent a certificate along that is to go.
    pub(crate) fn are_shown(&self, presented: &[CertificateDer<'_>]) -> bool {
        let retiring = self.retiring.load();
        let Some(retiring) = retiring.as_ref().filter(|retiring| !retiring.certificates.is_empty()) else {
            return false;
        };
        presented.iter().skip(1).any(|der| retiring.certificates.contains(&Fingerprint::of_der(der)))
    }

    /// Looks at a session that opens.
    pub(crate) fn look(&self, session: &Session, verified: &Verified, shown: bool, now: OffsetDateTime) {
        let retiring = self.retiring.load();
        if retiring.as_ref().is_some_and(|retiring| shown || retiring.signed(verified)) {
            self.note(session, verified, now);
        }
    }

    fn note(&self, session: &Session, verified: &Verified, now: OffsetDateTime) {
        let identity = verified.leaf().identity();
        let issuer = verified.chain().get(1).unwrap_or(verified.anchor()).identity().spki_sha256();
        let key = (issuer, identity.serial().clone());
        let mut seen = self.seen.lock();
        if seen.passages.len() >= MOST && !seen.passages.contains_key(&key) {
            let count = seen.unnamed.map_or(0, |(count, _)| count);
            seen.unnamed = Some((count.saturating_add(1), now));
            return;
        }
        let judged = session.judged();
        let principal = judged.peer().ok().and_then(|peer| peer.principal().map(str::to_owned));
        let (subject, serial) = (identity.subject().to_string(), identity.serial().to_string());
        seen.passages.insert(key, Passage { principal, subject, serial, at: now });
    }
}

impl Retiring {
    /// Whether one of the keys signed the leaf.
    fn signed(&self, verified: &Verified) -> bool {
        verified.chain().get(1).is_some_and(|issuer| self.keys.contains(&issuer.identity().spki_sha256()))
    }
}

/// Certificates that are kept by name; of the rest the number is.
const MOST: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use identity::Fingerprint;
    use rustls_pki_types::CertificateDer;

    use super::{Passages, Retiring};

    #[test]
    fn nothing_is_looked_at_while_nothing_is_rotated_and_never_the_leaf() {
        let chain = [b"leaf".to_vec(), b"issuer".to_vec()].map(CertificateDer::from);
        let passages = Passages::default();
        assert!(!passages.are_shown(&chain));
        let watch = |der: &[u8]| {
            let certificates = HashSet::from([Fingerprint::of_der(der)]);
            passages.retiring.store(Some(Retiring { certificates, ..Retiring::default() }.into()));
        };
        watch(b"issuer");
        assert!(passages.are_shown(&chain));
        watch(b"leaf");
        assert!(!passages.are_shown(&chain));
    }
}
