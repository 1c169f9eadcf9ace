use std::fmt;

use ::der::asn1::GeneralizedTime;
use ::der::{Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use super::asn1::{
    BASIC, BasicResponse, CertStatus, OcspResponse, OneResponse, ResponderId, ResponseData, ResponseStatus,
};
use super::cert_id::key_hash;
use super::request::{read_nonce, refuse_critical};
use super::{CertId, delegate};
use crate::revocation::known::SKEW;
use crate::signature::Signed;
use crate::{BadSignature, Certificate, Malformed, RevocationReason, der};

/// The longest answer that is read, in bytes.
pub const MOST_ANSWER_BYTES: usize = 64 * 1024;
/// How many certificates an answer may speak of, and how many it may bring along.
const MOST_IN_ANSWER: usize = 16;
/// For how long an answer counts that does not say when the next one comes.
const COUNTS_FOR: Duration = Duration::hours(1);

/// What an authority says about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it is revoked.
    pub status: Status,
    /// When that was known to be so.
    pub this_update: OffsetDateTime,
    /// The last moment at which it counts: the answer's `nextUpdate`, or an hour after `this_update`.
    pub until: OffsetDateTime,
    /// Whether it repeats the nonce of the question.
    pub is_fresh: bool,
}

/// Whether a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not.
    Good,
    /// It is.
    Revoked {
        /// When it was revoked.
        at: OffsetDateTime,
        /// Why.
        reason: RevocationReason,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcspError {
    /// The responder says that it cannot answer; its own word for why.
    NoAnswer(&'static str),
    /// The bytes are not an answer; says why.
    Malformed(String),
    /// It does not speak of the certificate.
    OtherCertificate,
    /// Neither the authority nor anybody whom it lets answer signed it; says why.
    Responder(String),
    /// The responder's key did not sign it.
    Signature(BadSignature),
    /// It does not answer this question, but another; says why.
    Nonce(&'static str),
    /// It is of the future.
    NotYet(OffsetDateTime),
    /// It has ended.
    Outdated(OffsetDateTime),
}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(word) => write!(f, "the OCSP responder gives no answer: {word}"),
            Self::Malformed(why) => write!(f, "not an OCSP answer: {why}"),
            Self::OtherCertificate => f.write_str("the OCSP answer is about another certificate"),
            Self::Responder(why) => write!(f, "the OCSP answer comes from nobody who may give it: {why}"),
            Self::Signature(why) => write!(f, "the OCSP answer is not the responder's: {why}"),
            Self::Nonce(why) => write!(f, "the OCSP answer belongs to another question: {why}"),
            Self::NotYet(at) => write!(f, "the OCSP answer is of the future ({at})"),
            Self::Outdated(at) => write!(f, "the OCSP answer has ended at {at}"),
        }
    }
}

impl std::error::Error for OcspError {}

impl From<Malformed> for OcspError {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why.to_string())
    }
}

/// Judges an answer about `subject`, which `issuer` issued.
///
/// It must be signed by the issuer, or by somebody whom the issuer itself certified for that; speak of this certificate;
/// be of now, with five minutes for clocks that disagree; and repeat `nonce` where it repeats any. One that repeats none
/// may have been signed in advance: [`Answer::is_fresh`] tells it.
///
/// # Errors
/// [`OcspError`], which is never an answer.
pub fn verify(
    answer: &[u8],
    subject: &Certificate,
    issuer: &Certificate,
    nonce: Option<&[u8]>,
    now: OffsetDateTime,
) -> Result<Answer, OcspError> {
    let basic = basic(answer)?;
    let data = basic.data.to_der().map_err(unreadable)?;
    let read = ResponseData::from_der(&data).map_err(unreadable)?;
    if read.version != 0 || read.responses.len() > MOST_IN_ANSWER {
        return Err(OcspError::Malformed("its version is not 1, or it speaks of too many".to_owned()));
    }
    let algorithm = basic.algorithm.to_der().map_err(unreadable)?;
    let (algorithm, _) = der::content(der::SEQUENCE, &algorithm)
        .ok_or_else(|| OcspError::Malformed("it names no algorithm".to_owned()))?;
    let signature = basic.signature.as_bytes().unwrap_or_default();
    let signer = signer(&read.responder, &basic, issuer, now)?;
    Signed { body: &data, algorithm, signature }.verify(signer.spki_der()).map_err(OcspError::Signature)?;
    let is_fresh = repeats(nonce, &read)?;
    let about = |response: &&OneResponse| CertId(response.id.clone()).names(subject, issuer);
    let answers = read.responses.iter().filter(about).map(|response| one(response, is_fresh, now));
    // Where it speaks of the certificate twice, the worse counts.
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    answers.into_iter().max_by_key(|answer| severity(answer.status)).ok_or(OcspError::OtherCertificate)
}

