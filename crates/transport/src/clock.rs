//! The injected clock.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use time::{Duration, OffsetDateTime};

/// What time it is, for everything that judges by time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock that everything else must use")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still until a test moves it; clones share the time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Mutex<OffsetDateTime>>);

impl TestClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets the time.
    pub fn set(&self, now: OffsetDateTime) {
        *self.0.lock() = now;
    }

    /// Moves the time; a negative duration moves it back.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock()
    }
}

/// Our clock in rustls' shape; rustls asks it for ticket ages.
#[derive(Debug)]
pub(crate) struct RustlsTime(pub(crate) Arc<dyn Clock>);

impl rustls::time_provider::TimeProvider for RustlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, TestClock};
    use time::{Duration, OffsetDateTime};

    #[test]
    fn a_test_clock_moves_only_when_told_and_its_clones_move_with_it() {
        let clock = TestClock::at(OffsetDateTime::UNIX_EPOCH);
        let other = clock.clone();
        assert_eq!(other.now(), OffsetDateTime::UNIX_EPOCH);
        clock.advance(Duration::hours(2));
        assert_eq!(other.now(), OffsetDateTime::UNIX_EPOCH + Duration::hours(2));
        other.set(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH);
    }
}
