//! So many refusals, shared fairly among the addresses that they came from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use transport::HelloId;

use super::{Named, Refused};
use crate::RefusalId;

/// The last refusals. When it is full, the address that takes the most room in it gives up its oldest: whoever is refused
/// over and over pushes out itself, and somebody who was refused once is remembered.
pub(crate) struct Ring {
    most: usize,
    most_bytes: usize,
    bytes: usize,
    next: u64,
    /// By when they came.
    held: BTreeMap<u64, Arc<Refused>>,
    by_id: HashMap<RefusalId, u64>,
    /// The first of each hello: who saw it on the wire and says it again cannot take its place.
    by_hello: HashMap<HelloId, u64>,
    sources: HashMap<Source, Share>,
    /// Who holds how many bytes; among equals the one whose oldest is the oldest is the last.
    heaviest: BTreeSet<(usize, Reverse<u64>, Source)>,
}

/// What one source holds of the ring.
#[derive(Default)]
struct Share {
    held: VecDeque<u64>,
    bytes: usize,
}

/// Where refusals come from: an address, or an IPv6 site, which has more addresses than anybody can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Source(u64);

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            // A /48 is what a site is given; the mark keeps it apart from IPv4.
            IpAddr::V6(address) => Self(1 << 63 | u64::try_from(address.to_bits() >> 80).unwrap_or_default()),
        }
    }
}

