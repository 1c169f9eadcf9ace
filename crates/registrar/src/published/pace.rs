//! How many signatures strangers can ask for.

use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

/// So many in each second, and as many at once after a quiet one.
#[derive(Debug)]
pub(crate) struct Pace {
    each_second: u32,
    spent: Mutex<Spent>,
}

#[derive(Debug)]
struct Spent {
    since: OffsetDateTime,
    many: u32,
}

impl Pace {
    pub(crate) fn new(each_second: u32) -> Self {
        Self { each_second, spent: Mutex::new(Spent { since: OffsetDateTime::UNIX_EPOCH, many: 0 }) }
    }

    /// Takes one, where there is one left. A clock that jumps begins a new second.
    pub(crate) fn allows(&self, now: OffsetDateTime) -> bool {
        let mut spent = self.spent.lock();
        if (now - spent.since).abs() >= Duration::SECOND {
            *spent = Spent { since: now, many: 0 };
        }
        spent.many = spent.many.saturating_add(1);
        spent.many <= self.each_second
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::Pace;

    #[test]
    fn what_is_spent_comes_back_with_the_next_second_whichever_way_the_clock_goes() {
        let now = datetime!(2026-06-01 12:00 UTC);
        let pace = Pace::new(2);
        assert_eq!([0, 1, 2].map(|_| pace.allows(now)), [true, true, false]);
        assert!(pace.allows(now + Duration::SECOND));
        assert!(pace.allows(now - Duration::HOUR));
    }
}
