//! What may change after a chain was accepted: the clock, and what is known to be revoked.

use fault::Refusal;
use time::OffsetDateTime;

use super::{Verified, cause, rules};
use crate::revocation::known::Standing;
use crate::signature::verify_issued;
use crate::{Certificate, Trust};

/// Judges a chain again that `trust`, or one with the same authorities and strictness, has accepted before: by the clock
/// and by what is revoked now, without its signatures.
///
/// # Errors
/// A [`Refusal`] where it would not be accepted now, or where its authority is none of those that `trust` holds.
pub fn verify_again(verified: &Verified, trust: &Trust, now: OffsetDateTime) -> Result<Verified, Refusal> {
    if !trust.anchors().any(|anchor| anchor == verified.anchor()) {
        return Err(cause::unknown_issuer(verified.anchor(), trust));
    }
    if !verified.holds_at(now) {
        verified.chain().iter().try_for_each(|certificate| rules::validity(certificate, now))?;
    }
    let standing = standing(verified.chain(), trust, now)?;
    Ok(if *verified.standing == standing { verified.clone() } else { verified.standing(standing) })
}

/// What `trust` knows about the revocation of a path.
pub(super) fn standing(
    path: &[Certificate],
    trust: &Trust,
    now: OffsetDateTime,
) -> Result<Standing, Refusal> {
    trust.revocations().judge(path, issuer_of_one(path, trust).as_ref(), now)
}

/// Who issued a leaf that stands alone, because it is itself what we trust: itself, or another authority that we hold.
fn issuer_of_one(path: &[Certificate], trust: &Trust) -> Option<Certificate> {
    let [alone] = path else { return None };
    if alone.is_self_issued() {
        return Some(alone.clone());
    }
    let issued = |issuer: &&Certificate| {
        issuer.identity().subject() == alone.identity().issuer()
            && verify_issued(alone.der(), issuer.spki_der()).is_ok()
    };
    trust.anchors().find(issued).cloned()
}
