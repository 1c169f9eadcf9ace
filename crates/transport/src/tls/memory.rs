//! Chains verified before, so that a client that comes back costs a lookup.
//!
//! A memory belongs to authorities and a strictness, and successive doors that have the same share it: what one of them
//! verified the next need not. Whom we trust is compared, never assumed: other authorities start with an empty memory.
//! Each hit is judged again by what may change while the signatures stay good: the clock.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Weak};

use fault::Refusal;
use identity::{Certificate, Fingerprint, Purpose, Strictness, Trust, Verified};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

const SHARDS: usize = 16;
/// How many chains each shard remembers: 8,192 in all.
const MOST_IN_SHARD: usize = 512;

/// SHA-256 over the lengths and bytes of a chain's certificates.
type Key = [u8; 32];
type Shard = Mutex<HashMap<Key, Verified, BuildHasherDefault<KeyHasher>>>;

/// The memories of one node, by whom it believes: a door that is built finds what an earlier one remembers. Clones are
/// the same memories.
#[derive(Clone, Debug, Default)]
pub struct Memories(Arc<Mutex<Vec<Weak<Memory>>>>);

impl Memories {
    /// The memory of these authorities under this strictness; a memory lives as long as a door that has it.
    pub(crate) fn of(&self, trust: &Trust) -> Arc<Memory> {
        let believed = Believed::of(trust);
        let mut held = self.0.lock();
        held.retain(|memory| memory.strong_count() > 0);
        if let Some(memory) = held.iter().filter_map(Weak::upgrade).find(|held| held.believed == believed) {
            return memory;
        }
        let memory = Arc::new(Memory { believed, shards: Default::default() });
        held.push(Arc::downgrade(&memory));
        memory
    }
}

/// All of a [`Trust`] that decides about signatures and rules; what it says of revocations is asked at each hit.
#[derive(PartialEq, Eq)]
struct Believed {
    anchors: Vec<Fingerprint>,
    strictness: Strictness,
}

impl Believed {
    fn of(trust: &Trust) -> Self {
        let anchors = trust.anchors().map(Certificate::fingerprint).collect();
        Self { anchors, strictness: trust.strictness().clone() }
    }
}

/// What some authorities have vouched for, by the chain that was presented.
pub(crate) struct Memory {
    believed: Believed,
    shards: [Shard; SHARDS],
}

impl Memory {
    /// Judges a client's chain at `now`: by memory where it was accepted before and nothing on its path has ended or
    /// was revoked since, else anew. `trust` is one that the memory is [of](Memories::of).
    pub(crate) fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        trust: &Trust,
        now: OffsetDateTime,
    ) -> Result<Verified, Refusal> {
        let key = key(chain);
        let shard = self.shard(&key);
        let remembered = shard.and_then(|shard| shard.lock().get(&key).cloned());
        // Where the remembered path is good no more, another one may be.
        if let Some(Ok(verified)) = remembered.map(|known| identity::verify_again(&known, trust, now)) {
            return Ok(verified);
        }
        let verified = identity::verify(chain, trust, Purpose::Client, None, now)?;
        if let Some(shard) = shard {
            remember(shard, key, verified.clone());
        }
        Ok(verified)
    }

    /// As [`verify`](Self::verify), for a chain that this memory's authorities have accepted: no look-up either.
    pub(crate) fn verify_again(
        &self,
        client: &Verified,
        trust: &Trust,
        now: OffsetDateTime,
    ) -> Result<Verified, Refusal> {
        identity::verify_again(client, trust, now).or_else(|_| self.verify(&presented(client), trust, now))
    }

    fn shard(&self, key: &Key) -> Option<&Shard> {
        let [.., last] = key;
        self.shards.get(usize::from(*last) % SHARDS)
    }
}

/// The path of a chain that was accepted, as if it were presented.
pub(crate) fn presented(client: &Verified) -> Vec<CertificateDer<'static>> {
    client.chain().iter().map(|certificate| certificate.der().clone()).collect()
}

