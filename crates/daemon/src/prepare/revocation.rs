//! What is known to be revoked before anybody is asked: lists from files, and the deny-list. A TLS profile knows it of
//! clients, and the connection to the ledger of its server.

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
pub(crate) struct Loaded(BTreeMap<PathBuf, Vec<List>>);

impl Loaded {
    fn load(&mut self, pattern: &Path, anchors: &[Certificate]) -> Result<&[List], Faults> {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), files::load_revocation_lists(pattern, anchors)?);
        }
        Ok(self.0.get(pattern).map_or(&[], Vec::as_slice))
    }
}

/// Whose lists and whose ledger are at hand.
pub(crate) struct Authorities<'a> {
    /// Those who may vouch.
    pub(super) anchors: &'a [Certificate],
    /// The keys of our own, where they are among them: their ledger needs no list beside it.
    pub(super) ours: Vec<Pin>,
    /// The roots of our own, which may take their issuers back.
    pub(super) roots: Vec<Certificate>,
    /// For whom they vouch.
    pub(super) vouched: Vouched,
}

/// For whom authorities vouch, and so where they are named.
#[derive(Clone, Copy)]
pub(super) enum Vouched {
    /// For clients.
    Clients,
    /// For the ledger's server.
    Server,
    /// For a server behind the door.
    Upstream,
}

impl Vouched {
    fn authority(self) -> &'static str {
        match self {
            Self::Clients => "client authority",
            Self::Server => "the authority of the ledger's server",
            Self::Upstream => "the authority of a server behind the door",
        }
    }

    fn named_in(self) -> &'static str {
        match self {
            Self::Clients => "client_ca",
            Self::Server => "sslrootcert",
            Self::Upstream => "ssl_rootcert",
        }
    }

    fn section(self) -> &'static str {
        match self {
            Self::Clients => "revocation.verification",
            Self::Server => "replication.mtls.certificateVerification",
            Self::Upstream => "services",
        }
    }
}

impl<'a> Authorities<'a> {
    /// Those who may vouch for a server behind the door.
    pub(crate) fn of_upstream(anchors: &'a [Certificate]) -> Self {
        Self { anchors, ours: Vec::new(), roots: Vec::new(), vouched: Vouched::Upstream }
    }

    /// Those who may vouch for the ledger's server.
    pub(crate) fn of_server(anchors: &'a [Certificate]) -> Self {
        Self { anchors, ours: Vec::new(), roots: Vec::new(), vouched: Vouched::Server }
    }
}

/// What is revoked among the certificates that the anchors vouch for, and among the anchors.
///
/// # Errors
/// Every list that cannot be used, or is of nobody among the anchors.
pub(crate) fn revocations(
    written: &RevocationPlan,
    authorities: Authorities<'_>,
    loaded: &mut Loaded,
    now: OffsetDateTime,
    warnings: &mut Vec<Fault>,
) -> Result<Revocations, Faults> {
    let Authorities { anchors, ours, roots, vouched } = authorities;
    let lists = lists(written, anchors, vouched, loaded)?;
    warnings.extend(lists.iter().filter_map(|list| outdated(list, &written.policy, now)));
    if !lists.is_empty() && written.policy.verification.is_none() {
        let others = anchors.iter().filter(|anchor| !ours.contains(&anchor.identity().spki_sha256()));
        warnings.extend(others.filter_map(|anchor| unlisted(anchor, vouched, &lists)));
    }
    warnings.extend(written.revoked_serials.iter().filter_map(|denied| of_nobody(denied, anchors)));
    let denied = written.revoked_serials.iter();
    let denied = denied
        .map(|DeniedSerial { serial, issuer, .. }| Denied { serial: serial.clone(), issuer: issuer.clone() });
    let known = Revocations::new(written.policy).with_denied(denied).with_lists(lists).with_ours(ours);
    let known = known.with_above(anchors.iter().cloned().chain(roots));
    warnings.extend(anchors.iter().filter_map(|anchor| withdrawn(anchor, vouched, &known, now)));
    Ok(known)
}

/// The lists of the files, each signed by an anchor, and each once however often its path is written.
fn lists(
    written: &RevocationPlan,
    anchors: &[Certificate],
    vouched: Vouched,
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
            match not_ours(list, anchors, vouched) {
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
fn not_ours(list: &List, anchors: &[Certificate], vouched: Vouched) -> Option<Fault> {
    let mut why = NotItsList::OtherAuthority;
    for anchor in anchors {
        match list.crl().verify_issuer(anchor) {
            Ok(()) => return None,
            Err(NotItsList::OtherAuthority) => {}
            Err(other) => why = other,
        }
    }
    let place = vouched.named_in();
    let said = format!("{} is of {}, which is no authority in {place}", list.source(), list.crl().issuer());
    let remedy = format!("add that authority's certificate to {place}, or leave the list out");
    Some(match why {
        NotItsList::OtherAuthority => Fault::yours(said).remedy(remedy),
        why => Fault::yours(said).because(why).remedy("fetch the list again from the authority itself"),
    })
}

/// What a list counts for once its end has passed, in words.
pub(super) fn outdated(list: &List, policy: &RevocationPolicy, now: OffsetDateTime) -> Option<Fault> {
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
fn unlisted(anchor: &Certificate, vouched: Vouched, lists: &[List]) -> Option<Fault> {
    let listed = lists.iter().any(|list| list.crl().verify_issuer(anchor).is_ok());
    let subject = anchor.identity().subject();
    let (authority, section) = (vouched.authority(), vouched.section());
    let said = format!("no revocation list is of {authority} {subject}: what it revokes is not known");
    let remedy = format!("add its list to crl_files, or switch {section} on");
    (!listed).then(|| Fault::yours(said).remedy(remedy))
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

/// An authority that another one, or the operator, took back is refused with everybody below it; its place is not in
/// client_ca.
fn withdrawn(
    anchor: &Certificate,
    vouched: Vouched,
    known: &Revocations,
    now: OffsetDateTime,
) -> Option<Fault> {
    let refusal = known.judge_anchor(anchor, now).err()?;
    let (authority, place) = (vouched.authority(), vouched.named_in());
    let said = format!("{authority} {} is revoked: it vouches for nobody", anchor.identity().subject());
    Some(Fault::yours(said).because(refusal.cause()).remedy(format!("take it out of {place}")))
}
