use ::der::asn1::OctetString;
use ::der::{Decode as _, Encode as _};

use super::asn1::{Extension, NONCE, OcspRequest, OneRequest, TbsRequest};
use super::{CertId, IdHash};
use crate::{Certificate, Malformed};

/// The longest request that is read, in bytes.
pub const MOST_REQUEST_BYTES: usize = 4 * 1024;
/// How many certificates one request may ask about.
const MOST_ASKED: usize = 16;
/// RFC 9654 §2.1: nonces are up to 128 bytes long.
const LONGEST_NONCE: usize = 128;

/// A question about certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    ids: Vec<CertId>,
    nonce: Option<Box<[u8]>>,
}

impl Request {
    /// Asks about one certificate. The nonce ties the answer to the question; responders that sign in advance leave it
    /// out of the answer.
    ///
    /// # Errors
    /// Where the issuer's key cannot be read.
    pub fn new(
        subject: &Certificate,
        issuer: &Certificate,
        nonce: Option<[u8; 32]>,
    ) -> Result<Self, Malformed> {
        let id = CertId::new(subject.identity().serial(), issuer, IdHash::Sha1)
            .ok_or_else(|| Malformed::new("the issuer's public key cannot be read"))?;
        Ok(Self { ids: vec![id], nonce: nonce.map(Into::into) })
    }

    /// The certificates that are asked about; at least one.
    #[must_use]
    pub fn ids(&self) -> &[CertId] {
        &self.ids
    }

    /// What the answer must repeat.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// The request as it is sent, in DER.
    ///
    /// # Errors
    /// Where it cannot be encoded, which no request of ours is.
    pub fn to_der(&self) -> Result<Vec<u8>, Malformed> {
        let requests = self.ids.iter().map(|id| OneRequest { id: id.0.clone(), extensions: None }).collect();
        let extensions = self.nonce().map(|nonce| nonce_extension(nonce).map(|nonce| vec![nonce]));
        let extensions = extensions.transpose()?;
        let tbs = TbsRequest { version: 0, requestor: None, requests, extensions };
        OcspRequest { tbs, signature: None }.to_der().map_err(|error| Malformed::new(error.to_string()))
    }

    /// Reads a request. A signature on it, and who claims to ask, are passed over: everybody may ask.
    ///
    /// # Errors
    /// Where the bytes are not one request of version 1, where it asks about nothing or about more than 16 certificates,
    /// and where it has a critical extension that we do not know.
    pub fn from_der(der: &[u8]) -> Result<Self, Malformed> {
        if der.len() > MOST_REQUEST_BYTES {
            return Err(Malformed::new(format!("the request is longer than {MOST_REQUEST_BYTES} bytes")));
        }
        let request = OcspRequest::from_der(der)
            .map_err(|error| Malformed::new(format!("not an OCSP request: {error}")))?;
        let TbsRequest { version, requests, extensions, .. } = request.tbs;
        if version != 0 {
            return Err(Malformed::new("the request's version is not 1"));
        }
        if requests.is_empty() || requests.len() > MOST_ASKED {
            return Err(Malformed::new(format!("the request asks about {} certificates", requests.len())));
        }
        let nonce = read_nonce(extensions.as_deref().unwrap_or_default())?;
        for request in &requests {
            refuse_critical(request.extensions.as_deref().unwrap_or_default())?;
        }
        let ids = requests.into_iter().map(|request| CertId(request.id)).collect();
        Ok(Self { ids, nonce })
    }
}

/// The nonce as an extension of a request or an answer.
pub(super) fn nonce_extension(nonce: &[u8]) -> Result<Extension, Malformed> {
    let wrapped = OctetString::new(nonce).and_then(|nonce| nonce.to_der()).and_then(OctetString::new);
    let value = wrapped.map_err(|error| Malformed::new(error.to_string()))?;
    Ok(Extension { oid: NONCE, critical: false, value })
}

/// The one nonce among extensions of which we know each that is critical.
pub(super) fn read_nonce(extensions: &[Extension]) -> Result<Option<Box<[u8]>>, Malformed> {
    refuse_critical(extensions)?;
    let mut nonces = extensions.iter().filter(|extension| extension.oid == NONCE);
    let nonce = match (nonces.next(), nonces.next()) {
        (None, _) => return Ok(None),
        (Some(nonce), None) => nonce,
        (Some(_), Some(_)) => return Err(Malformed::new("it has two nonces")),
    };
    let nonce = OctetString::from_der(nonce.value.as_bytes())
        .map_err(|error| Malformed::new(format!("the nonce cannot be read: {error}")))?;
    match nonce.as_bytes().len() {
        1..=LONGEST_NONCE => Ok(Some(nonce.into_bytes())),
        length => Err(Malformed::new(format!("a nonce of {length} bytes is none"))),
    }
}

/// Refuses what must not be passed over and is not known.
pub(super) fn refuse_critical(extensions: &[Extension]) -> Result<(), Malformed> {
    match extensions.iter().find(|extension| extension.critical && extension.oid != NONCE) {
        Some(unknown) => Err(Malformed::new(format!(
            "it has the critical extension {}, which we do not know",
            unknown.oid
        ))),
        None => Ok(()),
    }
}
