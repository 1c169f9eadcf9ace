//! What counts as revoked, as a value that can be compared.

use std::sync::Arc;
use std::time::Duration;

use access::Weakening;
use config::{DeniedSerial, TlsPlan};
use identity::{
    CrlNumber, FailureMode, IssuerMatch, List, OutdatedCrl, Pin, RevocationPolicy, Scope, Trust, Verification,
};
use time::OffsetDateTime;

/// What counts as revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revoking {
    pub(super) denied: Vec<DeniedSerial>,
    pub(super) lists: Vec<Listed>,
    pub(super) policy: RevocationPolicy,
}

/// Which list of which authority there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) issuer: String,
    /// The key of the anchor that signed it; none where an intermediate did.
    pub(super) key: Option<Pin>,
    pub(super) scope: Scope,
    pub(super) number: Option<CrlNumber>,
    pub(super) made: OffsetDateTime,
}

impl Revoking {
    pub(super) fn of(tls: &TlsPlan, trust: Option<&Arc<Trust>>) -> Self {
        let lists =
            trust.map(|trust| trust.revocations().lists().map(|list| Listed::of(list, trust)).collect());
        Self {
            denied: tls.revocation.revoked_serials.clone(),
            lists: lists.unwrap_or_default(),
            policy: tls.revocation.policy,
        }
    }
}

impl Listed {
    fn of(list: &List, trust: &Trust) -> Self {
        let crl = list.crl();
        let signer = trust.anchors().find(|anchor| crl.verify_issuer(anchor).is_ok());
        Self {
            issuer: crl.issuer().to_string(),
            key: signer.map(|anchor| anchor.identity().spki_sha256()),
            scope: crl.scope().clone(),
            number: crl.number(),
            made: crl.this_update(),
        }
    }

    /// Whether it is the same list or a later one.
    fn replaces(&self, old: &Self) -> bool {
        let whose = |list: &Self| (list.issuer.clone(), list.key, list.scope.clone());
        whose(self) == whose(old) && (self.number, self.made) >= (old.number, old.made)
    }
}

/// By what the new one takes back less than the old one.
pub(super) fn weaker(old: &Revoking, new: &Revoking, profile: &str) -> Vec<Weakening> {
    let told = |setting: &str, what: String| Weakening::new(format!("revocation {profile} {setting}"), what);
    let mut found = Vec::new();
    for denied in old.denied.iter().filter(|denied| !new.denied.iter().any(|now| covers(now, denied))) {
        let (serial, of) = (&denied.serial, denied.issuer.as_ref().map(by).unwrap_or_default());
        let what = format!("tls profile {profile:?} no longer refuses the serial {serial}{of}");
        found.push(told(&format!("serial {serial}"), what));
    }
    for list in old.lists.iter().filter(|list| !new.lists.iter().any(|now| now.replaces(list))) {
        let (issuer, number) =
            (&list.issuer, list.number.map(|number| format!(" {number}")).unwrap_or_default());
        let what =
            format!("tls profile {profile:?} no longer has the list{number} of {issuer}, nor a later one");
        found.push(told(&format!("list {issuer}"), what));
    }
    let lists_refuse = !old.lists.is_empty() && old.policy.outdated != OutdatedCrl::FailOpen;
    let looser = loosened(&old.policy, &new.policy, lists_refuse);
    found.extend(
        looser.into_iter().map(|(setting, what)| told(setting, format!("tls profile {profile:?}: {what}"))),
    );
    found
}

fn by(issuer: &IssuerMatch) -> String {
    format!(" of {issuer}")
}

/// Whether whatever `old` refuses, `new` refuses too.
fn covers(new: &DeniedSerial, old: &DeniedSerial) -> bool {
    new.serial == old.serial && (new.issuer.is_none() || new.issuer == old.issuer)
}

type Row = (&'static str, &'static str);

