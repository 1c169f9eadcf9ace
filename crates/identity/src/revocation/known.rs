//! Everything that is known to be revoked at one moment, and what it says about a path of certificates.

mod lists;
mod sources;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use fault::{Code, Refusal};
use time::OffsetDateTime;

pub use self::lists::List;
use self::lists::Lists;
pub(crate) use self::lists::SKEW;
use super::denied::DenyList;
use super::recorded::Recorded;
use super::{Denied, OutdatedCrl, RecordedRevocation, RevocationPolicy, RevocationReason};
use crate::verify::cause;
use crate::{Certificate, Pin, Serial};

/// Everything that is known to be revoked at one moment, and how strictly that is asked. Immutable; a clone, and one
/// with more in it, share what they have in common.
#[derive(Clone, Default)]
pub struct Revocations {
    policy: RevocationPolicy,
    denied: Arc<DenyList>,
    recorded: Arc<Recorded>,
    /// Authorities whose own ledger is at hand: who is not in it is not revoked.
    ours: Arc<HashSet<Pin>>,
    /// Who may have issued an authority that is trusted, and so may have taken it back.
    above: Arc<[Certificate]>,
    told: Arc<HashMap<Pin, HashMap<Serial, Revoked>>>,
    lists: Arc<Lists>,
}

/// What a source says about a certificate that it names as revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// When it was revoked.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
    /// Who says so: a responder's URL, a list's URL or file.
    pub source: Arc<str>,
}

/// What is known about a path of which nothing is known to be revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Which certificates of the path the policy wants an answer for, and nothing at hand gave one.
    pub(crate) unanswered: Vec<usize>,
    /// What was let pass because the policy fails open, for the log.
    pub(crate) warnings: Vec<String>,
}

/// What is at hand about one certificate.
enum Answer {
    /// A source says that it is not revoked; with a warning where it says so only because the policy fails open.
    Good(Option<String>),
    /// Nobody speaks of it.
    None,
    /// Somebody should, and what they say cannot be relied on.
    Unreliable(String),
}

