//! Answers to questions about single certificates (OCSP: RFC 6960, RFC 5019).
//!
//! What is revoked is known in memory. Whether a certificate that is not revoked exists at all is looked up in the ledger
//! once, and the answer is signed once; from then on it is handed out until half of its time has passed. A revocation is
//! looked at before anything that was signed, so that nobody is called good after it.
//!
//! A serial number that was never issued is `unknown`. RFC 6960 §2.2 would let us call it revoked; but then every answer had
//! to say that it may be so, and a revocation is something that is on record here. Who asks strictly refuses both.

use std::sync::Arc;
use std::time::Duration as Patience;

use bytes::Bytes;
use identity::ocsp::{CertId, Failure, IdHash, Reply, Request, Single, Status};
use ledger::{CertificateId, Ledger, State};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;

use super::answers::Answer;
use super::taken::{Key, Row};
use super::voice::Voice;
use crate::pace::{Pace, Rate};

/// Answers for every authority that has somebody to do so.
#[derive(Debug)]
pub(crate) struct Responding {
    pub(crate) ledger: Arc<dyn Ledger>,
    lookups: Semaphore,
    pace: Pace<()>,
}

/// What comes of a question.
#[derive(Debug)]
pub(crate) enum Answered {
    /// An answer that everybody may be given who asks the same.
    Common(Answer),
    /// An answer to this question alone: to its nonce, or to several questions at once.
    Own(Bytes, Status),
    /// None.
    Failure(Failure),
}

impl Answered {
    /// As it is sent.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Common(answer) => answer.document.bytes.clone(),
            Self::Own(bytes, _) => bytes.clone(),
            Self::Failure(failure) => failure.to_der().into(),
        }
    }
}

/// One certificate that is asked about.
struct Subject<'a> {
    voice: &'a Voice,
    hash: IdHash,
    key: Key,
    id: &'a CertId,
}

