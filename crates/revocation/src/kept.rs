//! One answer that is kept: until when it counts, when it is fetched again, and who waits for it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::sync::watch;

/// One answer, its last failure, and the attempt that is under way.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    state: ArcSwap<State<T>>,
    flight: Mutex<Option<watch::Receiver<()>>>,
    /// When somebody asked last, in milliseconds since 1970.
    used: AtomicI64,
    /// When those who may still want it were called last.
    called: AtomicI64,
}

/// What is held, and what went wrong since.
#[derive(Debug)]
pub(crate) struct State<T> {
    pub(crate) held: Option<Held<T>>,
    pub(crate) failed: Option<Failed>,
    /// When the last attempt ended; none before the first.
    tried: Option<OffsetDateTime>,
}

/// An answer with its times.
#[derive(Clone, Debug)]
pub(crate) struct Held<T> {
    pub(crate) value: T,
    /// When it was fetched.
    pub(crate) since: OffsetDateTime,
    /// Until when it counts without another word.
    pub(crate) fresh_until: OffsetDateTime,
    /// Until when it counts where no newer one can be had.
    pub(crate) usable_until: OffsetDateTime,
    /// When it is fetched again beforehand.
    refresh_at: OffsetDateTime,
}

/// The last attempt, where it failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) why: Arc<str>,
    /// Whether somebody answered in the authority's name.
    pub(crate) forged: bool,
    /// Until when nobody asks again because of a request.
    pub(crate) until: OffsetDateTime,
    /// When it is tried again beforehand.
    retry_at: OffsetDateTime,
    times: u32,
}

/// What is to be done about a source, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing, until somebody asks.
    Never,
    /// Fetching it again.
    Fetch(OffsetDateTime),
    /// Asking around whether anybody still wants it.
    Call(OffsetDateTime),
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            state: ArcSwap::from_pointee(State::default()),
            flight: Mutex::default(),
            used: AtomicI64::new(i64::MIN),
            called: AtomicI64::new(i64::MIN),
        }
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { held: None, failed: None, tried: None }
    }
}

impl<T> Held<T> {
    /// An answer fetched at `now`; of its time as a fresh one, a fifth is left when it is fetched again.
    pub(crate) fn new(
        value: T,
        now: OffsetDateTime,
        fresh_until: OffsetDateTime,
        usable_until: OffsetDateTime,
    ) -> Self {
        let refresh_at = now + (fresh_until - now).max(time::Duration::ZERO) * (REFRESH_AT + jitter());
        let usable_until = usable_until.max(fresh_until);
        Self { value, since: now, fresh_until, usable_until, refresh_at }
    }
}

impl<T> State<T> {
    /// The answer, where it counts at `now`: it is fresh, or it is not too old and no newer one can be had. Where
    /// somebody answered in the authority's name, "no newer one" is what they would like us to believe.
    pub(crate) fn counting(&self, now: OffsetDateTime) -> Option<&Held<T>> {
        let stands_in = self.failed.as_ref().is_some_and(|failed| !failed.forged);
        self.held.as_ref().filter(|held| now < held.fresh_until || (stands_in && now < held.usable_until))
    }

    /// The failure, where it is recent enough to be the answer at `now`.
    pub(crate) fn failing(&self, now: OffsetDateTime) -> Option<&Failed> {
        self.failed.as_ref().filter(|failed| now < failed.until)
    }
}

impl<T: Clone> Kept<T> {
    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<State<T>>> {
        self.state.load()
    }

