//! Asking again before an answer ends, so that nobody waits while one counts.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::answers::AnswerSource;
use crate::kept::Due;
use crate::lists::ListSource;

/// Something that is kept.
enum Source {
    List(Arc<ListSource>),
    Answer(Arc<AnswerSource>),
}

/// Begins to work in the background, until it is stopped.
pub(super) fn begin(inner: &Arc<Inner>, stop: CancellationToken) {
    for url in inner.early.urls().map(Arc::from) {
        tokio::spawn(prefetch(Arc::clone(inner), url, stop.clone()));
    }
    tokio::spawn(keep(Arc::clone(inner), stop));
}

/// Fetches a list at the start, and again in time, until a certificate of its authority comes and its source takes over.
async fn prefetch(inner: Arc<Inner>, url: Arc<str>, stop: CancellationToken) {
    let Some(check) = inner.verification.crl else { return };
    let mut pause = Duration::ZERO;
    while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
        let oldest = inner.clock.now() - check.cache_ttl.mul_f64(0.8);
        inner.early.fill(&url, oldest, || inner.fetch_early(&url, &check)).await;
        pause = PREFETCH_AGAIN.min(check.cache_ttl.mul_f64(0.8)).max(SHORTEST);
    }
}

async fn keep(inner: Arc<Inner>, stop: CancellationToken) {
    let mut before = inner.clock.now();
    loop {
        let now = inner.clock.now();
        let next = inner.round(before, now);
        before = now;
        let pause = next.map_or(LONGEST, |next| Duration::try_from(next - now).unwrap_or_default());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause.clamp(SHORTEST, LONGEST)) => {}
            () = inner.news.notified() => tokio::time::sleep(SHORTEST).await,
        }
    }
}

impl Inner {
    /// Does what is due at `now`, and says when something is due next. `before` was the round before.
    fn round(self: &Arc<Self>, before: OffsetDateTime, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let lists = self.store.lists().into_iter().map(Source::List);
        let sources: Vec<_> = lists.chain(self.store.answers().into_iter().map(Source::Answer)).collect();
        let called = self.call(&sources, now);
        if called || sources.iter().any(|source| source.lapsed(before, now)) {
            self.announce_change();
        }
        let mut next = called.then(|| now + ANSWER_THE_CALL);
        for source in &sources {
            let due = match source.due(self) {
                Due::Never => None,
                Due::Fetch(at) if at <= now => {
                    source.fetch(self);
                    None
                }
                Due::Fetch(at) | Due::Call(at) => Some(at),
            };
            next = [next, due, source.lapses(now)].into_iter().flatten().min();
        }
        next
    }

    /// Calls those who may still want what is due, and at the same time those for whom that is true soon: a call judges
    /// every live session. False where nothing is due.
    fn call(&self, sources: &[Source], now: OffsetDateTime) -> bool {
        let until = |source: &Source, end| matches!(source.due(self), Due::Call(at) if at <= end);
        let is_due = sources.iter().any(|source| until(source, now));
        if is_due {
            let soon = now + CALL_AHEAD;
            sources.iter().filter(|source| until(source, soon)).for_each(|source| source.call(now));
        }
        is_due
    }
}

impl Source {
    fn due(&self, inner: &Inner) -> Due {
        match self {
            Self::List(list) => list.kept.due(inner.early.names(&list.url)),
            Self::Answer(answer) => answer.kept.due(false),
        }
    }

    fn fetch(&self, inner: &Arc<Inner>) {
        let inner = Arc::clone(inner);
        match self {
            Self::List(list) => {
                let list = Arc::clone(list);
                tokio::spawn(async move { inner.attempt_list(&list).await });
            }
            Self::Answer(answer) => {
                let answer = Arc::clone(answer);
                tokio::spawn(async move { inner.attempt_answer(&answer).await });
            }
        }
    }

    fn call(&self, now: OffsetDateTime) {
        match self {
            Self::List(list) => list.kept.call(now),
            Self::Answer(answer) => answer.kept.call(now),
        }
    }

    fn lapsed(&self, before: OffsetDateTime, now: OffsetDateTime) -> bool {
        match self {
            Self::List(list) => list.kept.lapsed(before, now),
            Self::Answer(answer) => answer.kept.lapsed(before, now),
        }
    }

    fn lapses(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::List(list) => list.kept.lapses(now),
            Self::Answer(answer) => answer.kept.lapses(now),
        }
    }
}

/// Rounds are no closer to each other.
const SHORTEST: Duration = Duration::from_millis(100);
/// A machine that slept looks at its clock soon after it woke.
const LONGEST: Duration = Duration::from_secs(5);
/// What is due within this time is called for together.
const CALL_AHEAD: Duration = Duration::from_secs(60);
/// How long those who were called may take to ask.
const ANSWER_THE_CALL: Duration = Duration::from_millis(500);
/// How often a list that could not be fetched at the start is tried again.
const PREFETCH_AGAIN: Duration = Duration::from_secs(60);