/// Stores a chain; where the shard is full, another is forgotten for it.
fn remember(shard: &Shard, key: Key, verified: Verified) {
    let mut held = shard.lock();
    if held.len() >= MOST_IN_SHARD && !held.contains_key(&key) {
        let gone = held.keys().next().copied();
        gone.map(|gone| held.remove(&gone));
    }
    held.insert(key, verified);
}

fn key(chain: &[CertificateDer<'_>]) -> Key {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for certificate in chain {
        digest.update(&certificate.len().to_le_bytes());
        digest.update(certificate);
    }
    let mut key = Key::default();
    for (byte, digested) in key.iter_mut().zip(digest.finish().as_ref()) {
        *byte = *digested;
    }
    key
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("strictness", &self.believed.strictness).finish_non_exhaustive()
    }
}

/// A key is a digest already: its first bytes are as good as any hash of it.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of an array is hashed too, and tells nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, MOST_IN_SHARD, Memories, Shard, remember};
    use crate::{Clock as _, SystemClock};
    use identity::{Certificate, Purpose, Strictness, Trust};
    use std::sync::Arc;
    use time::Duration;

    fn own() -> Certificate {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert;
        Certificate::from_der(own.der().clone()).unwrap()
    }

    fn trust(anchors: &[&Certificate]) -> Trust {
        Trust::new(anchors.iter().map(|&anchor| anchor.clone()).collect(), Strictness::default())
    }

    #[test]
    fn a_chain_seen_before_is_not_verified_again() {
        let own = own();
        let trust = trust(&[&own]);
        let memory = Memories::default().of(&trust);
        let chain = [own.der().clone()];
        let first = SystemClock.now();
        assert_eq!(memory.verify(&chain, &trust, first).unwrap().verified_at(), first);
        let again = memory.verify(&chain, &trust, first + Duration::hours(1)).unwrap();
        assert_eq!(again.verified_at(), first);
        let ended = own.identity().not_after() + Duration::seconds(1);
        assert!(memory.verify(&chain, &trust, ended).is_err());
        let twice = [own.der().clone(), own.der().clone()];
        let other = memory.verify(&twice, &trust, first + Duration::hours(2)).unwrap();
        assert_eq!(other.verified_at(), first + Duration::hours(2));
    }

    #[test]
    fn only_the_same_authorities_under_the_same_strictness_share_a_memory() {
        let (one, other) = (own(), own());
        let memories = Memories::default();
        let first = memories.of(&trust(&[&one]));
        assert!(Arc::ptr_eq(&first, &memories.of(&trust(&[&one]))));
        assert!(!Arc::ptr_eq(&first, &memories.of(&trust(&[&one, &other]))));
        assert!(!Arc::ptr_eq(&first, &memories.of(&trust(&[&other]))));
        let strict = Strictness { allow_x509_v1: false, ..Strictness::default() };
        assert!(!Arc::ptr_eq(&first, &memories.of(&Trust::new(vec![one.clone()], strict))));
        drop(first);
        let other = memories.of(&trust(&[&other]));
        assert_eq!(memories.0.lock().len(), 1, "a memory ends with the doors that have it");
        drop(other);
    }

    #[test]
    fn a_full_shard_forgets_one_for_each_that_it_learns() {
        let own = own();
        let verified =
            identity::verify(&[own.der().clone()], &trust(&[&own]), Purpose::Client, None, SystemClock.now());
        let verified = verified.unwrap();
        let shard = Shard::default();
        for n in 0..2 * MOST_IN_SHARD {
            let mut key = Key::default();
            key[..8].copy_from_slice(&n.to_le_bytes());
            remember(&shard, key, verified.clone());
            assert!(shard.lock().contains_key(&key));
        }
        assert_eq!(shard.lock().len(), MOST_IN_SHARD);
    }
}
