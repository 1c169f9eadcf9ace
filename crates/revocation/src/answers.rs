//! OCSP answers: asked for, checked, and kept for one certificate each.

use std::sync::Arc;

use identity::ocsp::{self, OcspError, Request, Status};
use identity::{Asked, Certificate, OcspCheck, Revoked};
use time::OffsetDateTime;

use crate::kept::{Held, Kept};
use crate::look::{Look, Said};
use crate::rejected::Rejected;

/// What a responder says about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) says: Says,
    /// When that was known to be so.
    this_update: OffsetDateTime,
    /// When it ends by its own word.
    until: OffsetDateTime,
}

/// Whether it is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// It is not; with who says so.
    Good(Arc<str>),
    /// It is.
    Revoked(Revoked),
}

/// The responders of one certificate.
#[derive(Debug)]
pub(crate) struct AnswerSource {
    pub(crate) urls: Box<[Arc<str>]>,
    pub(crate) subject: Certificate,
    pub(crate) issuer: Certificate,
    pub(crate) kept: Kept<Answer>,
}

impl Answer {
    /// Whether it calls good what a later answer has called revoked. Responders that sign in advance may else give
    /// answers of different ages.
    fn undoes(&self, held: &Self) -> bool {
        let calls_good = matches!((&held.says, &self.says), (Says::Revoked(_), Says::Good(_)));
        calls_good && self.this_update < held.this_update
    }
}

impl AnswerSource {
    /// None where the certificate names no responder.
    pub(crate) fn new(subject: &Certificate, issuer: &Certificate, most: usize) -> Option<Self> {
        let urls: Box<[_]> = askable(subject.ocsp_uris()).take(most).map(Arc::from).collect();
        (!urls.is_empty()).then(|| Self {
            urls,
            subject: subject.clone(),
            issuer: issuer.clone(),
            kept: Kept::default(),
        })
    }

    /// What the responders said.
    pub(crate) fn look(&self, now: OffsetDateTime) -> Look {
        self.kept.used(now);
        let state = self.kept.state();
        if let Some(held) = &state.held {
            let (until, said) =
                (held.fresh_until, |asked| Look::Known(Said::at(held.value.this_update, asked)));
            match &held.value.says {
                // What was taken back stays so until somebody says otherwise.
                Says::Revoked(revoked) => return said(Asked::Revoked(revoked.clone())),
                Says::Good(source) if now < until => {
                    return said(Asked::Good { until, source: Arc::clone(source) });
                }
                Says::Good(_) => {}
            }
        }
        match state.failing(now) {
            Some(failed) if failed.forged => {
                Look::Known(Asked::Forged { why: failed.why.to_string() }.into())
            }
            Some(failed) => Look::Known(Asked::Failed { why: failed.why.to_string() }.into()),
            None => Look::Ask,
        }
    }

    /// The question, with a nonce of its own.
    pub(crate) fn question(&self) -> Result<Request, Rejected> {
        let mut nonce = [0; 32];
        let random = aws_lc_rs::rand::fill(&mut nonce);
        random.map_err(|_| Rejected::unusable("there is no randomness for a nonce".to_owned()))?;
        Request::new(&self.subject, &self.issuer, Some(nonce))
            .map_err(|error| Rejected::unusable(error.to_string()))
    }

    /// Keeps what `url` answered to `question`, where it says whether the certificate is revoked.
    pub(crate) fn take(
        &self,
        bytes: &[u8],
        question: &Request,
        url: &str,
        check: &OcspCheck,
        now: OffsetDateTime,
    ) -> Result<(), Rejected> {
        let heard = ocsp::verify(bytes, &self.subject, &self.issuer, question.nonce(), now)
            .map_err(|error| rejected(url, &error))?;
        let source: Arc<str> = format!("the OCSP responder {url}").into();
        let says = match heard.status {
            Status::Good => Says::Good(source),
            Status::Revoked { at, reason } => Says::Revoked(Revoked { at, reason, source }),
            Status::Unknown => {
                return Err(Rejected::unusable(format!("{source} does not know the certificate")));
            }
        };
        let answer = Answer { says, this_update: heard.this_update, until: heard.until };
        if self.kept.state().held.as_ref().is_some_and(|held| answer.undoes(&held.value)) {
            let why = format!("{url} gave an answer that is older than the one by which it is revoked");
            return Err(Rejected::older(why));
        }
        self.kept.succeed(held(answer, now, check));
        Ok(())
    }

    /// Keeps what another source of the same answers holds, for as long as `check` wants, where that is newer.
    pub(crate) fn inherit(&self, other: &Self, check: &OcspCheck) {
        let (theirs, own) = (other.kept.state(), self.kept.state());
        let Some(theirs) = &theirs.held else { return };
        let newness = |held: &Held<Answer>| (held.value.this_update, held.since);
        if own.held.as_ref().is_none_or(|own| newness(own) < newness(theirs)) {
            self.kept.inherit(held(theirs.value.clone(), theirs.since, check), other.kept.last_used());
        }
    }

    /// Whether the certificate is known to be revoked.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revoking().is_some()
    }

    /// The word by which the certificate is revoked.
    pub(crate) fn revoking(&self) -> Option<Said> {
        let state = self.kept.state();
        let answer = &state.held.as_ref()?.value;
        match &answer.says {
            Says::Revoked(revoked) => Some(Said::at(answer.this_update, Asked::Revoked(revoked.clone()))),
            Says::Good(_) => None,
        }
    }
}

/// An answer that was given at `given`, with the times that it has by `check`.
fn held(answer: Answer, given: OffsetDateTime, check: &OcspCheck) -> Held<Answer> {
    let fresh_until = answer.until.min(given + check.cache_ttl);
    Held::new(answer, given, fresh_until, fresh_until)
}

/// An answer that nobody signed who may is what a list with a wrong signature is.
fn rejected(url: &str, error: &OcspError) -> Rejected {
    let forged = matches!(error, OcspError::Signature(_) | OcspError::Responder(_));
    let why = format!("{url}: {error}");
    Rejected { why, forged, result: if forged { "forged" } else { "unusable" } }
}

/// The addresses that can be asked at all: what is behind another scheme we do not speak.
pub(crate) fn askable(urls: &[String]) -> impl Iterator<Item = &str> {
    let speaks = |url: &str| {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    };
    urls.iter().map(String::as_str).filter(move |url| speaks(url))
}
