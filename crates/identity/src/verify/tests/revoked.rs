//! What is known to be revoked, by every source and at every place of a path.

use std::sync::Arc;

use fault::{Code, Refusal};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CustomExtension, KeyIdMethod, RevokedCertParams,
    SerialNumber,
};
use time::Duration;

use super::made::{Made, NOW, ca, client, judge, trust};
use crate::{
    Crl, Denied, IssuerMatch, List, OutdatedCrl, Pin, RecordedRevocation, RevocationPolicy, RevocationReason,
    Revocations, Revoked, Trust, Verification, Verified, verify_again,
};

/// A root, an issuer below it and a client below that.
pub(super) struct World {
    pub(super) root: Made,
    pub(super) issuer: Made,
    pub(super) alice: Made,
}

impl World {
    pub(super) fn new() -> Self {
        let root = Made::root(ca("root"));
        let issuer = root.issue(ca("issuer"));
        let alice = issuer.issue(client("alice"));
        Self { root, issuer, alice }
    }

    pub(super) fn judge(&self, revocations: &Revocations) -> Result<Verified, Refusal> {
        judge(&[&self.alice, &self.issuer], &self.trust(revocations))
    }

    pub(super) fn trust(&self, revocations: &Revocations) -> Trust {
        trust(&[&self.root]).with_revocations(Arc::new(revocations.clone()))
    }

    fn refused(&self, revocations: &Revocations) -> Refusal {
        let refusal = self.judge(revocations).unwrap_err();
        // What is refused afresh is refused when it was accepted before, with the same words.
        let before = self.judge(&Revocations::default()).unwrap();
        assert_eq!(verify_again(&before, &self.trust(revocations), NOW).unwrap_err(), refusal);
        refusal
    }
}

