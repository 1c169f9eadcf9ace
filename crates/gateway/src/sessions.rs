//! The live sessions, each known by its id, its certificate and its principal.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::str::FromStr;
use std::sync::{Arc, Weak};

use fault::{NoTag, Tag};
use identity::{Pin, Serial, Verified};
use parking_lot::Mutex;

use crate::session::Session;

/// `se_` and a [`Tag`] drawn at random: no id of one run of the node means anything in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Tag);

impl SessionId {
    /// Draws a new one.
    pub(crate) fn draw() -> Self {
        let mut random = [0_u8; Tag::BYTES];
        // An id names a session and protects nothing.
        let _ = aws_lc_rs::rand::fill(&mut random);
        Self(Tag::new(random))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        Tag::behind(PREFIX, text).map(Self)
    }
}

const PREFIX: &str = "se_";

/// Which sessions are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The one of this id.
    Id(SessionId),
    /// Those whose certificate has this serial number, whoever issued it.
    Serial(Serial),
    /// Those of this principal.
    Principal(String),
    /// Those whose certificate has this public key.
    Spki(Pin),
}

/// A certificate as revocations name it: the public key of its issuer, and its serial number.
pub type Revoked = (Pin, Serial);

/// Every live session, in shards, so that opening one does not wait for those who look through all.
pub(crate) struct Sessions {
    shards: [Mutex<HashMap<SessionId, Entry>>; SHARDS],
    hashes: RandomState,
}

/// What is kept of a session: 24 bytes beside its id.
struct Entry {
    session: Weak<Session>,
    /// A hash of issuer and serial, so that looking for a certificate touches no session of another; 0 without one.
    certificate: u64,
}

const SHARDS: usize = 16;

impl Default for Sessions {
    fn default() -> Self {
        Self { shards: Default::default(), hashes: RandomState::new() }
    }
}

impl Sessions {
    pub(crate) fn add(&self, session: &Arc<Session>) {
        let certificate =
            session.verified().and_then(issued).map_or(0, |(issuer, serial)| self.hash(issuer, serial));
        let entry = Entry { session: Arc::downgrade(session), certificate };
        self.shard(session.id).lock().insert(session.id, entry);
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.shard(id).lock().remove(&id);
    }

    /// Every session that lives at some moment between the call and its return; one that was added before the call
    /// and has not ended is among them.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.filtered(|_| true)
    }

    /// Those whose own certificate is one of these.
    pub(crate) fn of(&self, certificates: &[Revoked]) -> Vec<Arc<Session>> {
        let mut wanted: Vec<u64> =
            certificates.iter().map(|(issuer, serial)| self.hash(*issuer, serial)).collect();
        wanted.sort_unstable();
        self.filtered(|entry| wanted.binary_search(&entry.certificate).is_ok())
    }

    /// Those that are meant.
    pub(crate) fn selected(&self, selected: &Selected) -> Vec<Arc<Session>> {
        if let Selected::Id(id) = selected {
            let found = self.shard(*id).lock().get(id).and_then(|entry| entry.session.upgrade());
            return found.into_iter().collect();
        }
        let mut found = self.all();
        found.retain(|session| {
            let identity = session.verified().map(|verified| verified.leaf().identity());
            match selected {
                Selected::Id(_) => false,
                Selected::Serial(serial) => identity.is_some_and(|held| held.serial() == serial),
                Selected::Spki(pin) => identity.is_some_and(|held| held.spki_sha256() == *pin),
                Selected::Principal(name) => session.is_of(name),
            }
        });
        found
    }

    fn filtered(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Session>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            found.extend(
                shard.values().filter(|&entry| wanted(entry)).filter_map(|entry| entry.session.upgrade()),
            );
        }
        found
    }

    fn hash(&self, issuer: Pin, serial: &Serial) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        hasher.write(issuer.bytes());
        hasher.write(serial.bytes());
        hasher.finish().max(1)
    }

    fn shard(&self, id: SessionId) -> &Mutex<HashMap<SessionId, Entry>> {
        let [first, rest @ ..] = &self.shards;
        let place = usize::try_from(self.hashes.hash_one(id) % SHARDS as u64).unwrap_or_default();
        rest.get(place.wrapping_sub(1)).unwrap_or(first)
    }
}

/// Whose key issued a leaf, and its serial number. What stands alone is its own issuer, as far as we can tell here.
fn issued(verified: &Verified) -> Option<(Pin, &Serial)> {
    let chain = verified.chain();
    let issuer = chain.get(1).or_else(|| chain.first())?;
    Some((issuer.identity().spki_sha256(), verified.leaf().identity().serial()))
}
