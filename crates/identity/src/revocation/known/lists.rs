//! What the lists at hand say about one certificate.

use std::collections::HashMap;
use std::sync::Arc;

use fault::Refusal;
use time::{Duration, OffsetDateTime};

use super::{Answer, Revoked, unknown};
use crate::revocation::crl::NotItsList;
use crate::verify::cause;
use crate::{Certificate, Crl, DistinguishedName, OutdatedCrl, RevocationPolicy};

/// How far the clock of whoever made a list may be ahead of ours.
pub(crate) const SKEW: Duration = Duration::minutes(5);

/// A list with where it comes from.
#[derive(Clone, Debug)]
pub struct List {
    crl: Arc<Crl>,
    name: Arc<str>,
    source: Arc<str>,
    origin: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// The operator provides it, and says what an outdated one counts for.
    File,
    /// It was fetched, and clears nobody after this moment: then it is fetched again.
    Fetched { until: OffsetDateTime },
}

impl List {
    /// A list that the operator provides, by the name of its file.
    #[must_use]
    pub fn from_file(crl: Arc<Crl>, name: &str) -> Self {
        Self { crl, name: name.into(), source: format!("the list \"{name}\"").into(), origin: Origin::File }
    }

    /// A list that was fetched from `url` and counts as an answer until `until`, or its `nextUpdate` where that is
    /// sooner; what it names as revoked counts for longer.
    #[must_use]
    pub fn fetched(crl: Arc<Crl>, url: &str, until: OffsetDateTime) -> Self {
        Self {
            crl,
            name: url.into(),
            source: format!("the list {url}").into(),
            origin: Origin::Fetched { until },
        }
    }

    /// The list itself.
    #[must_use]
    pub fn crl(&self) -> &Arc<Crl> {
        &self.crl
    }

    /// The name of its file, or the address that it was fetched from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it comes from, in words.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the list says about a certificate that it names.
    fn naming(&self, subject: &Certificate) -> Option<Revoked> {
        let crl = Some(&self.crl).filter(|crl| crl.scope().speaks_of(subject))?;
        let entry = crl.find(subject.identity().serial())?;
        Some(Revoked { at: entry.at, reason: entry.reason, source: Arc::clone(&self.source) })
    }

    fn is_of_the_future(&self, now: OffsetDateTime) -> bool {
        self.crl.this_update() > now + SKEW
    }

    /// What the list says about a certificate that it speaks of and does not name.
    fn answer(&self, policy: &RevocationPolicy, now: OffsetDateTime) -> Answer {
        if self.is_of_the_future(now) {
            let made = cause::clock(self.crl.this_update());
            let why = format!("{} is of {made}; our clock says {}", self.source, cause::clock(now));
            return Answer::Unreliable(why);
        }
        let end = self.crl.next_update().filter(|end| *end < now);
        match (self.origin, end) {
            (Origin::Fetched { until }, _) if until < now => Answer::None,
            (Origin::Fetched { .. }, Some(_)) => Answer::None,
            (Origin::File | Origin::Fetched { .. }, None) => Answer::Good(None),
            (Origin::File, Some(end)) => {
                let why = format!("{} is outdated since {}", self.source, cause::clock(end));
                if still_counts(policy.outdated, end, now) {
                    Answer::Good(Some(why))
                } else {
                    Answer::Unreliable(why)
                }
            }
        }
    }
}

fn still_counts(outdated: OutdatedCrl, end: OffsetDateTime, now: OffsetDateTime) -> bool {
    match outdated {
        OutdatedCrl::FailClosed => false,
        OutdatedCrl::FailOpen => true,
        OutdatedCrl::Grace(grace) => now - end <= grace,
    }
}

/// Lists by the name of their issuer.
#[derive(Default)]
pub(super) struct Lists(HashMap<Box<[u8]>, Vec<List>>);

impl Lists {
    pub(super) fn new(lists: impl IntoIterator<Item = List>) -> Self {
        let mut by_issuer: HashMap<_, Vec<_>> = HashMap::new();
        for list in lists {
            by_issuer.entry(list.crl.issuer().der().into()).or_default().push(list);
        }
        Self(by_issuer)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &List> {
        self.0.values().flatten()
    }

    /// Establishes which lists `issuer` signed.
    pub(super) fn recognize(&self, issuer: &Certificate) {
        for list in self.named(issuer.identity().subject()) {
            // What is not its list says so again when somebody is judged.
            let _ = list.crl.verify_issuer(issuer);
        }
    }

    /// What a list names as revoked, whether the list is outdated or not: what was taken back stays so.
    pub(super) fn revoked(
        &self,
        subject: &Certificate,
        issuer: Option<&Certificate>,
        now: OffsetDateTime,
    ) -> Option<Revoked> {
        match issuer {
            Some(issuer) => self.of(issuer, now).find_map(|list| list.naming(subject)),
            None => self.named(subject.identity().issuer()).iter().find_map(|list| list.naming(subject)),
        }
    }

    /// Whether a list clears a certificate that none of them names.
    pub(super) fn answer(
        &self,
        subject: &Certificate,
        issuer: Option<&Certificate>,
        policy: &RevocationPolicy,
        now: OffsetDateTime,
    ) -> Result<Answer, Refusal> {
        let Some(issuer) = issuer else { return Ok(Answer::None) };
        self.honest(subject, issuer)?;
        let mut answer = Answer::None;
        for list in self.of(issuer, now).filter(|list| list.crl.scope().clears(subject)) {
            match list.answer(policy, now) {
                Answer::Good(None) => return Ok(Answer::Good(None)),
                Answer::Good(warning) => answer = Answer::Good(warning),
                Answer::Unreliable(why) if matches!(answer, Answer::None) => answer = Answer::Unreliable(why),
                Answer::None | Answer::Unreliable(_) => {}
            }
        }
        Ok(answer)
    }

    /// Refuses where a list pretends to be the issuer's: whoever put it there wants something to be passed over.
    fn honest(&self, subject: &Certificate, issuer: &Certificate) -> Result<(), Refusal> {
        for list in self.named(issuer.identity().subject()) {
            match list.crl.verify_issuer(issuer) {
                Ok(()) | Err(NotItsList::OtherAuthority) => {}
                Err(why) => return Err(unknown(subject, &format!("{}: {why}", list.source))),
            }
        }
        Ok(())
    }

    /// The lists that the issuer signed, of each scope the newest that is not of the future.
    fn of(&self, issuer: &Certificate, now: OffsetDateTime) -> impl Iterator<Item = &List> {
        let signed = || {
            self.named(issuer.identity().subject())
                .iter()
                .filter(|list| list.crl.verify_issuer(issuer).is_ok())
        };
        signed().filter(move |list| {
            !signed().any(|other| {
                other.crl.scope() == list.crl.scope()
                    && other.crl.is_newer_than(&list.crl)
                    && !other.is_of_the_future(now)
            })
        })
    }

    fn named(&self, issuer: &DistinguishedName) -> &[List] {
        self.0.get(issuer.der()).map_or(&[], Vec::as_slice)
    }
}
