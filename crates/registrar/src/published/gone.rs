//! The last lists of issuers that are no more: nobody signs others, and they hold until they end.

use std::sync::Arc;

use authority::{Shard, issuer_id};
use identity::Pin;
use time::OffsetDateTime;

use super::issuer::{Issuer, List};

/// What is left of an issuer: no key, and nothing that could be answered.
pub(crate) struct Gone {
    key: Pin,
    lists: Vec<(Shard, List)>,
}

impl Gone {
    fn of(issuer: &Issuer) -> Self {
        Self { key: issuer.key, lists: issuer.lists() }
    }

    fn lasts(&self, now: OffsetDateTime) -> bool {
        self.lists.iter().any(|(_, list)| list.signed.next_update() > now)
    }

    /// The list, by the name that certificates give the issuer.
    pub(crate) fn list(&self, id: &str, shard: Shard) -> Option<List> {
        let (_, list) = self.lists.iter().find(|(of, _)| *of == shard && issuer_id(self.key) == id)?;
        Some(list.clone())
    }
}

/// What is left of those that were there before and are no more, as long as something of it holds.
pub(crate) fn left(
    before: &[Arc<Issuer>],
    gone: &[Arc<Gone>],
    now_there: &[Arc<Issuer>],
    now: OffsetDateTime,
) -> Vec<Arc<Gone>> {
    let is_there = |key: Pin| now_there.iter().any(|issuer| issuer.key == key);
    let new = before.iter().map(|issuer| Arc::new(Gone::of(issuer)));
    gone.iter().cloned().chain(new).filter(|gone| !is_there(gone.key) && gone.lasts(now)).collect()
}
