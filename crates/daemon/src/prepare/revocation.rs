//! What a TLS profile knows to be revoked before anybody is asked: lists from files, and the deny-list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{DeniedSerial, RevocationPlan};
use fault::{Fault, Faults};
use identity::{
    Certificate, Denied, IssuerMatch, List, NotItsList, OutdatedCrl, Pin, RevocationPolicy, Revocations,
};
use time::OffsetDateTime;

/// Lists that were loaded, by the path that names them, so that profiles share what they have in common.
#[derive(Default)]
pub(super) struct Loaded(BTreeMap<PathBuf, Vec<List>>);

impl Loaded {
    fn load(&mut self, pattern: &Path, anchors: &[Certificate]) -> Result<&[List], Faults> {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), files::load_revocation_lists(pattern, anchors)?);
        }
        Ok(self.0.get(pattern).map_or(&[], Vec::as_slice))
    }
}

/// What is revoked among the certificates that `anchors` vouch for. An anchor that is revoked itself is taken out of
/// them: a chain may end there, and so pass by whatever stands above it. `ours` is the key of our own authority, whose
/// ledger needs no list beside it.
///
/// # Errors
/// Every list that cannot be used, or is of nobody among the anchors.
pub(super) fn revocations(
    written: &RevocationPlan,
    anchors: &mut Vec<Certificate>,
    ours: Option<Pin>,
    loaded: &mut Loaded,
    now: OffsetDateTime,
    warnings: &mut Vec<Fault>,
) -> Result<Revocations, Faults> {
    let lists = lists(written, anchors, loaded)?;
    warnings.extend(lists.iter().filter_map(|list| outdated(list, &written.policy, now)));
    if !lists.is_empty() && written.policy.verification.is_none() {
        let others = anchors.iter().filter(|anchor| Some(anchor.identity().spki_sha256()) != ours);
        warnings.extend(others.filter_map(|anchor| unlisted(anchor, &lists)));
    }
    warnings.extend(written.revoked_serials.iter().filter_map(|denied| of_nobody(denied, anchors)));
    withdraw(written, anchors, &lists, now, warnings);
    let denied = written.revoked_serials.iter();
    let denied = denied
        .map(|DeniedSerial { serial, issuer, .. }| Denied { serial: serial.clone(), issuer: issuer.clone() });
    Ok(Revocations::new(written.policy).with_denied(denied).with_lists(lists).with_ours(ours))
}

