//! Fetching a list.

use std::sync::Arc;
use std::time::Instant;

use identity::{Crl, CrlCheck};
use time::OffsetDateTime;

use super::Inner;
use crate::fetch::Request;
use crate::lists::{ListSource, Taken};
use crate::rejected::Rejected;

impl Inner {
    /// Fetches a list, unless it was fetched at the start, and keeps it where it is one.
    pub(super) async fn fetch_list(&self, list: &Arc<ListSource>) {
        let Some(check) = self.verification.crl else { return };
        let oldest = self.clock.now() - check.cache_ttl;
        let early = self.early.take(&list.url, oldest).await;
        let began = Instant::now();
        let asked = early.is_none();
        let taken = match early {
            Some((lists, fetched)) => self.take(list, lists, fetched, &check).await,
            None => match self.download(&list.url, &check).await {
                Ok((lists, fetched)) => self.take(list, lists, fetched, &check).await,
                Err(rejected) => Err(rejected),
            },
        };
        if asked {
            self.metrics.fetched(&list.url, result(&taken), began.elapsed());
        }
        match taken {
            Ok(taken) => self.list_taken(list, taken),
            Err(rejected) => self.list_failed(list, &rejected),
        }
    }

    /// Fetches a list before anybody shows a certificate of its authority.
    pub(in crate::inquiries) async fn fetch_early(
        &self,
        url: &Arc<str>,
        check: &CrlCheck,
    ) -> Option<(Vec<Arc<Crl>>, OffsetDateTime)> {
        let began = Instant::now();
        let downloaded = self.download(url, check).await;
        self.metrics.fetched(url, result(&downloaded), began.elapsed());
        if let Err(Rejected { why, result, .. }) = &downloaded {
            tracing::warn!(%url, result, why, "a revocation list was not fetched at the start");
        }
        downloaded.ok()
    }

    /// Fetches and parses what is at an address.
    async fn download(
        &self,
        url: &Arc<str>,
        check: &CrlCheck,
    ) -> Result<(Vec<Arc<Crl>>, OffsetDateTime), Rejected> {
        let bytes = self.fetch(url, &Request::Get { accept: ACCEPT }, check.timeout).await?;
        let fetched = self.clock.now();
        let lists = blocking(move || Crl::from_pem_or_der(&bytes)).await;
        match lists {
            Some(Ok(lists)) => Ok((lists.into_iter().map(Arc::new).collect(), fetched)),
            Some(Err(error)) => Err(Rejected::unusable(format!("the list {url}: {error}"))),
            None => Err(Rejected::unusable(format!("the list {url} could not be read"))),
        }
    }

    async fn take(
        &self,
        list: &Arc<ListSource>,
        lists: Vec<Arc<Crl>>,
        fetched: OffsetDateTime,
        check: &CrlCheck,
    ) -> Result<Taken, Rejected> {
        let (taker, check, error_ttl) = (Arc::clone(list), *check, self.error_ttl());
        let past = Arc::clone(&self.past);
        let taken = blocking(move || taker.take(lists, fetched, &past.high_water, &check, error_ttl)).await;
        taken.unwrap_or_else(|| Err(Rejected::unusable(format!("{} could not be read", list.named))))
    }

    fn list_taken(&self, list: &ListSource, taken: Taken) {
        let state = list.kept.state();
        let Some(held) = &state.held else { return };
        self.metrics.good_until(&list.url, held.fresh_until);
        if taken == Taken::New {
            let (entries, number) = (held.value.len(), held.value.number().map(|number| number.to_string()));
            let issuer = held.value.issuer();
            tracing::info!(url = %list.url, %issuer, number, entries, "a revocation list was fetched");
            self.store.make_room(list);
            self.announce_change();
        }
    }

    fn list_failed(&self, list: &ListSource, rejected: &Rejected) {
        let Rejected { why, forged, result } = rejected;
        tracing::warn!(url = %list.url, result, why, "a revocation list was not obtained");
        let now = self.clock.now();
        let failed = list.kept.failure(why, *forged, now, self.error_ttl());
        list.kept.fail(failed, now);
    }
}

fn result<T>(outcome: &Result<T, Rejected>) -> &'static str {
    outcome.as_ref().map_or_else(|rejected| rejected.result, |_| "ok")
}

/// Work that would hold others up, on a thread of its own; none where it came to grief.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Lists are served in both forms, and often as something else.
const ACCEPT: &str = "application/pkix-crl, application/x-pem-file;q=0.5, */*;q=0.1";