/// Parameters of a list that names these certificates and is valid for a day.
pub(super) fn list(number: u64, revoked: &[&Made]) -> CertificateRevocationListParams {
    let revoked = revoked.iter().map(|made| RevokedCertParams {
        serial_number: SerialNumber::from_slice(made.certificate().identity().serial().bytes()),
        revocation_time: NOW - Duration::hours(2),
        reason_code: Some(rcgen::RevocationReason::KeyCompromise),
        invalidity_date: None,
    });
    CertificateRevocationListParams {
        this_update: NOW - Duration::hours(1),
        next_update: NOW + Duration::days(1),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

impl Made {
    pub(super) fn list(&self, params: CertificateRevocationListParams) -> Arc<Crl> {
        let signed = params.signed_by(self.issuer()).unwrap();
        Arc::new(Crl::from_der(signed.der()).unwrap())
    }

    pub(super) fn pin(&self) -> Pin {
        self.certificate().identity().spki_sha256()
    }
}

fn with_lists(policy: RevocationPolicy, lists: &[&Arc<Crl>]) -> Revocations {
    let lists = lists.iter().map(|list| List::from_file(Arc::clone(list), "ca.crl"));
    Revocations::new(policy).with_lists(lists)
}

fn recorded(issuer: &Made, subject: &Made) -> RecordedRevocation {
    RecordedRevocation {
        issuer: issuer.pin(),
        serial: subject.certificate().identity().serial().clone(),
        reason: RevocationReason::Superseded,
        at: NOW,
    }
}

/// What is asked about certificates that no list speaks of.
pub(super) fn asking() -> RevocationPolicy {
    RevocationPolicy { verification: Some(Verification::default()), ..RevocationPolicy::default() }
}

#[test]
fn the_deny_list_refuses_by_serial_from_any_issuer_or_from_the_one_it_names() {
    let world = World::new();
    let serial = world.alice.certificate().identity().serial().clone();
    let pin = world.issuer.pin().to_string();
    for (issuer, denied) in [
        (None, true),
        (Some("CN=issuer"), true),
        (Some("cn = ISSUER"), true),
        (Some("CN=root"), false),
        (Some(pin.as_str()), true),
        (Some("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), false),
    ] {
        let issuer_match = issuer.map(|text| text.parse().unwrap());
        let list = [Denied { serial: serial.clone(), issuer: issuer_match }];
        let revocations = Revocations::default().with_denied(list);
        if denied {
            let refusal = world.refused(&revocations);
            assert_eq!(refusal.code(), Code::CertificateRevoked, "{issuer:?}");
            assert_eq!(refusal.cause(), format!("\"CN=alice\", serial {serial}, is on the deny-list"));
        } else {
            assert!(world.judge(&revocations).is_ok(), "{issuer:?}");
        }
    }
}

#[test]
fn what_our_own_ledger_recorded_is_refused_with_date_reason_and_source() {
    let world = World::new();
    let revocations = Revocations::default().with_recorded([recorded(&world.issuer, &world.alice)]);
    let refusal = world.refused(&revocations);
    let serial = world.alice.certificate().identity().serial().clone();
    assert_eq!(refusal.code(), Code::CertificateRevoked);
    assert_eq!(
        refusal.cause(),
        format!(
            "\"CN=alice\", serial {serial}, was revoked at 2026-06-01T12:00:00Z (superseded), says our own ledger"
        )
    );
}

#[test]
fn a_serial_counts_for_the_key_that_issued_it_and_for_no_sibling() {
    let world = World::new();
    // The same serial number, recorded for the root.
    let revocations = Revocations::default().with_recorded([recorded(&world.root, &world.alice)]);
    assert!(world.judge(&revocations).is_ok());
}

#[test]
fn a_revoked_intermediate_vouches_for_nobody() {
    let world = World::new();
    let by_ledger = Revocations::default().with_recorded([recorded(&world.root, &world.issuer)]);
    let by_list = with_lists(RevocationPolicy::default(), &[&world.root.list(list(1, &[&world.issuer]))]);
    for revocations in [by_ledger, by_list] {
        let refusal = world.refused(&revocations);
        assert_eq!(refusal.code(), Code::CertificateRevoked);
        assert!(refusal.cause().starts_with("\"CN=issuer\", serial "), "{}", refusal.cause());
    }
}

#[test]
fn what_a_list_names_is_refused_and_what_it_does_not_is_answered() {
    let world = World::new();
    let naming = world.issuer.list(list(1, &[&world.alice]));
    let refusal = world.refused(&with_lists(RevocationPolicy::default(), &[&naming]));
    assert_eq!(refusal.code(), Code::CertificateRevoked);
    assert!(
        refusal
            .cause()
            .ends_with("was revoked at 2026-06-01T10:00:00Z (keyCompromise), says the list \"ca.crl\""),
        "{}",
        refusal.cause()
    );
    let (of_root, of_issuer) = (world.root.list(list(1, &[])), world.issuer.list(list(1, &[])));
    let whole =
        |lists: &[&Arc<Crl>]| world.judge(&with_lists(asking(), lists)).unwrap().unanswered().to_vec();
    assert_eq!(whole(&[&of_root, &of_issuer]), [] as [usize; 0]);
    assert_eq!(whole(&[&of_issuer]), [1]);
    assert_eq!(whole(&[&of_root]), [0]);
    assert_eq!(whole(&[]), [0, 1]);
    let leaf_alone = Verification { check_intermediates: false, ..Verification::default() };
    let policy = RevocationPolicy { verification: Some(leaf_alone), ..RevocationPolicy::default() };
    assert_eq!(world.judge(&with_lists(policy, &[])).unwrap().unanswered(), [0]);
    assert!(world.judge(&with_lists(RevocationPolicy::default(), &[])).unwrap().unanswered().is_empty());
}

#[test]
fn the_newest_list_by_number_counts() {
    let world = World::new();
    let (old, new) = (world.issuer.list(list(9, &[&world.alice])), world.issuer.list(list(10, &[])));
    for lists in [[&old, &new], [&new, &old]] {
        assert!(world.judge(&with_lists(RevocationPolicy::default(), &lists)).is_ok());
    }
    let newest = world.issuer.list(list(11, &[&world.alice]));
    for lists in [[&newest, &new], [&new, &newest]] {
        world.refused(&with_lists(RevocationPolicy::default(), &lists));
    }
}

#[test]
fn an_outdated_list_counts_as_the_policy_says_and_never_frees_what_it_names() {
    let world = World::new();
    let outdated = |revoked: &[&Made]| {
        let mut params = list(1, revoked);
        params.this_update = NOW - Duration::days(2);
        params.next_update = NOW - Duration::hours(3);
        world.issuer.list(params)
    };
    let hours = |hours: u64| OutdatedCrl::Grace(std::time::Duration::from_secs(hours * 3600));
    for (policy, accepted) in
        [(OutdatedCrl::FailClosed, false), (OutdatedCrl::FailOpen, true), (hours(2), false), (hours(4), true)]
    {
        let policy = RevocationPolicy { outdated: policy, ..RevocationPolicy::default() };
        let named = world.refused(&with_lists(policy, &[&outdated(&[&world.alice])]));
        assert_eq!(named.code(), Code::CertificateRevoked);
        let revocations = with_lists(policy, &[&outdated(&[])]);
        if accepted {
            let warnings = world.judge(&revocations).unwrap().warnings().to_vec();
            assert_eq!(warnings, ["the list \"ca.crl\" is outdated since 2026-06-01T09:00:00Z"]);
        } else {
            let refusal = world.refused(&revocations);
            assert_eq!(refusal.code(), Code::RevocationUnknown);
            assert!(refusal.cause().contains("is outdated since"), "{}", refusal.cause());
        }
    }
}

#[test]
fn an_outdated_list_counts_as_the_policy_says_where_nobody_is_asked_about_an_intermediate() {
    let world = World::new();
    let mut params = list(1, &[]);
    params.this_update = NOW - Duration::days(2);
    params.next_update = NOW - Duration::hours(3);
    let lists = [&world.issuer.list(list(1, &[])), &world.root.list(params)];
    let leaf_alone = Verification { check_intermediates: false, ..Verification::default() };
    let policy = |outdated| RevocationPolicy { outdated, verification: Some(leaf_alone) };
    let refusal = world.refused(&with_lists(policy(OutdatedCrl::FailClosed), &lists));
    assert_eq!(refusal.code(), Code::RevocationUnknown);
    let let_in = world.judge(&with_lists(policy(OutdatedCrl::FailOpen), &lists)).unwrap();
    assert_eq!(let_in.warnings().len(), 1);
    assert!(let_in.unanswered().is_empty());
}

#[test]
fn a_list_of_the_future_clears_nobody() {
    let world = World::new();
    let mut params = list(1, &[]);
    params.this_update = NOW + Duration::minutes(6);
    let future = world.issuer.list(params);
    let refusal = world.refused(&with_lists(RevocationPolicy::default(), &[&future]));
    assert_eq!(refusal.code(), Code::RevocationUnknown);
    assert_eq!(world.judge(&with_lists(asking(), &[&future])).unwrap().unanswered(), [0, 1]);
}

#[test]
fn a_list_that_another_key_signed_in_the_issuers_name_is_refused_under_every_policy() {
    let world = World::new();
    let pretender = Made::root(ca("issuer"));
    // Without the key identifier that gives it away, as a list of version 1 is.
    let crl = super::made::without_key_id(&pretender, list(1, &[]));
    let forged = Arc::new(Crl::from_der(&crl).unwrap());
    let open = RevocationPolicy { outdated: OutdatedCrl::FailOpen, ..RevocationPolicy::default() };
    for policy in [RevocationPolicy::default(), asking(), open] {
        let refusal = world.refused(&with_lists(policy, &[&forged]));
        assert_eq!(refusal.code(), Code::RevocationUnknown);
        assert!(
            refusal.cause().contains("the list's signature is not the authority's"),
            "{}",
            refusal.cause()
        );
    }
    // Once its own authority is known, it is that one's list and no forgery.
    forged.verify_issuer(&pretender.certificate()).unwrap();
    assert!(world.judge(&with_lists(RevocationPolicy::default(), &[&forged])).is_ok());
}

#[test]
fn what_a_service_told_is_refused_with_its_address() {
    let world = World::new();
    let told =
        Revoked { at: NOW, reason: RevocationReason::KeyCompromise, source: "OCSP http://o.example".into() };
    let key = (world.issuer.pin(), world.alice.certificate().identity().serial().clone());
    let refusal = world.refused(&Revocations::default().with_told([(key, told)]));
    assert_eq!(refusal.code(), Code::CertificateRevoked);
    assert!(refusal.cause().ends_with("(keyCompromise), says OCSP http://o.example"), "{}", refusal.cause());
}

#[test]
fn a_fetched_list_clears_until_it_has_to_be_fetched_again_and_names_for_longer() {
    let world = World::new();
    let fetched = |revoked: &[&Made], until| {
        let list = List::fetched(world.issuer.list(list(1, revoked)), "http://crl.example/ca.crl", until);
        Revocations::new(asking()).with_lists([list])
    };
    let (later, before) = (NOW + Duration::hours(1), NOW - Duration::hours(1));
    assert_eq!(world.judge(&fetched(&[], later)).unwrap().unanswered(), [1]);
    assert_eq!(world.judge(&fetched(&[], before)).unwrap().unanswered(), [0, 1]);
    let refusal = world.refused(&fetched(&[&world.alice], before));
    assert_eq!(refusal.code(), Code::CertificateRevoked);
}

#[test]
fn a_leaf_that_is_trusted_itself_can_be_revoked_and_is_asked_about() {
    let world = World::new();
    let pinned = |revocations: &Revocations, anchors: &[&Made]| {
        judge(&[&world.alice], &trust(anchors).with_revocations(Arc::new(revocations.clone())))
    };
    let revocations = Revocations::default().with_recorded([recorded(&world.issuer, &world.alice)]);
    let refusal = pinned(&revocations, &[&world.alice, &world.issuer]).unwrap_err();
    assert_eq!(refusal.code(), Code::CertificateRevoked);
    let serial = world.alice.certificate().identity().serial().clone();
    let by_serial = Denied { serial, issuer: None };
    let denied = Revocations::default().with_denied([by_serial.clone()]);
    assert_eq!(pinned(&denied, &[&world.alice]).unwrap_err().code(), Code::CertificateRevoked);
    // Its issuer is not at hand: whatever names it counts against it.
    let by_pin = Denied { issuer: Some(IssuerMatch::Key(world.issuer.pin())), ..by_serial };
    let list = world.issuer.list(list(1, &[&world.alice]));
    for revocations in [
        revocations,
        Revocations::default().with_denied([by_pin]),
        with_lists(RevocationPolicy::default(), &[&list]),
    ] {
        let refusal = pinned(&revocations, &[&world.alice]).unwrap_err();
        assert_eq!(refusal.code(), Code::CertificateRevoked);
    }
    assert_eq!(pinned(&Revocations::new(asking()), &[&world.alice]).unwrap().unanswered(), [0]);
}

#[test]
fn a_leaf_that_its_issuer_never_speaks_of_is_not_asked_about_and_can_still_be_revoked() {
    let world = World::new();
    let short = |asked_at: &[&str]| {
        let mut short = client("short");
        short.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 56], vec![5, 0]));
        let points = asked_at.iter().map(|uri| CrlDistributionPoint { uris: vec![(*uri).to_owned()] });
        short.crl_distribution_points = points.collect();
        world.root.issue(short)
    };
    let judged = |leaf: &Made, revocations: &Revocations| judge(&[leaf], &world.trust(revocations));
    let asking = Revocations::new(asking());
    let leaf = short(&[]);
    assert!(judged(&leaf, &asking).unwrap().unanswered().is_empty());
    assert!(judged(&leaf, &asking.with_recorded([recorded(&world.root, &leaf)])).is_err());
    let asked = short(&["http://crl.example/ca.crl"]);
    assert_eq!(
        judged(&asked, &asking).unwrap().unanswered(),
        [0],
        "whoever says where to ask is asked about"
    );
}

#[test]
fn another_path_may_do_without_the_intermediate_that_was_revoked() {
    let world = World::new();
    let other_root = Made::root(ca("other root"));
    let cross = other_root.issue_again(&world.issuer, ca("issuer"));
    let revocations = Revocations::default().with_recorded([recorded(&world.root, &world.issuer)]);
    let trust = trust(&[&world.root, &other_root]).with_revocations(Arc::new(revocations));
    let verified = judge(&[&world.alice, &world.issuer, &cross], &trust).unwrap();
    assert_eq!(verified.anchor(), &other_root.certificate());
}

#[test]
fn what_was_accepted_is_judged_again_by_the_clock_and_the_same_authorities() {
    let world = World::new();
    let trust = world.trust(&Revocations::default());
    let verified = world.judge(&Revocations::default()).unwrap();
    assert!(verify_again(&verified, &trust, NOW + Duration::days(29)).is_ok());
    let late = verify_again(&verified, &trust, NOW + Duration::days(31)).unwrap_err();
    assert_eq!(late.code(), Code::CertificateExpired);
    let other = Made::root(ca("other"));
    let refusal = verify_again(&verified, &super::made::trust(&[&other]), NOW).unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownIssuer);
}

