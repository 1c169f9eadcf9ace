//! Lists that are fetched at the start, before anybody shows a certificate of their authority.

use std::collections::HashMap;

use identity::Crl;
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// Lists that were fetched before their authority was known.
#[derive(Debug, Default)]
pub(crate) struct Early(HashMap<String, Mutex<Slot>>);

#[derive(Debug, Default)]
enum Slot {
    /// Nothing yet, or nothing any more.
    #[default]
    Empty,
    /// Lists, unproven as yet, and when they were fetched.
    Held(Vec<Crl>, OffsetDateTime),
    /// Its authority is known: from here on its source refreshes it.
    Bound,
}

impl Early {
    pub(crate) fn new(urls: &[String]) -> Self {
        Self(urls.iter().map(|url| (url.clone(), Mutex::default())).collect())
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
        F: Future<Output = Option<(Vec<Crl>, OffsetDateTime)>>,
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
    pub(crate) async fn take(&self, url: &str, oldest: OffsetDateTime) -> Option<(Vec<Crl>, OffsetDateTime)> {
        let mut slot = self.0.get(url)?.lock().await;
        match std::mem::replace(&mut *slot, Slot::Bound) {
            Slot::Held(lists, fetched) if fetched >= oldest => Some((lists, fetched)),
            Slot::Held(..) | Slot::Empty | Slot::Bound => None,
        }
    }
}
