//! The chains that came lately, so that other rules can be tried on them before anybody is judged by these.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use access::Directory;
use fault::{Code, Refusal};
use identity::{Certificate, Fingerprint, Verified};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::snapshot::{Entrance, Snapshot};

/// The last chains that were accepted, and the last that were refused. What strangers send makes no room for itself
/// among the accepted ones.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    accepted: Mutex<Ring>,
    refused: Mutex<Ring>,
}

/// Chains, each once for each listener, in the order they came.
#[derive(Debug, Default)]
struct Ring {
    known: HashSet<Key>,
    chains: VecDeque<(Key, Chain)>,
}

/// The leaf, and the listener.
type Key = (Fingerprint, Arc<str>);
type Chain = Arc<[CertificateDer<'static>]>;

/// A chain that came lately and would be judged otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The listener by which it came.
    pub listener: Arc<str>,
    /// The leaf's subject.
    pub subject: String,
    /// The leaf's serial number.
    pub serial: String,
    /// By the snapshot that is served.
    pub before: Verdict,
    /// By the other one.
    pub after: Verdict,
}

/// Whom a chain belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A principal.
    Principal(Arc<str>),
    /// Nobody in particular, and the listener lets such peers in.
    Anonymous,
    /// It is refused.
    Refused(Code),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(name) => write!(f, "principal {name:?}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Refused(code) => write!(f, "refused ({code})"),
        }
    }
}

impl Observed {
    /// Notes a chain that passed a handshake, and whether its owner was recognized.
    pub(crate) fn shaken(&self, listener: &Arc<str>, verified: &Verified, recognized: bool) {
        let ring = if recognized { &self.accepted } else { &self.refused };
        let key = (verified.leaf().fingerprint(), Arc::clone(listener));
        ring.lock().note(key, || verified.chain().iter().map(|one| one.der().clone()).collect());
    }

    /// Notes a chain that a handshake refused.
    pub(crate) fn turned_away(&self, listener: &Arc<str>, chain: &[CertificateDer<'static>]) {
        let Some(leaf) = chain.first() else { return };
        let key = (Fingerprint::of_der(leaf), Arc::clone(listener));
        self.refused.lock().note(key, || chain.iter().cloned().collect());
    }

    /// What other entrances and another directory would say otherwise than the snapshot does, once for each leaf and
    /// listener. A listener that is gone says nothing, nor does one that would ask an authority first.
    pub(crate) fn differences(
        &self,
        served: &Snapshot,
        entrances: &HashMap<Arc<str>, Entrance>,
        directory: &Directory,
        now: OffsetDateTime,
    ) -> Vec<Difference> {
        let mut chains = self.accepted.lock().all();
        chains.extend(self.refused.lock().all());
        let mut told = HashSet::new();
        let differing = |((_, listener), chain): (Key, Chain)| {
            let before = verdict(served.entrances.get(&listener)?, &served.directory, &chain, now)?;
            let after = verdict(entrances.get(&listener)?, directory, &chain, now)?;
            let leaf = Certificate::from_der(chain.first()?.clone()).ok().filter(|_| before != after)?;
            // Who was accepted once and refused another time is in both rings.
            told.insert((leaf.fingerprint(), Arc::clone(&listener))).then_some(())?;
            let identity = leaf.identity();
            let (subject, serial) = (identity.subject().to_string(), identity.serial().to_string());
            Some(Difference { listener, subject, serial, before, after })
        };
        chains.into_iter().filter_map(differing).collect()
    }
}

impl Ring {
    fn note(&mut self, key: Key, chain: impl FnOnce() -> Chain) {
        if self.known.contains(&key) {
            return;
        }
        let chain = chain();
        if chain.iter().map(|certificate| certificate.len()).sum::<usize>() > MOST_BYTES {
            return;
        }
        if self.chains.len() >= MOST_CHAINS
            && let Some((oldest, _)) = self.chains.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(key.clone());
        self.chains.push_back((key, chain));
    }

    fn all(&self) -> Vec<(Key, Chain)> {
        self.chains.iter().cloned().collect()
    }
}

/// Whom a chain belongs to; none where an authority's service would be asked before that is told.
fn verdict(
    entrance: &Entrance,
    directory: &Directory,
    chain: &Chain,
    now: OffsetDateTime,
) -> Option<Verdict> {
    let recognized = |verified: Option<Verified>| -> Result<Verdict, Refusal> {
        let peer = access::recognize(directory, &entrance.accepted, verified.as_ref(), now)?;
        Ok(peer.principal().map_or(Verdict::Anonymous, |name| Verdict::Principal(name.into())))
    };
    let verified = entrance.door.as_ref().map_or(Ok(None), |door| door.judge(chain));
    if let Ok(Some(verified)) = &verified
        && !verified.unanswered().is_empty()
    {
        return None;
    }
    Some(verified.and_then(recognized).unwrap_or_else(|refusal| Verdict::Refused(refusal.code())))
}

/// Chains of each kind.
const MOST_CHAINS: usize = 1_000;
/// Bytes of one chain; a longer one is let go, so that all of them stay below 16 MiB.
const MOST_BYTES: usize = 8 * 1_024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls_pki_types::CertificateDer;

    use super::{MOST_BYTES, MOST_CHAINS, Observed};

    fn chain(number: usize, bytes: usize) -> [CertificateDer<'static>; 1] {
        let mut der = vec![0; bytes];
        der[..8].copy_from_slice(&number.to_le_bytes());
        [CertificateDer::from(der)]
    }

    #[test]
    fn only_so_many_chains_of_only_such_a_length_are_kept_and_each_once() {
        let (observed, listener) = (Observed::default(), Arc::from("h2"));
        for number in 0..MOST_CHAINS + 10 {
            observed.turned_away(&listener, &chain(number, 64));
            observed.turned_away(&listener, &chain(number, 64));
        }
        observed.turned_away(&listener, &chain(0, MOST_BYTES + 1));
        let kept = observed.refused.lock().all();
        assert_eq!(kept.len(), MOST_CHAINS);
        assert_eq!(kept[0].1[..], chain(10, 64), "the oldest went first");
        assert_eq!(observed.refused.lock().known.len(), MOST_CHAINS);
        assert!(observed.accepted.lock().all().is_empty());
    }
}
