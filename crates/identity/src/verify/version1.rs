//! A leaf of X.509 version 1: no extensions, so nothing but issuer, signature, validity and key to judge it by.
//!
//! Old openssl recipes make such leaves (`openssl x509 -req` without an extension file), webpki refuses them, and
//! every other TLS stack takes them. Above the leaf nothing of version 1 is accepted below the root.

use fault::{Code, Refusal};
use time::OffsetDateTime;

use super::path::Path;
use super::presented::Presented;
use super::{Purpose, cause, rules};
use crate::signature::verify_issued;
use crate::{Certificate, Trust};

/// How many intermediates may stand between the leaf and the authority.
const MOST_INTERMEDIATES: usize = 3;

/// Climbs from the leaf, one verified signature at a time, to one of our authorities.
pub(super) fn climb(
    presented: &Presented<'_>,
    trust: &Trust,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Path, Refusal> {
    let leaf = presented.leaf();
    let candidates: Vec<Certificate> = presented.readable_others().collect();
    let mut intermediates: Vec<Certificate> = Vec::new();
    loop {
        let top = intermediates.last().unwrap_or(leaf);
        cause::weak_signature(top)?;
        let mut refused = None;
        for anchor in trust.anchors().filter(|anchor| signed(top, anchor)) {
            let path = Path::new(leaf.clone(), intermediates.clone(), anchor.clone());
            match rules::authorities(&path, purpose, now).and_then(|()| unconstrained(&path)) {
                Ok(()) => return Ok(path),
                Err(refusal) => refused = Some(refusal),
            }
        }
        let above = candidates.iter().find(|candidate| {
            !intermediates.contains(candidate) && candidate.version() == 3 && signed(top, candidate)
        });
        match above {
            Some(above) if intermediates.len() < MOST_INTERMEDIATES => {
                rules::validity(above, now)?;
                intermediates.push(above.clone());
            }
            _ => return Err(refused.unwrap_or_else(|| cause::unknown_issuer(top, trust))),
        }
    }
}

fn signed(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.identity().issuer() == issuer.identity().subject()
        && verify_issued(certificate.der(), issuer.spki_der()).is_ok()
}

/// Name constraints speak of extensions that a version 1 leaf cannot have, so a constrained authority vouches for none.
fn unconstrained(path: &Path) -> Result<(), Refusal> {
    let authorities = path.intermediates().iter().chain([path.anchor()]);
    for authority in authorities {
        if rules::has_name_constraints(authority)? {
            let (leaf, authority) = (cause::title(path.leaf()), cause::title(authority));
            let cause =
                format!("{leaf} is X.509 version 1, and {authority} may vouch for certain names only");
            return Err(Refusal::new(Code::NameNotAllowed, cause));
        }
    }
    Ok(())
}