impl Ring {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            bytes: 0,
            next: 0,
            held: BTreeMap::new(),
            by_id: HashMap::new(),
            by_hello: HashMap::new(),
            sources: HashMap::new(),
            heaviest: BTreeSet::new(),
        }
    }

    /// Keeps one, and gives back what it had to let go.
    pub(crate) fn keep(&mut self, refused: Arc<Refused>) -> Vec<Arc<Refused>> {
        let at = self.next;
        self.next += 1;
        self.bytes += refused.weight();
        self.by_id.insert(refused.id, at);
        if let Some(hello) = refused.hello {
            self.by_hello.entry(hello).or_insert(at);
        }
        self.reckon(Source::of(refused.peer.ip()), |share| {
            share.held.push_back(at);
            share.bytes += refused.weight();
        });
        self.held.insert(at, refused);
        let mut gone = Vec::new();
        while self.held.len() > self.most || self.bytes > self.most_bytes {
            match self.let_go() {
                Some(refused) => gone.push(refused),
                None => break,
            }
        }
        gone
    }

    pub(crate) fn find(&self, named: Named) -> Option<Arc<Refused>> {
        let at = match named {
            Named::Refusal(id) => self.by_id.get(&id),
            Named::Hello(hello) => self.by_hello.get(&hello),
        };
        self.held.get(at?).cloned()
    }

    pub(crate) fn filter(&self, wanted: impl Fn(&Refused) -> bool) -> Vec<Arc<Refused>> {
        self.held.values().filter(|refused| wanted(refused)).cloned().collect()
    }

    /// Lets go of the oldest of whoever takes the most room.
    fn let_go(&mut self) -> Option<Arc<Refused>> {
        let (_, Reverse(at), source) = *self.heaviest.last()?;
        let refused = self.held.remove(&at)?;
        let weight = refused.weight();
        self.reckon(source, |share| {
            share.held.pop_front();
            share.bytes = share.bytes.saturating_sub(weight);
        });
        self.bytes = self.bytes.saturating_sub(weight);
        self.by_id.remove(&refused.id);
        if let Some(hello) = refused.hello
            && self.by_hello.get(&hello) == Some(&at)
        {
            self.by_hello.remove(&hello);
        }
        Some(refused)
    }

    /// Changes what a source holds, and where it stands among the others.
    fn reckon(&mut self, source: Source, change: impl FnOnce(&mut Share)) {
        let share = self.sources.entry(source).or_default();
        if let Some(oldest) = share.held.front() {
            self.heaviest.remove(&(share.bytes, Reverse(*oldest), source));
        }
        change(share);
        match share.held.front() {
            Some(oldest) => drop(self.heaviest.insert((share.bytes, Reverse(*oldest), source))),
            None => drop(self.sources.remove(&source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::Ring;
    use crate::refusals::refused::tests::refused;
    use crate::refusals::{Evidence, Named};

    fn count(ring: &Ring, address: &str) -> usize {
        let address: SocketAddr = address.parse().unwrap();
        ring.filter(|refused| refused.peer.ip() == address.ip()).len()
    }

    #[test]
    fn a_full_ring_forgets_the_oldest_of_whoever_holds_the_most() {
        let mut ring = Ring::new(8, usize::MAX);
        let quiet = Arc::new(refused("10.0.0.1:1"));
        ring.keep(Arc::clone(&quiet));
        let mut last = quiet.id;
        for _ in 0..1000 {
            let loud = refused("10.0.0.2:2");
            last = loud.id;
            ring.keep(Arc::new(loud));
        }
        assert_eq!((count(&ring, "10.0.0.1:1"), count(&ring, "10.0.0.2:2")), (1, 7));
        assert!(ring.find(Named::Refusal(quiet.id)).is_some());
        assert!(ring.find(Named::Refusal(last)).is_some(), "the newest is always kept");
    }

    #[test]
    fn those_who_are_refused_alike_share_alike() {
        let mut ring = Ring::new(9, usize::MAX);
        for address in ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"] {
            for _ in 0..100 {
                ring.keep(Arc::new(refused(address)));
            }
        }
        for address in ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"] {
            assert_eq!(count(&ring, address), 3, "{address}");
        }
    }

    #[test]
    fn of_those_who_were_refused_once_the_oldest_is_forgotten() {
        let mut ring = Ring::new(4, usize::MAX);
        for n in (0..10).rev() {
            ring.keep(Arc::new(refused(&format!("10.0.0.{n}:1"))));
        }
        let held: Vec<String> = ring.filter(|_| true).iter().map(|held| held.peer.to_string()).collect();
        assert_eq!(held, ["10.0.0.3:1", "10.0.0.2:1", "10.0.0.1:1", "10.0.0.0:1"]);
    }

    #[test]
    fn the_addresses_of_one_ipv6_site_count_as_one() {
        let mut ring = Ring::new(4, usize::MAX);
        ring.keep(Arc::new(refused("[2001:db8:1::1]:1")));
        for n in 0..100 {
            ring.keep(Arc::new(refused(&format!("[2001:db8:2:{n:x}::1]:1"))));
        }
        assert_eq!(count(&ring, "[2001:db8:1::1]:1"), 1);
    }

    #[test]
    fn bytes_are_bounded_and_so_is_what_is_remembered_beside_them() {
        let one = refused("10.0.0.1:1").weight();
        let mut ring = Ring::new(usize::MAX, 10 * one);
        for _ in 0..100 {
            ring.keep(Arc::new(refused("10.0.0.1:1")));
        }
        assert_eq!(ring.held.len(), 10);
        assert_eq!(ring.bytes, 10 * one);
        assert_eq!((ring.by_id.len(), ring.by_hello.len()), (10, 10));
        assert_eq!((ring.sources.len(), ring.heaviest.len()), (1, 1));
        assert_eq!(ring.sources.values().map(|share| share.held.len()).sum::<usize>(), 10);
    }

    #[test]
    fn who_sends_large_certificates_pushes_out_its_own() {
        let one = refused("10.0.0.1:1").weight();
        let mut ring = Ring::new(usize::MAX, 100 * one);
        for _ in 0..20 {
            ring.keep(Arc::new(refused("10.0.0.1:1")));
        }
        for _ in 0..100 {
            let mut large = refused("10.0.0.2:1");
            large.evidence = Evidence::presented(Some(&[0; 8000]));
            ring.keep(Arc::new(large));
        }
        assert_eq!(count(&ring, "10.0.0.1:1"), 20);
    }

    #[test]
    fn a_hello_that_is_said_again_does_not_take_the_first_ones_place() {
        let mut ring = Ring::new(4, usize::MAX);
        let first = Arc::new(refused("10.0.0.1:1"));
        let mut copied = refused("10.6.6.6:1");
        copied.hello = first.hello;
        let hello = Named::Hello(first.hello.unwrap());
        ring.keep(Arc::clone(&first));
        ring.keep(Arc::new(copied));
        assert_eq!(ring.find(hello).unwrap().id, first.id);
    }
}