/// The settings by which less is asked than before; `lists_refuse` where a list that is out of date kept everybody out.
fn loosened(old: &RevocationPolicy, new: &RevocationPolicy, lists_refuse: bool) -> Vec<Row> {
    let mut rows: Vec<(bool, Row)> = vec![(
        leniency(new.outdated) > leniency(old.outdated),
        ("outdated", "a list past its nextUpdate counts for longer"),
    )];
    match (&old.verification, &new.verification) {
        (Some(_), None) => rows.push((true, ("verification", "authorities are no longer asked"))),
        (Some(old), Some(new)) => rows.extend(verification(old, new)),
        (None, Some(new)) => rows.extend(begun(new, lists_refuse)),
        (None, None) => {}
    }
    rows.into_iter().filter(|(looser, _)| *looser).map(|(_, row)| row).collect()
}

/// By what asking lets in whom a list that is out of date kept out; it does so wherever nobody answers for certain.
fn begun(new: &Verification, lists_refuse: bool) -> Vec<(bool, Row)> {
    let by_method = [new.crl.map(|check| check.failure_mode), new.ocsp.map(|check| check.failure_mode)];
    let fails_open = new.failure_mode == FailureMode::FailOpen
        || by_method.into_iter().flatten().any(|mode| mode == FailureMode::FailOpen);
    vec![
        (lists_refuse && fails_open, ("failure-mode", FAILS_OPEN)),
        (lists_refuse && !new.check_intermediates, ("check-intermediates", NOT_INTERMEDIATES)),
        (new.allow_private_addresses, ("allow-private-addresses", PRIVATE)),
    ]
}

fn verification(old: &Verification, new: &Verification) -> Vec<(bool, Row)> {
    let old_mode = old.failure_mode;
    let mut rows = vec![
        (new.failure_mode > old.failure_mode, ("failure-mode", FAILS_OPEN)),
        (old.check_intermediates && !new.check_intermediates, ("check-intermediates", NOT_INTERMEDIATES)),
        (new.allow_private_addresses && !old.allow_private_addresses, ("allow-private-addresses", PRIVATE)),
    ];
    match (&old.crl, &new.crl) {
        (Some(_), None) => rows.push((true, ("crl", "authorities' lists are no longer fetched"))),
        (Some(old), Some(new)) => rows.extend([
            (new.failure_mode > old.failure_mode, ("crl-failure-mode", FAILS_OPEN)),
            (new.cache_ttl > old.cache_ttl, ("crl-cache-ttl", "a fetched list counts for longer")),
            (new.grace > old.grace, ("crl-grace", "an outdated list counts for longer")),
        ]),
        // What fails open may be the only one that a certificate names.
        (None, Some(new)) => rows.push((new.failure_mode > old_mode, ("crl-failure-mode", FAILS_OPEN))),
        (None, None) => {}
    }
    match (&old.ocsp, &new.ocsp) {
        (Some(_), None) => rows.push((true, ("ocsp", "responders are no longer asked"))),
        (Some(old), Some(new)) => rows.extend([
            (new.failure_mode > old.failure_mode, ("ocsp-failure-mode", FAILS_OPEN)),
            (new.cache_ttl > old.cache_ttl, ("ocsp-cache-ttl", "a good answer counts for longer")),
        ]),
        (None, Some(new)) => rows.push((new.failure_mode > old_mode, ("ocsp-failure-mode", FAILS_OPEN))),
        (None, None) => {}
    }
    rows
}

/// For how long an outdated list counts.
fn leniency(outdated: OutdatedCrl) -> Duration {
    match outdated {
        OutdatedCrl::FailClosed => Duration::ZERO,
        OutdatedCrl::Grace(grace) => grace,
        OutdatedCrl::FailOpen => Duration::MAX,
    }
}

const NOT_INTERMEDIATES: &str = "intermediates are not asked about";
const PRIVATE: &str = "answers are fetched from this machine and from private networks, too";
const FAILS_OPEN: &str = "a certificate that nobody answers for is let in";
