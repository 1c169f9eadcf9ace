//! One issuer: what it has taken back, the lists that say so, and who answers for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use arc_swap::ArcSwap;
use authority::{Authority, Shard, SignedCrl};
use bytes::Bytes;
use identity::{Certificate, Pin};
use ledger::RevocationRecord;
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::document::Document;
use super::voice::Voice;

/// An issuer as strangers know it. It outlives a reload that keeps its certificate.
pub(crate) struct Issuer {
    /// Its name in the configuration.
    pub(crate) name: String,
    pub(crate) key: Pin,
    pub(crate) authority: ArcSwap<Authority>,
    pub(crate) voice: Arc<Voice>,
    lists: Mutex<BTreeMap<Shard, Held>>,
    /// Over how many parts certificates have been spread at most, which all are published.
    parts: AtomicU16,
}

/// A list, or a part of one, that was signed.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) signed: Arc<SignedCrl>,
    pub(crate) document: Document,
}

/// What is held of a list.
#[derive(Debug)]
struct Held {
    list: List,
    /// Whether something has changed that the list should say.
    stale: bool,
}

impl List {
    pub(crate) fn of(signed: SignedCrl) -> Self {
        let bytes = Bytes::copy_from_slice(signed.der());
        let (made, next) = (signed.this_update(), signed.next_update());
        Self { document: Document::statement(LIST, bytes, made, next), signed: Arc::new(signed) }
    }

    /// When it is signed again, whatever happens: halfway to its end.
    pub(crate) fn renew_at(&self) -> OffsetDateTime {
        let (made, next) = (self.signed.this_update(), self.signed.next_update());
        made + (next - made) / 2
    }
}

impl Issuer {
    /// `None` where nobody could ask about its certificates, because its key cannot be read.
    pub(crate) fn new(name: &str, authority: Arc<Authority>) -> Option<Self> {
        let voice = Arc::new(Voice::new(name, authority.certificate())?);
        Some(Self {
            name: name.to_owned(),
            key: authority.key_id(),
            authority: ArcSwap::new(authority),
            voice,
            lists: Mutex::default(),
            parts: AtomicU16::new(1),
        })
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.authority.load().certificate().clone()
    }

    /// Takes in what was recorded: lists that should say it are stale from then on, and answers to the contrary are gone.
    /// Says how much was new.
    pub(crate) fn learn(&self, records: &[RevocationRecord]) -> usize {
        let new = self.voice.learn(records);
        let mut lists = self.lists.lock();
        for key in &new {
            lists.iter_mut().filter(|(shard, _)| key.is_in(**shard)).for_each(|(_, held)| held.stale = true);
        }
        new.len()
    }

    pub(crate) fn list(&self, shard: Shard) -> Option<List> {
        self.lists.lock().get(&shard).map(|held| held.list.clone())
    }

    /// Every list that is published.
    pub(crate) fn lists(&self) -> Vec<(Shard, List)> {
        self.lists.lock().iter().map(|(shard, held)| (*shard, held.list.clone())).collect()
    }

    /// Which lists have to be signed at `now`: those that are missing, stale, or half over.
    pub(crate) fn due(&self, now: OffsetDateTime) -> Vec<Shard> {
        let lists = self.lists.lock();
        let fresh = |shard: &Shard| {
            lists.get(shard).is_some_and(|held| {
                !held.stale && now < held.list.renew_at() && !is_of_the_future(&held.list, now)
            })
        };
        self.wanted().filter(|shard| !fresh(shard)).collect()
    }

    /// When the next list has to be signed, as things are.
    pub(crate) fn next_due(&self) -> Option<OffsetDateTime> {
        self.lists.lock().values().map(|held| held.list.renew_at()).min()
    }

    /// What is signed from now on says what is known now.
    pub(crate) fn begin(&self, shard: Shard) {
        if let Some(held) = self.lists.lock().get_mut(&shard) {
            held.stale = false;
        }
    }

    /// What was begun has failed, and is still wanted.
    pub(crate) fn failed(&self, shard: Shard) {
        if let Some(held) = self.lists.lock().get_mut(&shard) {
            held.stale = true;
        }
    }

    /// Publishes a list that was just signed; what was learned since it was begun still makes it stale.
    pub(crate) fn publish(&self, shard: Shard, list: List) {
        let mut lists = self.lists.lock();
        let stale = lists.get(&shard).is_some_and(|held| held.stale);
        lists.insert(shard, Held { list, stale });
    }

    /// Publishes a list that was signed before the node started, until it is known whether it still says everything.
    pub(crate) fn publish_kept(&self, shard: Shard, list: List) {
        self.lists.lock().entry(shard).or_insert(Held { list, stale: true });
    }

    /// Over how many parts certificates are or were spread.
    pub(crate) fn parts(&self) -> u16 {
        self.parts.load(Ordering::Relaxed)
    }

    pub(crate) fn set_parts(&self, parts: u16) {
        self.parts.fetch_max(parts, Ordering::Relaxed);
    }

    /// The whole, and each part of every number of parts that there was.
    fn wanted(&self) -> impl Iterator<Item = Shard> {
        let most = self.parts();
        let spreads = (0..16_u32).map(|power| 1_u16.checked_shl(power).unwrap_or(u16::MAX));
        spreads
            .take_while(move |of| *of <= most)
            .flat_map(|of| (0..of).filter_map(move |at| Shard::new(of, at)))
    }
}

/// Signed by a clock that was ahead; whoever reads it now does not believe it.
fn is_of_the_future(list: &List, now: OffsetDateTime) -> bool {
    list.signed.this_update() > now
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.name)
    }
}

const LIST: &str = "application/pkix-crl";
