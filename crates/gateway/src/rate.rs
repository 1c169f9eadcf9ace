//! Requests per second for each principal.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A bucket of tokens for each principal that was seen; it holds one second's worth.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Requests per second; 0 is no limit.
    per_second: u32,
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Whether `principal` may send one more request now; anonymous peers share one bucket.
    pub(crate) fn allows(&self, principal: Option<&str>) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let full = f64::from(self.per_second);
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let name = principal.unwrap_or_default();
        if !buckets.contains_key(name) {
            // Where every certificate is a principal the names are not ours to bound; starting over costs each
            // at most one second's worth.
            if buckets.len() >= MOST_BUCKETS {
                buckets.clear();
            }
            buckets.insert(name.into(), Bucket { tokens: full, filled: now });
        }
        let Some(bucket) = buckets.get_mut(name) else { return true };
        bucket.tokens = (bucket.tokens + now.duration_since(bucket.filled).as_secs_f64() * full).min(full);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

const MOST_BUCKETS: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Rate;

    #[tokio::test(start_paused = true)]
    async fn a_principal_that_sends_too_much_waits_and_others_do_not() {
        let rate = Rate::new(2);
        assert!(rate.allows(Some("a")) && rate.allows(Some("a")));
        assert!(!rate.allows(Some("a")));
        assert!(rate.allows(Some("b")));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rate.allows(Some("a")));
        assert!(!rate.allows(Some("a")));
    }
}