/// The lists of the files, each signed by an anchor, and each once however often its path is written.
fn lists(
    written: &RevocationPlan,
    anchors: &[Certificate],
    loaded: &mut Loaded,
) -> Result<Vec<List>, Faults> {
    let mut faults = Faults::new();
    let mut lists: Vec<List> = Vec::new();
    for pattern in &written.crl_files {
        let found = match loaded.load(pattern, anchors) {
            Ok(found) => found,
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        for list in found {
            match not_ours(list, anchors) {
                Some(fault) => faults.push(fault),
                None if lists.iter().any(|known| Arc::ptr_eq(known.crl(), list.crl())) => {}
                None => lists.push(list.clone()),
            }
        }
    }
    faults.or(lists)
}

/// Why a list does not count here, where no anchor signed it. It would count for whoever shows an intermediate of its
/// issuer's name; but that is seldom meant, and a list that was meant for an anchor would be missed by nobody.
fn not_ours(list: &List, anchors: &[Certificate]) -> Option<Fault> {
    let mut why = NotItsList::OtherAuthority;
    for anchor in anchors {
        match list.crl().verify_issuer(anchor) {
            Ok(()) => return None,
            Err(NotItsList::OtherAuthority) => {}
            Err(other) => why = other,
        }
    }
    let said = format!("{} is of {}, which is no authority in client_ca", list.source(), list.crl().issuer());
    let remedy = "add that authority's certificate to client_ca, or leave the list out";
    Some(match why {
        NotItsList::OtherAuthority => Fault::yours(said).remedy(remedy),
        why => Fault::yours(said).because(why).remedy("fetch the list again from the authority itself"),
    })
}

/// What a list counts for once its end has passed, in words.
fn outdated(list: &List, policy: &RevocationPolicy, now: OffsetDateTime) -> Option<Fault> {
    let end = list.crl().next_update().filter(|end| *end < now)?;
    let counts = match policy.outdated {
        OutdatedCrl::FailOpen => "it counts on, as revocation.outdated says".to_owned(),
        OutdatedCrl::Grace(grace) if now - end <= grace => format!("it counts until {}", end + grace),
        OutdatedCrl::Grace(_) | OutdatedCrl::FailClosed => {
            "whoever is not on it is refused, unless the authority answers".to_owned()
        }
    };
    let said = format!("{} of {} is outdated since {end}: {counts}", list.source(), list.crl().issuer());
    Some(Fault::yours(said).remedy("fetch the authority's next list"))
}

/// An authority that no list speaks of, where others have one, is more likely forgotten than meant.
fn unlisted(anchor: &Certificate, lists: &[List]) -> Option<Fault> {
    let listed = lists.iter().any(|list| list.crl().verify_issuer(anchor).is_ok());
    let subject = anchor.identity().subject();
    let said = format!("no revocation list is of client authority {subject}: what it revokes is not known");
    (!listed)
        .then(|| Fault::yours(said).remedy("add its list to crl_files, or switch revocation.verification on"))
}

/// A name without an authority may be misspelt, and then the entry refuses nobody.
fn of_nobody(denied: &DeniedSerial, anchors: &[Certificate]) -> Option<Fault> {
    let issuer = denied.issuer.as_ref()?;
    if anchors.iter().any(|anchor| is(anchor, issuer)) {
        return None;
    }
    let said = format!(
        "no authority in client_ca is {issuer}: serial {} is refused only where an intermediate is",
        denied.serial
    );
    let fault =
        Fault::yours(said).remedy("compare it with countersign cert show FILE, or leave the issuer out");
    Some(match &denied.place {
        Some(place) => fault.at(place.clone()),
        None => fault,
    })
}

fn is(authority: &Certificate, wanted: &IssuerMatch) -> bool {
    match wanted {
        IssuerMatch::Name(name) => name.matches(authority.identity().subject()),
        IssuerMatch::Key(pin) => authority.identity().spki_sha256() == *pin,
    }
}

/// Takes those out of the anchors that another of them, or the operator, took back.
fn withdraw(
    written: &RevocationPlan,
    anchors: &mut Vec<Certificate>,
    lists: &[List],
    now: OffsetDateTime,
    warnings: &mut Vec<Fault>,
) {
    let all = anchors.clone();
    anchors.retain(|anchor| {
        let issuers =
            || all.iter().filter(|issuer| issuer.identity().subject() == anchor.identity().issuer());
        let Some(source) =
            listed(anchor, issuers(), lists, now).or_else(|| denied(anchor, issuers(), written))
        else {
            return true;
        };
        let identity = anchor.identity();
        let said = format!(
            "client authority {}, serial {}, is revoked, says {source}: it vouches for nobody",
            identity.subject(),
            identity.serial()
        );
        warnings.push(Fault::yours(said).remedy("take it out of client_ca"));
        false
    });
}

fn listed<'a>(
    anchor: &Certificate,
    mut issuers: impl Iterator<Item = &'a Certificate>,
    lists: &[List],
    now: OffsetDateTime,
) -> Option<String> {
    issuers.find_map(|issuer| {
        let of_issuer =
            |list: &&List| list.crl().verify_issuer(issuer).is_ok() && list.crl().this_update() <= now;
        let speaking = lists.iter().filter(of_issuer).filter(|list| list.crl().scope().speaks_of(anchor));
        let newest = speaking.max_by_key(|list| (list.crl().number(), list.crl().this_update()))?;
        newest.crl().find(anchor.identity().serial()).map(|_| newest.source().to_owned())
    })
}

fn denied<'a>(
    anchor: &Certificate,
    mut issuers: impl Iterator<Item = &'a Certificate>,
    written: &RevocationPlan,
) -> Option<String> {
    let serial = anchor.identity().serial();
    let mut entries = written.revoked_serials.iter().filter(|denied| denied.serial == *serial);
    let names = entries.any(|denied| match &denied.issuer {
        None => true,
        Some(IssuerMatch::Name(name)) => name.matches(anchor.identity().issuer()),
        Some(key) => issuers.any(|issuer| is(issuer, key)),
    });
    names.then(|| "revoked_serials".to_owned())
}
