//! Who signed a list. Its authority may be known only when a peer shows it, so the proof is found late and kept.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Crl;
use crate::signature::Signed;
use crate::{BadSignature, Certificate, Pin};

/// How many keys that did not sign a list are remembered.
const MOST_REMEMBERED: usize = 8;

/// What is needed to find the signer, until it is found.
pub(super) struct Proof {
    signer: OnceLock<Pin>,
    open: Mutex<Option<Open>>,
}

struct Open {
    body: Box<[u8]>,
    algorithm: Box<[u8]>,
    signature: Box<[u8]>,
    /// Keys that did not sign it.
    refused: Vec<(Pin, BadSignature)>,
}

/// Why a list does not speak for an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotItsList {
    /// It names another issuer, or another key of this issuer; or another key is known to have signed it.
    OtherAuthority,
    /// The authority's key usage does not let it sign lists.
    MayNotSign,
    /// It claims to be this authority's, and its key did not sign it.
    Signature(BadSignature),
}

impl fmt::Display for NotItsList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAuthority => f.write_str("the list is another authority's"),
            Self::MayNotSign => f.write_str("the authority's key usage lacks cRLSign"),
            Self::Signature(why) => write!(f, "the list's signature is not the authority's: {why}"),
        }
    }
}

impl std::error::Error for NotItsList {}

impl Proof {
    pub(super) fn open(signed: &Signed<'_>) -> Self {
        let open = Open {
            body: signed.body.into(),
            algorithm: signed.algorithm.into(),
            signature: signed.signature.into(),
            refused: Vec::new(),
        };
        Self { signer: OnceLock::new(), open: Mutex::new(Some(open)) }
    }

    pub(super) fn signed_by(&self) -> Option<Pin> {
        self.signer.get().copied()
    }

    fn establish(&self, issuer: &Certificate) -> Result<(), NotItsList> {
        let pin = issuer.identity().spki_sha256();
        let mut held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = held.as_mut() else {
            return self.compare(pin).unwrap_or(Err(NotItsList::OtherAuthority));
        };
        if let Some((_, why)) = open.refused.iter().find(|(refused, _)| *refused == pin) {
            return Err(NotItsList::Signature(*why));
        }
        let Open { body, algorithm, signature, .. } = &*open;
        match (Signed { body, algorithm, signature }).verify(issuer.spki_der()) {
            Ok(()) => {
                self.signer.get_or_init(|| pin);
                *held = None;
                Ok(())
            }
            Err(why) => {
                if open.refused.len() < MOST_REMEMBERED {
                    open.refused.push((pin, why));
                }
                Err(NotItsList::Signature(why))
            }
        }
    }

    fn compare(&self, pin: Pin) -> Option<Result<(), NotItsList>> {
        let signer = *self.signer.get()?;
        Some(if signer == pin { Ok(()) } else { Err(NotItsList::OtherAuthority) })
    }
}

pub(super) fn verify(list: &Crl, issuer: &Certificate) -> Result<(), NotItsList> {
    if list.issuer != *issuer.identity().subject() {
        return Err(NotItsList::OtherAuthority);
    }
    let known = list.proof.compare(issuer.identity().spki_sha256());
    if let Some(Err(other)) = known {
        return Err(other);
    }
    if let (Some(named), Some(own)) = (&list.authority_key_id, issuer.subject_key_id())
        && **named != *own
    {
        return Err(NotItsList::OtherAuthority);
    }
    if !issuer.may_sign_lists() {
        return Err(NotItsList::MayNotSign);
    }
    known.unwrap_or_else(|| list.proof.establish(issuer))
}
