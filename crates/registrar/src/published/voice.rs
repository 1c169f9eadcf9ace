//! Who answers questions in the name of an authority, and what is known to have been taken back.

use arc_swap::ArcSwapOption;
use authority::Responder;
use identity::ocsp::IssuerId;
use identity::{Certificate, Pin};
use ledger::RevocationRecord;
use parking_lot::RwLock;
use time::{Duration, OffsetDateTime};

use super::answers::Answers;
use super::taken::{Key, Taken};

/// What can be said about the certificates of one authority. It outlives a reload that keeps the authority's certificate.
#[derive(Debug)]
pub(crate) struct Voice {
    /// The authority's name in the configuration.
    pub(crate) name: String,
    pub(crate) key: Pin,
    pub(crate) ids: IssuerId,
    pub(crate) taken: RwLock<Taken>,
    pub(crate) responder: ArcSwapOption<Responder>,
    pub(crate) answers: Answers,
}

impl Voice {
    /// `None` where nobody could ask about its certificates, because its key cannot be read.
    pub(crate) fn new(name: &str, authority: &Certificate) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            key: authority.identity().spki_sha256(),
            ids: IssuerId::of(authority)?,
            taken: RwLock::default(),
            responder: ArcSwapOption::empty(),
            answers: Answers::default(),
        })
    }

    /// Takes in what was recorded; answers to the contrary are gone. Says what was new.
    pub(crate) fn learn(&self, records: &[RevocationRecord]) -> Vec<Key> {
        let mut taken = self.taken.write();
        let own = records.iter().filter(|record| record.issuer == self.key);
        let new: Vec<Key> = own.filter_map(|record| taken.add(record)).collect();
        drop(taken);
        for key in &new {
            self.answers.forget(*key);
        }
        new
    }

    /// Whether whoever answers may do so now.
    pub(crate) fn speaks(&self, now: OffsetDateTime) -> bool {
        self.left(now).is_some_and(Duration::is_positive)
    }

    /// How long an answer may count: it counts for nobody after its responder's end.
    pub(crate) fn lifetime(&self, wanted: Duration, now: OffsetDateTime) -> Duration {
        self.left(now).map_or(wanted, |left| wanted.min(left))
    }

    fn left(&self, now: OffsetDateTime) -> Option<Duration> {
        self.responder.load().as_ref().map(|responder| responder.certificate().identity().not_after() - now)
    }
}