fn unreadable(error: ::der::Error) -> OcspError {
    OcspError::Malformed(error.to_string())
}

fn severity(status: Status) -> u8 {
    match status {
        Status::Good => 0,
        Status::Unknown => 1,
        Status::Revoked { .. } => 2,
    }
}

fn basic(answer: &[u8]) -> Result<BasicResponse, OcspError> {
    if answer.len() > MOST_ANSWER_BYTES {
        return Err(OcspError::Malformed(format!("it is longer than {MOST_ANSWER_BYTES} bytes")));
    }
    let response = OcspResponse::from_der(answer).map_err(unreadable)?;
    let word = match response.status {
        ResponseStatus::Successful => None,
        ResponseStatus::MalformedRequest => Some("malformedRequest"),
        ResponseStatus::InternalError => Some("internalError"),
        ResponseStatus::TryLater => Some("tryLater"),
        ResponseStatus::SigRequired => Some("sigRequired"),
        ResponseStatus::Unauthorized => Some("unauthorized"),
    };
    match (word, response.bytes) {
        (Some(word), _) => Err(OcspError::NoAnswer(word)),
        (None, Some(bytes)) if bytes.kind == BASIC => {
            BasicResponse::from_der(bytes.response.as_bytes()).map_err(unreadable)
        }
        (None, _) => Err(OcspError::Malformed("it is of no kind that we know".to_owned())),
    }
}

/// The certificate of whoever claims to have signed: the issuer's own, or one of a delegate that came along.
fn signer(
    claimed: &ResponderId,
    basic: &BasicResponse,
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Result<Certificate, OcspError> {
    if is(claimed, issuer) {
        return Ok(issuer.clone());
    }
    let mut why = "the responder's certificate did not come along".to_owned();
    for certificate in basic.certificates.iter().flatten().take(MOST_IN_ANSWER) {
        let der = certificate.to_der().map_err(unreadable)?;
        let Ok(delegate) = Certificate::from_der(CertificateDer::from(der)) else { continue };
        if !is(claimed, &delegate) {
            continue;
        }
        match delegate::may_answer(&delegate, issuer, now) {
            Ok(()) => return Ok(delegate),
            Err(reason) => why = reason,
        }
    }
    Err(OcspError::Responder(why))
}

fn is(claimed: &ResponderId, certificate: &Certificate) -> bool {
    match claimed {
        ResponderId::Name(name) => {
            name.to_der().is_ok_and(|name| name == certificate.identity().subject().der())
        }
        ResponderId::Key(hash) => key_hash(certificate).is_some_and(|own| own.as_ref() == hash.as_bytes()),
    }
}

/// Whether the answer repeats the nonce of the question.
fn repeats(asked: Option<&[u8]>, data: &ResponseData) -> Result<bool, OcspError> {
    let repeated = read_nonce(data.extensions.as_deref().unwrap_or_default())?;
    match (asked, repeated) {
        (Some(asked), Some(repeated)) if *asked == *repeated => Ok(true),
        (Some(_), Some(_)) => Err(OcspError::Nonce("its nonce is not the one that was sent")),
        (None, _) | (_, None) => Ok(false),
    }
}

fn one(response: &OneResponse, is_fresh: bool, now: OffsetDateTime) -> Result<Answer, OcspError> {
    refuse_critical(response.extensions.as_deref().unwrap_or_default())?;
    let this_update = moment(response.this_update)?;
    let until = response.next_update.map(moment).transpose()?.unwrap_or(this_update + COUNTS_FOR);
    if this_update > now + SKEW {
        return Err(OcspError::NotYet(this_update));
    }
    if until < now || until < this_update {
        return Err(OcspError::Outdated(until));
    }
    let status = match response.status {
        CertStatus::Good(_) => Status::Good,
        CertStatus::Unknown(_) => Status::Unknown,
        CertStatus::Revoked(info) => {
            let reason = info.reason.and_then(|reason| RevocationReason::from_number(reason as u8));
            Status::Revoked { at: moment(info.at)?, reason: reason.unwrap_or_default() }
        }
    };
    Ok(Answer { status, this_update, until, is_fresh })
}

fn moment(time: GeneralizedTime) -> Result<OffsetDateTime, OcspError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
    seconds
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| OcspError::Malformed("a time cannot be read".to_owned()))
}