impl Revocations {
    /// Nothing revoked, judged by `policy`.
    #[must_use]
    pub fn new(policy: RevocationPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// How strictly it is asked.
    #[must_use]
    pub fn policy(&self) -> &RevocationPolicy {
        &self.policy
    }

    /// The same under another policy.
    #[must_use]
    pub fn with_policy(&self, policy: RevocationPolicy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// With this deny-list instead of the one before.
    #[must_use]
    pub fn with_denied(&self, denied: impl IntoIterator<Item = Denied>) -> Self {
        Self { denied: Arc::new(DenyList::new(denied)), ..self.clone() }
    }

    /// With these added to what our own ledger says; costs microseconds beside a million.
    #[must_use]
    pub fn with_recorded(&self, new: impl IntoIterator<Item = RecordedRevocation>) -> Self {
        Self { recorded: Arc::new(self.recorded.with(new)), ..self.clone() }
    }

    /// With what `other` has from our own ledger, instead of what this one has.
    #[must_use]
    pub fn with_recorded_of(&self, other: &Self) -> Self {
        Self { recorded: Arc::clone(&other.recorded), ..self.clone() }
    }

    /// With these authorities' public keys instead of those before, whose own ledger this is: it speaks of every certificate
    /// of theirs, so that no list and no service has to be asked about one.
    #[must_use]
    pub fn with_ours(&self, ours: impl IntoIterator<Item = Pin>) -> Self {
        Self { ours: Arc::new(ours.into_iter().collect()), ..self.clone() }
    }

    /// With these certificates instead of those before, of which some issued the authorities that are trusted. A chain may
    /// end at an authority below its root; what the root took back vouches for nobody there either.
    #[must_use]
    pub fn with_above(&self, above: impl IntoIterator<Item = Certificate>) -> Self {
        Self { above: above.into_iter().collect(), ..self.clone() }
    }

    /// With these lists instead of those before.
    #[must_use]
    pub fn with_lists(&self, lists: impl IntoIterator<Item = List>) -> Self {
        Self { lists: Arc::new(Lists::new(lists)), ..self.clone() }
    }

    /// With these instead of what authorities' services told before; each is the issuer's public key and the serial
    /// number of the certificate that they named as revoked.
    #[must_use]
    pub fn with_told(&self, told: impl IntoIterator<Item = ((Pin, Serial), Revoked)>) -> Self {
        let mut by_issuer: HashMap<Pin, HashMap<Serial, Revoked>> = HashMap::new();
        for ((issuer, serial), revoked) in told {
            by_issuer.entry(issuer).or_default().insert(serial, revoked);
        }
        Self { told: Arc::new(by_issuer), ..self.clone() }
    }

    /// What our own ledger says about the serial number that this key issued.
    #[must_use]
    pub fn recorded(&self, issuer: Pin, serial: &Serial) -> Option<RecordedRevocation> {
        let entry = self.recorded.find(issuer, serial)?;
        let (reason, at) = (entry.reason(), entry.at());
        Some(RecordedRevocation { issuer, serial: serial.clone(), reason, at })
    }

    /// The lists, those of one issuer in the order given.
    pub fn lists(&self) -> impl Iterator<Item = &List> {
        self.lists.all()
    }

    /// Establishes which lists `issuer` signed; each remembers it.
    pub(crate) fn recognize_lists(&self, issuer: &Certificate) {
        self.lists.recognize(issuer);
    }

    /// Judges a path, leaf first: each certificate by the public key of the one above it and its serial number. The last
    /// one is what we trust: nobody is asked about it, unless it stands alone, with `issuer` where that is known; but what
    /// is known about it counts. Where its issuer is not at hand, whatever names it counts against it.
    /// The cause of a refusal names the serial number, the date, the reason and the source.
    pub(crate) fn judge(
        &self,
        path: &[Certificate],
        issuer: Option<&Certificate>,
        now: OffsetDateTime,
    ) -> Result<Standing, Refusal> {
        let judged = || pairs(path, issuer).enumerate();
        // What is known comes before what is not, wherever on the path it stands.
        judged().try_for_each(|(_, (subject, issuer))| self.revoked(subject, issuer, now))?;
        if let Some((anchor, [_, ..])) = path.split_last() {
            self.judge_anchor(anchor, now)?;
        }
        let mut standing = Standing::default();
        for (n, (subject, issuer)) in judged() {
            match self.lists.answer(subject, issuer, &self.policy, now)? {
                Answer::Good(warning) => standing.warnings.extend(warning),
                Answer::None | Answer::Unreliable(_) if subject.has_no_revocation() => {}
                Answer::None | Answer::Unreliable(_) if issuer.is_some_and(|issuer| self.is_ours(issuer)) => {
                }
                Answer::None | Answer::Unreliable(_) if self.wants(n) => standing.unanswered.push(n),
                Answer::None => {}
                // Nobody is going to be asked: the list is all there is.
                Answer::Unreliable(why) => match self.policy.outdated {
                    OutdatedCrl::FailOpen => standing.warnings.push(why),
                    OutdatedCrl::FailClosed | OutdatedCrl::Grace(_) => return Err(unknown(subject, &why)),
                },
            }
        }
        Ok(standing)
    }

    fn is_ours(&self, issuer: &Certificate) -> bool {
        !self.ours.is_empty() && self.ours.contains(&issuer.identity().spki_sha256())
    }

    /// Whether an answer is wanted for the certificate that stands at `n` on a path.
    fn wants(&self, n: usize) -> bool {
        self.policy.verification.is_some_and(|verification| n == 0 || verification.check_intermediates)
    }

    /// Judges an authority that is trusted by what is known about it. A root is taken back by nobody but the operator, out of
    /// the authorities that are trusted; its serial number may well be the 1 that somebody else's certificate has.
    ///
    /// # Errors
    /// `certificate-revoked`, where another authority or the operator took it back.
    pub fn judge_anchor(&self, anchor: &Certificate, now: OffsetDateTime) -> Result<(), Refusal> {
        if anchor.is_self_issued() {
            return Ok(());
        }
        let issued = |above: &&Certificate| above.identity().subject() == anchor.identity().issuer();
        let mut issuers = self.above.iter().filter(issued).peekable();
        if issuers.peek().is_none() {
            return self.revoked(anchor, None, now);
        }
        issuers.try_for_each(|issuer| self.revoked(anchor, Some(issuer), now))
    }

    /// Refuses a certificate that a source names.
    fn revoked(
        &self,
        subject: &Certificate,
        issuer: Option<&Certificate>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        if self.denied.has(subject, issuer) {
            let cause = format!("{} is on the deny-list", named(subject));
            return Err(Refusal::new(Code::CertificateRevoked, cause));
        }
        let serial = subject.identity().serial();
        let recorded = match issuer {
            Some(issuer) => self.recorded.find(issuer.identity().spki_sha256(), serial),
            None => self.recorded.find_of_any(serial),
        };
        if let Some(entry) = recorded {
            let (at, reason) = (entry.at(), entry.reason());
            return Err(revoked(subject, &Revoked { at, reason, source: "our own ledger".into() }));
        }
        let told = issuer.and_then(|issuer| self.told.get(&issuer.identity().spki_sha256())?.get(serial));
        match told.cloned().or_else(|| self.lists.revoked(subject, issuer, now)) {
            Some(found) => Err(revoked(subject, &found)),
            None => Ok(()),
        }
    }
}

/// Each certificate that is judged, with the one that issued it.
fn pairs<'a>(
    path: &'a [Certificate],
    issuer: Option<&'a Certificate>,
) -> impl Iterator<Item = (&'a Certificate, Option<&'a Certificate>)> {
    let alone = match path {
        [alone] => Some((alone, issuer)),
        _ => None,
    };
    let linked = path.iter().zip(path.iter().skip(1)).map(|(subject, issuer)| (subject, Some(issuer)));
    linked.chain(alone)
}

fn named(subject: &Certificate) -> String {
    format!("{}, serial {},", cause::title(subject), subject.identity().serial())
}

/// The refusal of a certificate that `revoked` names.
pub(crate) fn revoked(subject: &Certificate, revoked: &Revoked) -> Refusal {
    let (at, Revoked { reason, source, .. }) = (cause::clock(revoked.at), revoked);
    let cause = format!("{} was revoked at {at} ({reason}), says {source}", named(subject));
    Refusal::new(Code::CertificateRevoked, cause)
}

/// The refusal of a certificate that cannot be known to be good.
pub(crate) fn unknown(subject: &Certificate, why: &str) -> Refusal {
    Refusal::new(Code::RevocationUnknown, format!("{} may be revoked: {why}", named(subject)))
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("policy", &self.policy)
            .field("denied", &self.denied.len())
            .field("recorded", &self.recorded.len())
            .field("ours", &self.ours.len())
            .field("told", &self.told.values().map(HashMap::len).sum::<usize>())
            .field("lists", &self.lists.all().count())
            .finish()
    }
}
