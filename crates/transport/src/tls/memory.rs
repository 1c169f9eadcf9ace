//! Chains verified before, so that a client that comes back costs a lookup.
//!
//! A memory lives in one listener's settings and dies with them: a reload that changes whom we trust starts with an
//! empty one. Each hit is judged again by the clock.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use fault::Refusal;
use identity::{Purpose, Trust, Verified};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

const SHARDS: usize = 16;
/// How many chains each shard remembers: 8,192 in all.
const MOST_IN_SHARD: usize = 512;

/// SHA-256 over the lengths and bytes of a chain's certificates.
type Key = [u8; 32];
type Shard = Mutex<HashMap<Key, Verified, BuildHasherDefault<KeyHasher>>>;

/// What a [`Trust`] has accepted, by the chain that was presented.
pub(crate) struct Memory {
    trust: Arc<Trust>,
    shards: [Shard; SHARDS],
}

impl Memory {
    pub(crate) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, shards: Default::default() }
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Judges a client's chain at `now`: by memory where it was accepted before and every certificate on its path is
    /// still valid, else anew.
    pub(crate) fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Result<Verified, Refusal> {
        let key = key(chain);
        let shard = self.shard(&key);
        if let Some(verified) = shard.and_then(|shard| shard.lock().get(&key).cloned())
            && verified.holds_at(now)
        {
            return Ok(verified);
        }
        let verified = identity::verify(chain, &self.trust, Purpose::Client, None, now)?;
        if let Some(shard) = shard {
            remember(shard, key, verified.clone());
        }
        Ok(verified)
    }

    fn shard(&self, key: &Key) -> Option<&Shard> {
        let [.., last] = key;
        self.shards.get(usize::from(*last) % SHARDS)
    }
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
        f.debug_struct("Memory").field("trust", &self.trust).finish_non_exhaustive()
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
    use super::{Key, MOST_IN_SHARD, Memory, Shard, remember};
    use crate::{Clock as _, SystemClock};
    use identity::{Certificate, Purpose, Strictness, Trust};
    use std::sync::Arc;
    use time::Duration;

    fn memory() -> (Memory, Certificate) {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert;
        let own = Certificate::from_der(own.der().clone()).unwrap();
        (Memory::new(Arc::new(Trust::new(vec![own.clone()], Strictness::default()))), own)
    }

    #[test]
    fn a_chain_seen_before_is_not_verified_again() {
        let (memory, own) = memory();
        let chain = [own.der().clone()];
        let first = SystemClock.now();
        assert_eq!(memory.verify(&chain, first).unwrap().verified_at(), first);
        let again = memory.verify(&chain, first + Duration::hours(1)).unwrap();
        assert_eq!(again.verified_at(), first);
        assert!(memory.verify(&chain, own.identity().not_after() + Duration::seconds(1)).is_err());
        let twice = [own.der().clone(), own.der().clone()];
        let other = memory.verify(&twice, first + Duration::hours(2)).unwrap();
        assert_eq!(other.verified_at(), first + Duration::hours(2));
    }

    #[test]
    fn a_full_shard_forgets_one_for_each_that_it_learns() {
        let (memory, own) = memory();
        let verified =
            identity::verify(&[own.der().clone()], memory.trust(), Purpose::Client, None, SystemClock.now());
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
