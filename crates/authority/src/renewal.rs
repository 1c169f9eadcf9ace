//! When the successor of a certificate is due.

use time::{Duration, OffsetDateTime};

/// When certificates of one profile are renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// How long before its end the successor is suggested; otherwise a third of its life, and 14 days at most.
    pub before_end: Option<Duration>,
    /// How long after its end a certificate may still be exchanged for a successor; zero, and it may not.
    pub after_expiry: Duration,
}

/// When to renew: at a moment of one's own choice from `start` to `end`. A `start` that has passed means now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub start: OffsetDateTime,
    /// The last one.
    pub end: OffsetDateTime,
}

impl Renewal {
    /// The window of a certificate with this life. It ends half-way between its start and the certificate's end, so that
    /// whoever is late still has time.
    #[must_use]
    pub fn window(&self, not_before: OffsetDateTime, not_after: OffsetDateTime) -> Window {
        let life = not_after - not_before;
        let third: Duration = life / 3;
        let before_end = self.before_end.map_or(third.min(LONGEST), |written| written.min(life));
        let start = not_after - before_end;
        Window { start, end: start + before_end / 2 }
    }

    /// Whether a certificate with this end may still be exchanged.
    #[must_use]
    pub fn is_open(&self, not_after: OffsetDateTime, now: OffsetDateTime) -> bool {
        now <= not_after || now - not_after <= self.after_expiry
    }
}

impl Window {
    /// The window that says "now".
    #[must_use]
    pub fn now(now: OffsetDateTime) -> Self {
        Self { start: now - Duration::MINUTE, end: now }
    }

    /// A moment of it; `draw` is a number drawn at random, so that many who renew do not all come at once.
    #[must_use]
    pub fn moment(&self, draw: u32) -> OffsetDateTime {
        self.start + (self.end - self.start) * (f64::from(draw) / f64::from(u32::MAX))
    }
}

const LONGEST: Duration = Duration::days(14);

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::{Renewal, Window};

    #[test]
    fn a_successor_is_due_a_third_before_the_end_and_fourteen_days_at_most() {
        let from = datetime!(2026-01-01 00:00 UTC);
        let renewal = Renewal::default();
        let long = renewal.window(from, from + Duration::days(90));
        assert_eq!(long.start, from + Duration::days(76));
        assert_eq!(long.end, from + Duration::days(83));
        let short = renewal.window(from, from + Duration::minutes(6));
        assert_eq!((short.start, short.end), (from + Duration::minutes(4), from + Duration::minutes(5)));
        let own = Renewal { before_end: Some(Duration::days(400)), ..Renewal::default() };
        assert_eq!(own.window(from, from + Duration::days(90)).start, from, "never before it was valid");
    }

    #[test]
    fn an_expired_certificate_may_be_exchanged_as_long_as_the_profile_says() {
        let end = datetime!(2026-01-01 00:00 UTC);
        let none = Renewal::default();
        assert!(none.is_open(end, end) && !none.is_open(end, end + Duration::SECOND));
        let week = Renewal { after_expiry: Duration::days(7), ..Renewal::default() };
        assert!(week.is_open(end, end + Duration::days(7)));
        assert!(!week.is_open(end, end + Duration::days(7) + Duration::SECOND));
    }

    #[test]
    fn a_moment_of_a_window_is_within_it() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let window = Window { start: now, end: now + Duration::days(7) };
        assert_eq!(window.moment(0), window.start);
        assert_eq!(window.moment(u32::MAX), window.end);
        assert!(Window::now(now).end <= now);
    }
}
