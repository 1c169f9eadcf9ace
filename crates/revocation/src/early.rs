//! Lists that are fetched at the start, before anybody shows a certificate of their authority.

use std::collections::HashMap;
use std::sync::Arc;

use identity::Crl;
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// Lists that were fetched before their authority was known.
#[derive(Debug, Default)]
pub(crate) struct Early(HashMap<String, Mutex<Slot>>);

#[derive(Clone, Debug, Default)]
enum Slot {
    /// Nothing yet, or nothing any more.
    #[default]
    Empty,
    /// Lists, unproven as yet, and when they were fetched.
    Held(Vec<Arc<Crl>>, OffsetDateTime),
    /// Its authority is known: from here on its source refreshes it.
    Bound,
}

impl Early {
    pub(crate) fn new(urls: &[String]) -> Self {
        Self(urls.iter().map(|url| (url.clone(), Mutex::default())).collect())
    }

    /// Takes over what another one has, before anybody asks this one. What is being fetched there is fetched here.
    pub(crate) fn inherit(&mut self, other: &Self) {
        for (url, slot) in &mut self.0 {
            let theirs = other.0.get(url).and_then(|theirs| theirs.try_lock().ok());
            if let (Slot::Empty, Some(theirs)) = (&*slot.get_mut(), theirs)
                && matches!(*theirs, Slot::Held(..))
            {
                *slot.get_mut() = theirs.clone();
            }
        }
    }

    /// Leaves the lists of an address to their source, which has them already.
    pub(crate) fn bind(&mut self, url: &str) {
        if let Some(slot) = self.0.get_mut(url) {
            *slot.get_mut() = Slot::Bound;
        }
    }

    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn names(&self, url: &str) -> bool {
        self.0.contains_key(url)
    }

    /// Fetches lists that nobody has taken over and that are older than `oldest`. Whoever wants them meanwhile waits for
    /// them.
    pub(crate) async fn fill<F>(&self, url: &str, oldest: OffsetDateTime, fetch: impl FnOnce() -> F)
    where
        F: Future<Output = Option<(Vec<Arc<Crl>>, OffsetDateTime)>>,
    {
        let Some(slot) = self.0.get(url) else { return };
        let mut slot = slot.lock().await;
        match &*slot {
            Slot::Empty => {}
            Slot::Held(_, fetched) if *fetched < oldest => {}
            Slot::Held(..) | Slot::Bound => return,
        }
        if let Some((lists, fetched)) = fetch().await {
            *slot = Slot::Held(lists, fetched);
        }
    }

    /// Takes the lists of an address over, where there are any that are younger than `oldest`.
    pub(crate) async fn take(
        &self,
        url: &str,
        oldest: OffsetDateTime,
    ) -> Option<(Vec<Arc<Crl>>, OffsetDateTime)> {
        let mut slot = self.0.get(url)?.lock().await;
        match std::mem::replace(&mut *slot, Slot::Bound) {
            Slot::Held(lists, fetched) if fetched >= oldest => Some((lists, fetched)),
            Slot::Held(..) | Slot::Empty | Slot::Bound => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::Early;

    #[tokio::test]
    async fn what_was_fetched_is_handed_on_until_its_source_has_it() {
        let (url, now) = ("http://crl.example/a".to_owned(), OffsetDateTime::UNIX_EPOCH);
        let early = || Early::new(std::slice::from_ref(&url));
        let old = early();
        old.fill(&url, now, || async { Some((Vec::new(), now)) }).await;
        let (mut new, mut bound) = (early(), early());
        new.inherit(&old);
        bound.inherit(&old);
        bound.bind(&url);
        assert!(bound.take(&url, now - Duration::DAY).await.is_none());
        assert!(new.take(&url, now - Duration::DAY).await.is_some());
        assert!(old.take(&url, now - Duration::DAY).await.is_some(), "each has its own");
    }
}
