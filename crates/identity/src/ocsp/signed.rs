use ::der::asn1::{Any, BitString, GeneralizedTime, Null, OctetString};
use ::der::{Decode as _, Encode as _, Error};
use time::OffsetDateTime;

use super::asn1::{
    BASIC, BasicResponse, CertStatus, OcspResponse, OneResponse, Reason, ResponderId, ResponseBytes,
    ResponseData, ResponseStatus, RevokedInfo,
};
use super::cert_id::key_hash;
use super::request::nonce_extension;
use super::{CertId, Status};
use crate::{Certificate, Malformed, RevocationReason};

/// An answer before it is signed.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What is said about each certificate.
    pub singles: Vec<Single>,
    /// The nonce of the question.
    pub nonce: Option<Box<[u8]>>,
    /// When the answer was made.
    pub produced_at: OffsetDateTime,
}

/// What is said about one certificate.
#[derive(Clone, Debug)]
pub struct Single {
    /// Which certificate, as the question named it.
    pub id: CertId,
    /// Whether it is revoked.
    pub status: Status,
    /// When that was known to be so.
    pub this_update: OffsetDateTime,
    /// When there will be a new answer at the latest.
    pub next_update: OffsetDateTime,
}

/// A signature with the DER of its algorithm's identifier.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The AlgorithmIdentifier, header included.
    pub algorithm: Vec<u8>,
    /// The signature's bytes.
    pub bytes: Vec<u8>,
}

/// A "no" to a question, which nobody signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The question cannot be read.
    MalformedRequest,
    /// Something went wrong here.
    InternalError,
    /// It may go better later.
    TryLater,
    /// The question is about certificates of others.
    Unauthorized,
}

impl Failure {
    /// The answer as it is sent, in DER.
    #[must_use]
    pub fn to_der(self) -> Vec<u8> {
        let status = match self {
            Self::MalformedRequest => ResponseStatus::MalformedRequest,
            Self::InternalError => ResponseStatus::InternalError,
            Self::TryLater => ResponseStatus::TryLater,
            Self::Unauthorized => ResponseStatus::Unauthorized,
        };
        crate::der::wrap(crate::der::SEQUENCE, &[&[crate::der::ENUMERATED, 1, status as u8]])
    }
}

/// Makes the answer of `responder`: the authority itself, or a delegate, whose certificate then goes along. `sign` signs
/// the bytes that it is given.
///
/// # Errors
/// What `sign` fails with, and where a part cannot be encoded.
pub fn sign<E: From<Malformed>>(
    reply: &Reply,
    responder: &Certificate,
    delegate: bool,
    sign: impl FnOnce(&[u8]) -> Result<Signature, E>,
) -> Result<Vec<u8>, E> {
    let data = data(reply, responder).map_err(E::from)?;
    let signature = sign(&data)?;
    whole(&data, &signature, delegate.then_some(responder)).map_err(|error| E::from(broken(error)))
}

fn broken(error: Error) -> Malformed {
    Malformed::new(format!("the answer cannot be encoded: {error}"))
}

fn data(reply: &Reply, responder: &Certificate) -> Result<Vec<u8>, Malformed> {
    let key = key_hash(responder).ok_or_else(|| Malformed::new("the responder's key cannot be read"))?;
    let nonce = reply.nonce.as_deref().map(nonce_extension).transpose()?;
    let responses = reply.singles.iter().map(one).collect::<Result<_, _>>().map_err(broken)?;
    let data = ResponseData {
        version: 0,
        responder: ResponderId::Key(OctetString::new(key.as_ref()).map_err(broken)?),
        produced_at: time(reply.produced_at).map_err(broken)?,
        responses,
        extensions: nonce.map(|nonce| vec![nonce]),
    };
    data.to_der().map_err(broken)
}

fn one(single: &Single) -> Result<OneResponse, Error> {
    let status = match single.status {
        Status::Good => CertStatus::Good(Null),
        Status::Unknown => CertStatus::Unknown(Null),
        Status::Revoked { at, reason } => {
            CertStatus::Revoked(RevokedInfo { at: time(at)?, reason: written(reason) })
        }
    };
    let (this_update, next_update) = (time(single.this_update)?, Some(time(single.next_update)?));
    Ok(OneResponse { id: single.id.0.clone(), status, this_update, next_update, extensions: None })
}

/// RFC 5280 §5.3.1: where there is no reason, none is written.
fn written(reason: RevocationReason) -> Option<Reason> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(Reason::KeyCompromise),
        RevocationReason::CaCompromise => Some(Reason::CaCompromise),
        RevocationReason::AffiliationChanged => Some(Reason::AffiliationChanged),
        RevocationReason::Superseded => Some(Reason::Superseded),
        RevocationReason::CessationOfOperation => Some(Reason::CessationOfOperation),
        RevocationReason::CertificateHold => Some(Reason::CertificateHold),
        RevocationReason::RemoveFromCrl => Some(Reason::RemoveFromCrl),
        RevocationReason::PrivilegeWithdrawn => Some(Reason::PrivilegeWithdrawn),
        RevocationReason::AaCompromise => Some(Reason::AaCompromise),
    }
}

fn time(moment: OffsetDateTime) -> Result<GeneralizedTime, Error> {
    let seconds = u64::try_from(moment.unix_timestamp()).unwrap_or_default();
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))
}

fn whole(data: &[u8], signature: &Signature, along: Option<&Certificate>) -> Result<Vec<u8>, Error> {
    let certificates = along.map(|certificate| Any::from_der(certificate.der()).map(|der| vec![der]));
    let basic = BasicResponse {
        data: Any::from_der(data)?,
        algorithm: Any::from_der(&signature.algorithm)?,
        signature: BitString::from_bytes(&signature.bytes)?,
        certificates: certificates.transpose()?,
    };
    let bytes = ResponseBytes { kind: BASIC, response: OctetString::new(basic.to_der()?)? };
    OcspResponse { status: ResponseStatus::Successful, bytes: Some(bytes) }.to_der()
}