/// R13: what is wanted of a certificate of ours is in our own ledger, and nobody else has to be asked.
#[test]
fn our_own_ledger_answers_for_our_own_authority() {
    let world = World::new();
    let verification = Some(Verification { check_intermediates: false, ..Verification::default() });
    let asking = Revocations::new(RevocationPolicy { verification, ..RevocationPolicy::default() });
    assert_eq!(world.judge(&asking).unwrap().unanswered(), [0]);
    let ours = asking.with_ours([world.issuer.pin()]);
    assert!(world.judge(&ours).unwrap().unanswered().is_empty());
    assert_eq!(world.judge(&asking.with_ours([world.root.pin()])).unwrap().unanswered(), [0]);
    let recorded = RecordedRevocation {
        issuer: world.issuer.pin(),
        serial: world.alice.certificate().identity().serial().clone(),
        reason: RevocationReason::Superseded,
        at: NOW,
    };
    assert_eq!(world.refused(&ours.with_recorded([recorded])).code(), Code::CertificateRevoked);
}

/// R12: an authority below its root that is trusted alone is refused once its root took it back, and so is who it issued.
#[test]
fn an_authority_that_its_root_took_back_vouches_for_nobody_where_a_chain_ends_at_it() {
    let world = World::new();
    let ends_at_issuer = |revocations: &Revocations| {
        judge(&[&world.alice], &trust(&[&world.issuer]).with_revocations(Arc::new(revocations.clone())))
    };
    let serial = world.issuer.certificate().identity().serial().clone();
    let recorded = |by: &Made| {
        let (issuer, serial) = (by.pin(), serial.clone());
        let recorded = RecordedRevocation { issuer, serial, reason: RevocationReason::CaCompromise, at: NOW };
        Revocations::default().with_recorded([recorded])
    };
    let above = |revocations: &Revocations| revocations.with_above([world.root.certificate().clone()]);
    let others = above(&recorded(&world.issuer));
    assert!(ends_at_issuer(&others).is_ok(), "another authority's serial number");
    let listed = with_lists(RevocationPolicy::default(), &[&world.root.list(list(1, &[&world.issuer]))]);
    let denied = Revocations::default().with_denied([Denied { serial: serial.clone(), issuer: None }]);
    for revocations in [above(&recorded(&world.root)), above(&listed), recorded(&world.root), listed, denied]
    {
        let refusal = ends_at_issuer(&revocations).unwrap_err();
        assert_eq!(refusal.code(), Code::CertificateRevoked, "{refusal:?}");
        let before = ends_at_issuer(&Revocations::default()).unwrap();
        let trust = trust(&[&world.issuer]).with_revocations(Arc::new(revocations));
        assert_eq!(verify_again(&before, &trust, NOW).unwrap_err(), refusal);
    }
}

#[test]
fn a_root_is_not_taken_for_somebody_elses_certificate_of_the_same_number() {
    let world = World::new();
    let serial = world.root.certificate().identity().serial().clone();
    let denied = Revocations::default().with_denied([Denied { serial, issuer: None }]);
    assert!(world.judge(&denied).is_ok());
}
