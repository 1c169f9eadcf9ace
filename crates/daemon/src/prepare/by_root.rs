//! What somebody signed by hand with the root's key, to be published: its list, and the certificate of its responder. Both
//! end, and nobody on this machine can make others.

use std::path::Path;
use std::sync::Arc;

use authority::{Responder, SignedCrl};
use config::{Plan, RootOcspPlan};
use fault::{Fault, Faults, Place};
use identity::ocsp::may_answer;
use identity::{Certificate, Crl};
use time::{Duration, OffsetDateTime};

/// What the root's key has signed.
#[derive(Debug, Default)]
pub(crate) struct ByRoot {
    /// The list of what the root has taken back.
    pub(crate) list: Option<SignedCrl>,
    /// Who answers in its name.
    pub(crate) responder: Option<Arc<Responder>>,
    /// What is there and is of none of the roots, so that it is not used.
    strange: Vec<Fault>,
}

/// What a file holds.
enum Found<T> {
    Ours(T),
    /// Of another root, as it is when the root was rotated: a node starts from that, and says so.
    Strange(Fault),
}

impl ByRoot {
    /// Loads what the Plan names. While the root is rotated there are two, and either may have signed it.
    ///
    /// # Errors
    /// Where a file holds something else.
    pub(super) fn load(plan: &Plan, roots: &[Certificate]) -> Result<Self, Faults> {
        let publishing = plan.authority.as_ref().map(|authority| &authority.publishing);
        // Where the root's file cannot be read, the issuers have told so.
        let Some(publishing) = publishing.filter(|_| !roots.is_empty()) else { return Ok(Self::default()) };
        let mut faults = Faults::new();
        let mut found = Self::default();
        if let Some(list) = publishing.root_crl.as_deref().and_then(|path| faults.note(list(path, roots))) {
            found.list = found.take(list);
        }
        let written = publishing.root_ocsp.as_ref();
        if let Some(responder) = written.and_then(|written| faults.note(responder(written, roots))) {
            found.responder = found.take(responder).map(Arc::new);
        }
        faults.or(found)
    }

    fn take<T>(&mut self, found: Found<T>) -> Option<T> {
        match found {
            Found::Ours(ours) => Some(ours),
            Found::Strange(fault) => {
                self.strange.push(fault);
                None
            }
        }
    }

    /// That something has ended or soon will, or is of another root.
    pub(super) fn warnings(&self, now: OffsetDateTime) -> Vec<Fault> {
        let list = self.list.as_ref().and_then(|list| {
            let what = format!("the list of \"{}\"", list.issuer());
            let life = (list.this_update(), list.next_update());
            Some(Self::ending(&what, life, now)?.at(Place::Name("authority.root_crl".to_owned())).remedy(
                "sign a new one with the root's key: countersign ca crl --ca PATH --key KEY --ledger FILE --days 90",
            ))
        });
        let responder = self.responder.as_ref().and_then(|responder| {
            let what = format!("the responder of \"{}\"", responder.authority().identity().subject());
            let own = responder.certificate().identity();
            let fault = Self::ending(&what, (own.not_before(), own.not_after()), now)?;
            let remedy = "certify it again with the root's key: countersign ca init-responder --root-key KEY";
            Some(fault.at(Place::Name("authority.root_ocsp".to_owned())).remedy(remedy))
        });
        self.strange.iter().cloned().chain(list).chain(responder).collect()
    }

    /// Warned of in the last third of a life, and 30 days before its end at the earliest.
    fn ending(what: &str, life: (OffsetDateTime, OffsetDateTime), now: OffsetDateTime) -> Option<Fault> {
        let (from, until) = life;
        if until < now {
            return Some(
                Fault::yours(format!("{what} is outdated since {until}"))
                    .because("whoever goes by it refuses everybody"),
            );
        }
        let life: Duration = until - from;
        let ahead = Duration::min(life / 3, Duration::days(30));
        (until - now <= ahead).then(|| {
            Fault::yours(format!("{what} ends on {until}"))
                .because("whoever goes by it refuses everybody from then on")
        })
    }
}

/// The list, by the first of the roots that has signed it.
fn list(path: &Path, roots: &[Certificate]) -> Result<Found<SignedCrl>, Fault> {
    let bytes = files::read_limited(path, LARGEST_LIST)?;
    let mut refused = Fault::yours("there is no list of the root in the file");
    for root in roots {
        match SignedCrl::from_pem_or_der(&bytes, root) {
            Ok(list) => return Ok(Found::Ours(list)),
            Err(fault) => refused = fault,
        }
    }
    let refused = refused.in_file(path);
    match Crl::from_pem_or_der(&bytes) {
        Ok(_) => Ok(Found::Strange(refused)),
        Err(_) => Err(refused),
    }
}

fn responder(written: &RootOcspPlan, roots: &[Certificate]) -> Result<Found<Responder>, Fault> {
    let certificate = files::load_certificates(&written.cert)?.into_iter().next();
    let empty = || Fault::yours("there is no certificate in the file").in_file(&written.cert);
    let certificate = certificate.ok_or_else(empty)?;
    let key = files::load_key(&written.key, None)?;
    let signed =
        |root: &&Certificate| may_answer(&certificate, root, certificate.identity().not_before()).is_ok();
    let Some(root) = roots.iter().find(signed) else {
        let fault = Fault::yours("the root does not let this responder answer, and nobody answers for it");
        let remedy = "certify one with the root's key: countersign ca init-responder --root-key KEY";
        return Ok(Found::Strange(fault.in_file(&written.cert).remedy(remedy)));
    };
    let responder = Responder::of(certificate.clone(), &key, root);
    responder.map(Found::Ours).map_err(|fault| fault.in_file(&written.cert))
}

/// A root takes few back.
const LARGEST_LIST: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::ByRoot;

    #[test]
    fn what_the_root_signed_is_warned_of_in_the_last_third_of_its_life() {
        let from = datetime!(2026-06-01 12:00 UTC);
        let said = |days, after| {
            let fault =
                ByRoot::ending("it", (from, from + Duration::days(days)), from + Duration::days(after));
            fault.map(|fault| fault.to_string()).unwrap_or_default()
        };
        assert_eq!(said(90, 59), "");
        assert!(said(90, 60).contains("it ends on 2026-08-30"), "{}", said(90, 60));
        assert_eq!(said(730, 699), "", "30 days at the earliest");
        assert!(said(3, 4).contains("outdated since"), "{}", said(3, 4));
    }
}
