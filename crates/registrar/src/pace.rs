//! How much one asker may ask: buckets of tokens.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

/// How many tokens a bucket holds, and how fast it is filled again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) most: f64,
    pub(crate) per_second: f64,
}

/// Buckets of tokens, one for each asker; their number is bounded.
///
/// The rate comes with each question, so that it may be another after a reload.
#[derive(Debug)]
pub(crate) struct Pace<K>(Mutex<HashMap<K, Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: OffsetDateTime,
}

/// How long an asker has to wait until its bucket has enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Pace<K> {
    /// Takes so many tokens at once, or none and says when there will be enough. What costs more than a bucket holds takes a
    /// full one.
    pub(crate) fn take(&self, rate: Rate, asker: &K, cost: usize, now: OffsetDateTime) -> Result<(), Wait> {
        let cost = number(cost).min(rate.most);
        self.with(rate, asker, now, |bucket| {
            bucket.holds(rate, cost)?;
            bucket.tokens -= cost;
            Ok(())
        })
    }

    /// Whether one could be taken; none is.
    pub(crate) fn look(&self, rate: Rate, asker: &K, now: OffsetDateTime) -> Result<(), Wait> {
        self.with(rate, asker, now, |bucket| bucket.holds(rate, 1.0))
    }

    fn with<T>(&self, rate: Rate, asker: &K, now: OffsetDateTime, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.0.lock();
        if buckets.len() >= MOST_ASKERS && !buckets.contains_key(asker) {
            // Those that are full again say nothing. Where most have something to say, starting over costs each one bucket, and
            // looking through all for each newcomer would cost more.
            buckets.retain(|_, bucket| bucket.at(rate, now) < rate.most);
            if buckets.len() > MOST_ASKERS / 2 {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(asker.clone()).or_insert(Bucket { tokens: rate.most, filled: now });
        *bucket = Bucket { tokens: bucket.at(rate, now), filled: now };
        act(bucket)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Bucket {
    /// What it holds now. A clock that steps back fills nothing, and what passes from there on fills as ever.
    fn at(&self, rate: Rate, now: OffsetDateTime) -> f64 {
        let passed = (now - self.filled).as_seconds_f64().max(0.0);
        (self.tokens + passed * rate.per_second).min(rate.most)
    }

    fn holds(&self, rate: Rate, cost: f64) -> Result<(), Wait> {
        let lacking = cost - self.tokens;
        match lacking > 0.0 {
            true => Err(Wait(Duration::seconds_f64((lacking / rate.per_second).ceil()))),
            false => Ok(()),
        }
    }
}

impl Wait {
    /// As `Retry-After` says it.
    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0.whole_seconds()).unwrap_or(u32::MAX).max(1)
    }
}

fn number(cost: usize) -> f64 {
    u32::try_from(cost).map_or(f64::INFINITY, f64::from)
}

/// Where an address is at home: who has an IPv6 address has a network of them.
pub(crate) fn home(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

/// Strangers choose how many they are.
const MOST_ASKERS: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use time::Duration;
    use time::macros::datetime;

    use super::{MOST_ASKERS, Pace, Rate, Wait, home};

    const NOW: time::OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
    const RATE: Rate = Rate { most: 2.0, per_second: 0.5 };

    #[test]
    fn who_asks_too_much_waits_and_its_neighbours_do_not() {
        let pace = Pace::default();
        assert_eq!([0; 2].map(|_| pace.take(RATE, &"one", 1, NOW)), [Ok(()), Ok(())]);
        assert!(pace.look(RATE, &"one", NOW).is_err());
        assert_eq!(pace.take(RATE, &"one", 1, NOW), Err(Wait(Duration::seconds(2))), "and is told how long");
        assert_eq!(pace.take(RATE, &"next", 2, NOW), Ok(()));
        assert_eq!(pace.take(RATE, &"one", 1, NOW + Duration::seconds(2)), Ok(()));
    }

    #[test]
    fn what_costs_more_than_there_is_takes_nothing_and_what_costs_more_than_fits_takes_all() {
        let pace = Pace::default();
        pace.take(RATE, &(), 1, NOW).unwrap();
        assert!(pace.take(RATE, &(), 2, NOW).is_err());
        assert!(pace.look(RATE, &(), NOW).is_ok(), "the one that was left is there");
        let later = NOW + Duration::MINUTE;
        assert_eq!(pace.take(RATE, &(), usize::MAX, later), Ok(()));
        assert!(pace.look(RATE, &(), later).is_err());
    }

    #[test]
    fn what_is_spent_comes_back_with_time_whichever_way_the_clock_goes() {
        let pace = Pace::default();
        pace.take(RATE, &(), 2, NOW).unwrap();
        let before = NOW - Duration::HOUR;
        assert!(pace.look(RATE, &(), before).is_err());
        assert!(pace.look(RATE, &(), before + Duration::seconds(2)).is_ok());
    }

    #[test]
    fn strangers_cannot_make_it_remember_without_end() {
        let pace = Pace::default();
        for n in 0..=2 * MOST_ASKERS {
            pace.take(RATE, &n, 1, NOW).unwrap();
        }
        assert!(pace.len() <= MOST_ASKERS);
    }

    #[test]
    fn the_addresses_of_one_network_of_version_6_are_one_home() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(home(address("2001:db8::1")), home(address("2001:db8::ffff:2")));
        assert_ne!(home(address("2001:db8::1")), home(address("2001:db8:0:1::1")));
        assert_eq!(home(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