impl Responding {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, lookups: Semaphore::new(LOOKUPS), pace: Pace::default() }
    }

    /// The answer to a question.
    pub(crate) async fn answer(
        &self,
        voices: &[Arc<Voice>],
        request: &Request,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Answered {
        let subjects: Option<Vec<Subject<'_>>> = request.ids().iter().map(|id| subject(voices, id)).collect();
        let Some(subjects) = subjects else { return Answered::Failure(Failure::Unauthorized) };
        let answered = match (subjects.as_slice(), request.nonce()) {
            ([], _) => Err(Failure::MalformedRequest),
            ([subject], None) => self.common(subject, lifetime, now).await.map(Answered::Common),
            ([subject, ..], nonce) => self.own(subject.voice, &subjects, nonce, lifetime, now).await,
        };
        answered.unwrap_or_else(Answered::Failure)
    }

    async fn common(
        &self,
        subject: &Subject<'_>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Answer, Failure> {
        if let Some(answer) = subject.held(now) {
            return Ok(answer);
        }
        self.pays(std::slice::from_ref(subject), now)?;
        let (status, settled) = self.status(subject, now).await?;
        // A certificate that is not known yet may be in a moment.
        let lifetime = if settled { lifetime } else { lifetime.min(UNSETTLED) };
        let lifetime = subject.voice.lifetime(lifetime, now);
        let id = subject.voice.ids.id(&serial(subject.id)?, subject.hash).ok_or(Failure::InternalError)?;
        let single = Single { id, status, this_update: whole(now), next_update: whole(now + lifetime) };
        let next = single.next_update;
        let bytes = sign(subject.voice, vec![single], None, now)?;
        let answer = Answer::new(bytes, status, whole(now), next);
        if settled {
            subject.voice.answers.keep((subject.hash, subject.key), answer.clone());
        }
        Ok(answer)
    }

    /// Signed on the spot. Where too many want that, who asked with a nonce gets what everybody gets, if it is at hand; a
    /// responder may leave the nonce out (RFC 9654 §3).
    async fn own(
        &self,
        voice: &Voice,
        subjects: &[Subject<'_>],
        nonce: Option<&[u8]>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Answered, Failure> {
        // One signature is one issuer's.
        if subjects.iter().any(|subject| subject.voice.key != voice.key) {
            return Err(Failure::Unauthorized);
        }
        if self.pays(subjects, now).is_err() {
            let held = match subjects {
                [subject] => subject.held(now),
                _ => None,
            };
            return held.map(Answered::Common).ok_or(Failure::TryLater);
        }
        let lifetime = voice.lifetime(lifetime, now);
        let (mut singles, mut worst) = (Vec::new(), Status::Good);
        for subject in subjects {
            let (status, _) = self.status(subject, now).await?;
            if !matches!(status, Status::Good) {
                worst = status;
            }
            let (this_update, next_update) = (whole(now), whole(now + lifetime));
            singles.push(Single { id: subject.id.clone(), status, this_update, next_update });
        }
        Ok(Answered::Own(sign(voice, singles, nonce, now)?, worst))
    }

    /// Takes what an answer costs, before anything is done for it: one for the signature, and one for each certificate that is
    /// looked up in the ledger.
    fn pays(&self, subjects: &[Subject<'_>], now: OffsetDateTime) -> Result<(), Failure> {
        let unknown = subjects.iter().filter(|subject| subject.known(now).is_none()).count();
        self.pace.take(RATE, &(), 1 + unknown, now).map_err(|_| Failure::TryLater)
    }

    /// What is to be said about a certificate, and whether that may be said again later.
    async fn status(&self, subject: &Subject<'_>, now: OffsetDateTime) -> Result<(Status, bool), Failure> {
        if let Some(status) = subject.known(now) {
            return Ok((status, true));
        }
        let permit = tokio::time::timeout(PATIENCE, self.lookups.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Err(Failure::TryLater) };
        let id = CertificateId { issuer: subject.voice.key, serial: serial(subject.id)? };
        let record = match tokio::time::timeout(PATIENCE, self.ledger.certificate(id)).await {
            Ok(Ok(record)) => record,
            Ok(Err(_)) | Err(_) => return Err(Failure::TryLater),
        };
        let Some(record) = record else { return Ok((Status::Unknown, false)) };
        Ok(match (record.state, record.revoked) {
            (State::Issued, _) => (Status::Good, true),
            (State::Revoked, Some(found)) => (Status::Revoked { at: found.at, reason: found.reason }, true),
            (State::Revoked, None) => return Err(Failure::InternalError),
            (State::Drafted | State::Abandoned, _) => (Status::Unknown, false),
        })
    }
}

impl Subject<'_> {
    fn taken(&self) -> Option<Row> {
        self.voice.taken.read().find(self.key)
    }

    /// What memory says, without a look into the ledger.
    fn known(&self, now: OffsetDateTime) -> Option<Status> {
        let taken = self.taken().map(revoked);
        taken.or_else(|| self.held(now).map(|answer| answer.status))
    }

    /// What was signed before, where it still holds: a revocation counts from the moment at which it is known.
    fn held(&self, now: OffsetDateTime) -> Option<Answer> {
        let taken = self.taken().is_some();
        let held = self.voice.answers.find(&(self.hash, self.key), now)?;
        (!taken || matches!(held.status, Status::Revoked { .. })).then_some(held)
    }
}

/// The authority that a question means, and the certificate; `None` where it is somebody else's.
fn subject<'a>(voices: &'a [Arc<Voice>], id: &'a CertId) -> Option<Subject<'a>> {
    let (voice, hash) = voices.iter().find_map(|voice| Some((voice, voice.ids.issued(id)?)))?;
    let key = Key::of(&id.serial()?)?;
    Some(Subject { voice, hash, key, id })
}

fn serial(id: &CertId) -> Result<identity::Serial, Failure> {
    id.serial().ok_or(Failure::MalformedRequest)
}

fn revoked(row: Row) -> Status {
    Status::Revoked { at: row.at(), reason: row.reason }
}

fn sign(
    voice: &Voice,
    singles: Vec<Single>,
    nonce: Option<&[u8]>,
    now: OffsetDateTime,
) -> Result<Bytes, Failure> {
    // Until one is appointed, which takes a moment at the start.
    let responder = voice.responder.load_full().ok_or(Failure::TryLater)?;
    let reply = Reply { singles, nonce: nonce.map(Into::into), produced_at: whole(now) };
    responder.sign(&reply).map(Bytes::from).map_err(|fault| {
        tracing::error!(%fault, issuer = voice.name, "an OCSP answer was not signed");
        Failure::InternalError
    })
}

/// Answers know no fractions of a second.
fn whole(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

/// How many questions may look into the ledger at one time.
const LOOKUPS: usize = 8;
/// How long one waits for that, and for the ledger.
const PATIENCE: Patience = Patience::from_secs(2);
/// How many answers are signed and certificates looked up in one second at most; what was signed before costs nothing. A tenth
/// of what a core signs.
const RATE: Rate = Rate { most: 2_000.0, per_second: 2_000.0 };
/// How long an answer counts that may soon be another.
const UNSETTLED: Duration = Duration::minutes(1);
