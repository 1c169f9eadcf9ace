//! Requests per second for each principal.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A bucket of tokens for each principal that was seen; it holds one second's worth.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<HashMap<Arc<str>, Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Rate {
    /// Whether `principal` may send one more request now where so many may be sent in a second; 0 is no limit.
    /// Anonymous peers share one bucket.
    pub(crate) fn allows(&self, per_second: u32, principal: Option<&str>) -> bool {
        if per_second == 0 {
            return true;
        }
        let full = f64::from(per_second);
        let now = Instant::now();
        let mut buckets = self.0.lock();
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
        let rate = Rate::default();
        assert!(rate.allows(2, Some("a")) && rate.allows(2, Some("a")));
        assert!(!rate.allows(2, Some("a")));
        assert!(rate.allows(2, Some("b")));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rate.allows(2, Some("a")));
        assert!(!rate.allows(2, Some("a")));
        assert!(rate.allows(0, Some("a")), "without a limit everything is allowed");
    }

    #[tokio::test(start_paused = true)]
    async fn another_limit_holds_from_the_next_request_on() {
        let rate = Rate::default();
        assert!(rate.allows(100, Some("a")));
        assert!(
            rate.allows(1, Some("a")),
            "what was saved up under the old limit is cut down to the new one"
        );
        assert!(!rate.allows(1, Some("a")));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(rate.allows(100, Some("a")));
    }
}
