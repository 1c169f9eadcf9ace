//! What everyone may fetch: certificates of our authorities, lists of what they took back, answers about single
//! certificates.
//!
//! - [`taken`]: what an issuer has taken back, in memory.
//! - [`issuer`]: one issuer, with its lists; [`voice`]: whoever answers for an authority, the root included.
//! - [`gone`]: the last lists of issuers that are no more.
//! - [`keep`](mod@keep): signs lists when something is taken back and before they end; appoints responders.
//! - [`kept`]: the lists on disk, for the next start.
//! - [`respond`]: answers about single certificates; [`answers`] are those that were signed before.
//! - [`page`]: what a path leads to; [`document`]: what HTTP says of it.
//! - [`metrics`], [`shown`]: how fresh it all is.

mod answers;
mod document;
mod gone;
mod issuer;
mod keep;
mod kept;
mod metrics;
mod page;
mod respond;
mod shown;
mod taken;
#[cfg(test)]
mod tests;
mod voice;

use std::sync::Arc;

use arc_swap::ArcSwap;
use identity::Pin;
use ledger::Ledger;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::sync::Notify;

use self::gone::Gone;
use self::issuer::{Issuer, List};
pub(crate) use self::keep::keep;
use self::kept::Kept;
pub use self::kept::published_parts;
pub use self::metrics::Metrics;
pub(crate) use self::page::answer;
use self::respond::Responding;
use self::voice::Voice;
use crate::issuing::Issuing;

/// Everything that is published, and how it comes to be.
pub(crate) struct Published {
    desk: ArcSwap<Desk>,
    /// None without a ledger: then nothing can be said about revocation.
    responding: Option<Responding>,
    metrics: Metrics,
    /// Rung when there are other issuers than before.
    changed: Notify,
    /// Why lists could not be signed at the last attempt.
    trouble: Mutex<Option<String>>,
}

/// Who is published for, as the configuration has it.
struct Desk {
    issuing: Arc<Issuing>,
    issuers: Vec<Arc<Issuer>>,
    gone: Vec<Arc<Gone>>,
    /// The list of the root, which somebody signed by hand.
    root_list: Option<List>,
    /// Who answers in the root's name.
    root_voice: Option<Arc<Voice>>,
    kept: Kept,
}

impl Published {
    pub(crate) fn new(ledger: Option<Arc<dyn Ledger>>, issuing: Arc<Issuing>, metrics: Metrics) -> Self {
        let desk = Desk::of(issuing, None, OffsetDateTime::UNIX_EPOCH);
        Self {
            desk: ArcSwap::from_pointee(desk),
            responding: ledger.map(Responding::new),
            metrics,
            changed: Notify::new(),
            trouble: Mutex::default(),
        }
    }

    /// Publishes for these issuers from now on. What is known of those that were there before stays.
    pub(crate) fn adopt(&self, issuing: Arc<Issuing>, now: OffsetDateTime) {
        let before = self.desk.load();
        self.desk.store(Arc::new(Desk::of(issuing, Some(&before), now)));
        self.changed.notify_one();
    }
}

impl Desk {
    fn of(issuing: Arc<Issuing>, before: Option<&Self>, now: OffsetDateTime) -> Self {
        let kept = Kept::within(&issuing.state.join(FOLDER));
        let mut issuers: Vec<Arc<Issuer>> = Vec::new();
        for (name, authority) in issuing.issuers.iter().chain(&issuing.retiring) {
            let same = |issuer: &Arc<Issuer>| {
                issuer.name == *name && issuer.certificate() == *authority.certificate()
            };
            if let Some(known) = before.iter().flat_map(|before| &before.issuers).find(|known| same(known)) {
                authority.spread_over(known.authority.load().shards());
                known.authority.store(Arc::clone(authority));
                issuers.push(Arc::clone(known));
            } else if let Some(new) = Issuer::new(name, Arc::clone(authority)) {
                kept.publish(&new);
                issuers.push(Arc::new(new));
            }
        }
        let root_list = issuing.root_list.clone().map(List::of);
        let root_voice = root_voice(&issuing, before.and_then(|before| before.root_voice.as_ref()));
        let gone = before.map(|before| gone::left(&before.issuers, &before.gone, &issuers, now));
        Self { issuing, issuers, gone: gone.unwrap_or_default(), root_list, root_voice, kept }
    }

    /// Everybody who answers at `now`. An issuer is asked whatever comes, and says itself that its responder is not there yet;
    /// a root whose responder has ended says nothing, like one that has none.
    fn voices(&self, now: OffsetDateTime) -> Vec<Arc<Voice>> {
        let root = self.root_voice.iter().filter(|root| root.speaks(now));
        self.issuers.iter().map(|issuer| &issuer.voice).chain(root).cloned().collect()
    }

    /// The issuer whose list is meant where none is named: that of clients, because servers are who ask for lists; else the
    /// first by name.
    fn usual(&self) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.name == "client").or_else(|| self.issuers.first())
    }

    fn root_key(&self) -> Option<Pin> {
        self.issuing.root.as_ref().map(|root| root.identity().spki_sha256())
    }
}

/// The root's: the one from before, as long as the same responder speaks.
fn root_voice(issuing: &Issuing, before: Option<&Arc<Voice>>) -> Option<Arc<Voice>> {
    let responder = issuing.root_responder.as_ref()?;
    let is_same = |voice: &&Arc<Voice>| {
        let speaks = voice.responder.load_full();
        speaks.is_some_and(|speaks| speaks.certificate() == responder.certificate())
    };
    if let Some(same) = before.filter(is_same) {
        return Some(Arc::clone(same));
    }
    let voice = Voice::new("root", responder.authority())?;
    voice.responder.store(Some(Arc::clone(responder)));
    Some(Arc::new(voice))
}

/// Where the signed lists are kept, within the node's own folder.
const FOLDER: &str = "published";
