//! How much one address may ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use time::OffsetDateTime;

/// Buckets of tokens, one for each source; their number is bounded.
pub(crate) struct Sources {
    most: f64,
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: OffsetDateTime,
}

impl Sources {
    /// Buckets that hold `most` and are filled by so many in a second.
    pub(crate) fn new(most: f64, per_second: f64) -> Self {
        Self { most, per_second, buckets: Mutex::default() }
    }

    /// Whether the source may do one thing more now.
    pub(crate) fn allows(&self, source: IpAddr, now: OffsetDateTime) -> bool {
        let mut buckets = self.buckets.lock();
        let source = home(source);
        make_room(&mut buckets, &source);
        let bucket = buckets.entry(source).or_insert(Bucket { tokens: self.most, filled: now });
        // A clock that steps back fills nothing.
        let passed = (now - bucket.filled).as_seconds_f64().max(0.0);
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(self.most);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

/// Who has an IPv6 address has a network of them.
pub(crate) fn home(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

/// Starting over costs each source at most one bucket.
fn make_room<K: Eq + Hash, V>(buckets: &mut HashMap<K, V>, newcomer: &K) {
    if buckets.len() >= MOST_SOURCES && !buckets.contains_key(newcomer) {
        buckets.clear();
    }
}

const MOST_SOURCES: usize = 65_536;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::Sources;

    #[test]
    fn a_source_that_asks_too_much_waits_and_its_neighbours_do_not() {
        let now = datetime!(2026-01-02 03:04:05 UTC);
        let sources = Sources::new(2.0, 1.0);
        let (one, next) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(sources.allows(one, now) && sources.allows(one, now) && !sources.allows(one, now));
        assert!(sources.allows(next, now));
        assert!(sources.allows(one, now + Duration::SECOND));
        let (a, b) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:2".parse().unwrap());
        assert!(sources.allows(a, now) && sources.allows(b, now) && !sources.allows(a, now), "one /64");
    }
}
