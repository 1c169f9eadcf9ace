//! How often one who asks may ask.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A bucket for each who asked; it holds one minute's worth.
#[derive(Debug, Default)]
pub(crate) struct Frequency(Mutex<HashMap<String, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    filled: Instant,
}

impl Frequency {
    /// Whether `asker` may ask once more where so many requests a minute are allowed; 0 is no bound.
    pub(crate) fn allows(&self, per_minute: u64, asker: &str) -> bool {
        // More than this is no bound that anybody could feel, and exact as a floating number.
        let Ok(full) = u32::try_from(per_minute) else { return true };
        if full == 0 {
            return true;
        }
        let (full, now) = (f64::from(full), Instant::now());
        let mut buckets = self.0.lock();
        if buckets.len() >= MOST && !buckets.contains_key(asker) {
            // Those that are full again say nothing; if all have something to say, the oldest word is given up.
            buckets.retain(|_, bucket| bucket.left_at(now, full) < full);
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(asker.to_owned()).or_insert(Bucket { left: full, filled: now });
        bucket.left = bucket.left_at(now, full);
        bucket.filled = now;
        let allowed = bucket.left >= 1.0;
        bucket.left -= f64::from(u8::from(allowed));
        allowed
    }
}

impl Bucket {
    fn left_at(&self, now: Instant, full: f64) -> f64 {
        (self.left + now.duration_since(self.filled).as_secs_f64() * full / 60.0).min(full)
    }
}

/// Strangers choose how many they are: one for each address.
const MOST: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Frequency, MOST};

    #[tokio::test(start_paused = true)]
    async fn one_who_asks_too_often_waits_and_others_do_not() {
        let frequency = Frequency::default();
        assert!(frequency.allows(2, "a") && frequency.allows(2, "a") && !frequency.allows(2, "a"));
        assert!(frequency.allows(2, "b"));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(frequency.allows(2, "a") && !frequency.allows(2, "a"));
        assert!((0..100).all(|_| frequency.allows(0, "a")), "without a bound everything is allowed");
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cannot_make_it_remember_without_end() {
        let frequency = Frequency::default();
        for n in 0..MOST * 2 {
            frequency.allows(2, &n.to_string());
        }
        assert!(frequency.0.lock().len() <= MOST);
    }
}