    /// Notes that somebody asked.
    pub(crate) fn used(&self, now: OffsetDateTime) {
        self.used.store(milliseconds(now), Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> i64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Keeps an answer, and forgets the failures before it.
    pub(crate) fn succeed(&self, held: Held<T>) {
        self.state.store(Arc::new(State { tried: Some(held.since), held: Some(held), failed: None }));
    }

    /// Keeps an answer that has ended before it came: it counts only as one for which no newer one can be had.
    pub(crate) fn succeed_late(&self, held: Held<T>, failed: Failed) {
        self.state.store(Arc::new(State { tried: Some(held.since), held: Some(held), failed: Some(failed) }));
    }

    /// Keeps an answer that somebody else fetched, and who used it last.
    pub(crate) fn inherit(&self, held: Held<T>, used: i64) {
        self.used.fetch_max(used, Ordering::Relaxed);
        self.succeed(held);
    }

    /// Notes a failure beside whatever is held.
    pub(crate) fn fail(&self, failed: Failed, now: OffsetDateTime) {
        let held = self.state.load().held.clone();
        self.state.store(Arc::new(State { held, failed: Some(failed), tried: Some(now) }));
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.state.store(Arc::default());
    }

    /// A failure at `now`, remembered for at most `ttl`. It is tried again sooner, at growing distances, by ourselves.
    pub(crate) fn failure(&self, why: &str, forged: bool, now: OffsetDateTime, ttl: Duration) -> Failed {
        let times = self.state.load().failed.as_ref().map_or(0, |failed| failed.times).saturating_add(1);
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(times.saturating_sub(1).min(20));
        let retry_at = now + pause.min(ttl.mul_f64(REFRESH_AT));
        Failed { why: why.into(), forged, until: now + ttl, retry_at, times }
    }

    /// Waits for the attempt that is under way; where there is none, `begin` begins one and drops what it is given at
    /// its end. The attempt goes on when those who wait for it leave.
    pub(crate) async fn attempt(&self, begin: impl FnOnce(watch::Sender<()>)) {
        let mut ended = {
            let mut flight = self.flight.lock();
            match flight.as_ref().filter(|flight| flight.has_changed().is_ok()) {
                Some(flight) => flight.clone(),
                None => {
                    let (end, ended) = watch::channel(());
                    *flight = Some(ended.clone());
                    begin(end);
                    ended
                }
            }
        };
        // The sender is dropped at the end of the attempt, however it ends.
        while ended.changed().await.is_ok() {}
    }

    /// Whether an attempt is under way.
    pub(crate) fn is_under_way(&self) -> bool {
        self.flight.lock().as_ref().is_some_and(|flight| flight.has_changed().is_ok())
    }

    /// What is to be done, and when. What nobody has asked for since it was fetched is not fetched again before those
    /// who may still want it, the live sessions, were called and did not ask.
    pub(crate) fn due(&self, always: bool) -> Due {
        let state = self.state.load();
        let Some(tried) = state.tried.filter(|_| !self.is_under_way()) else { return Due::Never };
        let at = match (&state.held, &state.failed) {
            (_, Some(failed)) => failed.retry_at,
            (Some(held), None) => held.refresh_at,
            (None, None) => return Due::Never,
        };
        let tried = milliseconds(tried);
        let called = self.called.load(Ordering::Relaxed);
        if always || self.last_used() >= tried {
            Due::Fetch(at)
        } else if called < tried {
            Due::Call(at)
        } else {
            Due::Never
        }
    }

    /// Notes that those who may still want it are being called.
    pub(crate) fn call(&self, now: OffsetDateTime) {
        self.called.store(milliseconds(now), Ordering::Relaxed);
    }

    /// Whether an answer ceased to count after `before` and until `now`.
    pub(crate) fn lapsed(&self, before: OffsetDateTime, now: OffsetDateTime) -> bool {
        let state = self.state.load();
        let within = |at: OffsetDateTime| before < at && at <= now;
        state.held.as_ref().is_some_and(|held| within(held.usable_until) || within(held.fresh_until))
    }

    /// When an answer ceases to count next.
    pub(crate) fn lapses(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let state = self.state.load();
        let held = state.held.as_ref()?;
        [held.fresh_until, held.usable_until].into_iter().find(|end| *end > now)
    }
}

pub(crate) fn milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Between -1/20 and +1/20, so that what was fetched together is not fetched together again.
fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(0) >> 11;
    (random as f64 / (1_u64 << 53) as f64 - 0.5) / 10.0
}

/// At which part of its time an answer is fetched again.
const REFRESH_AT: f64 = 0.8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
